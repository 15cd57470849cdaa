//! Which system calls a function's processes may make.
//!
//! Two filters. The first is the list of what is allowed: all else does not exist (`ENOSYS`), which is what programs
//! expect of a call that an older kernel lacks, so that they do without it. The second says `EPERM` to what is known
//! and refused, as a kernel does that lacks nothing but the right. Calls of another architecture end the process.

use std::{collections::BTreeMap, io};

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch,
};

use super::{allowed, order::Purpose, refused, search};

/// The filters, compiled.
#[derive(Debug)]
pub(super) struct Filters {
    allow: BpfProgram,
    refuse: BpfProgram,
    template: TemplateFilters,
}

/// Those of a process that may be copied.
#[derive(Debug)]
struct TemplateFilters {
    allow: BpfProgram,
    refuse: BpfProgram,
    /// A sandbox is entered only while the process is traced, by its sandbox's first process: without a tracer the call
    /// does not exist.
    traced: BpfProgram,
}

#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: TargetArch = TargetArch::x86_64;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: TargetArch = TargetArch::aarch64;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Every flag of `clone` that asks for a namespace.
const NAMESPACES: [i32; 7] = [
    libc::CLONE_NEWNS,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
];
/// `linux/prctl.h`
const PR_SET_CHILD_SUBREAPER: u64 = 36;
/// Of a socket's type, the bits that say which it is; the others are flags.
const SOCKET_TYPE: u64 = 0xf;

impl Filters {
    pub(super) fn new() -> io::Result<Self> {
        let (absent, refused) = (errno(libc::ENOSYS), errno(libc::EPERM));
        let allowing =
            |calls: &[i64], rules: Rules| program(calls, rules, SeccompAction::Allow, absent.clone());
        let refusing =
            |calls: &[i64], rules: Rules| program(calls, rules, refused.clone(), SeccompAction::Allow);
        let make = || {
            let allowed: Vec<i64> = allowed::calls().collect();
            let refused: Vec<i64> = refused::calls().collect();
            let mut refusals = refuse()?;
            let (allow, refuse) =
                (allowing(&allowed, self::allow()?)?, refusing(&refused, refusals.clone())?);
            let entering = [allowed, vec![libc::SYS_setns]].concat();
            let mut others = refused;
            others.retain(|call| *call != libc::SYS_setns && *call != libc::SYS_prctl);
            // What a copy leaves behind must come to the sandbox's first process.
            refusals.insert(libc::SYS_prctl, vec![rule(vec![is(0, PR_SET_CHILD_SUBREAPER)?])?]);
            let traced = Rules::from([(libc::SYS_setns, Vec::new())]);
            let template = TemplateFilters {
                allow: allowing(&entering, self::allow()?)?,
                refuse: refusing(&others, refusals)?,
                traced: compile(traced, SeccompAction::Allow, SeccompAction::Trace(0))?,
            };
            Ok(Self { allow, refuse, template })
        };
        make().map_err(invalid)
    }

    /// From here on this process, and all that it starts.
    pub(super) fn apply(&self, purpose: Purpose) -> io::Result<()> {
        let TemplateFilters { allow, refuse, traced } = &self.template;
        let filters = match purpose {
            Purpose::Known | Purpose::ToldLater => vec![&self.allow, &self.refuse],
            Purpose::Template => vec![allow, refuse, traced],
        };
        for filter in filters {
            seccompiler::apply_filter(filter).map_err(io::Error::other)?;
        }
        Ok(())
    }
}

/// What says `then` of `calls`, and of those that fit their `rules`; and `otherwise` of all others.
fn program(calls: &[i64], rules: Rules, then: SeccompAction, otherwise: SeccompAction) -> Result<BpfProgram> {
    let conditional: Vec<i64> = rules.keys().copied().collect();
    let conditions = compile(rules, otherwise.clone(), then.clone())?;
    let conditional = (conditional.into_iter(), &conditions);
    Ok(search::program(calls.iter().copied(), then, conditional, otherwise, ARCHITECTURE))
}

fn compile(rules: Rules, otherwise: SeccompAction, then: SeccompAction) -> Result<BpfProgram> {
    SeccompFilter::new(rules, otherwise, then, ARCHITECTURE)?.try_into()
}

fn errno(number: i32) -> SeccompAction {
    SeccompAction::Errno(number.unsigned_abs())
}

fn invalid(error: seccompiler::BackendError) -> io::Error {
    io::Error::other(error)
}

type Result<T> = std::result::Result<T, seccompiler::BackendError>;

/// What is allowed under conditions.
fn allow() -> Result<Rules> {
    let mut rules = Rules::new();
    let every: u64 = NAMESPACES.iter().map(|&flag| flag as u64).sum();
    rules.insert(libc::SYS_clone, vec![rule(vec![masked(0, every, 0)?])?]);
    // Asking, and what is set already.
    rules.insert(libc::SYS_personality, vec![rule(vec![is(0, 0)?])?, rule(vec![is(0, 0xffff_ffff)?])?]);
    let mut sockets = vec![
        rule(vec![is(0, libc::AF_UNIX as u64)?])?,
        rule(vec![is(0, libc::AF_NETLINK as u64)?, is(2, libc::NETLINK_ROUTE as u64)?])?,
    ];
    for family in [libc::AF_INET, libc::AF_INET6] {
        for (kind, protocol) in
            [(libc::SOCK_STREAM, libc::IPPROTO_TCP), (libc::SOCK_DGRAM, libc::IPPROTO_UDP)]
        {
            // The usual one for the type may go without a name.
            for protocol in [0, protocol] {
                sockets.push(rule(vec![
                    is(0, family as u64)?,
                    masked(1, SOCKET_TYPE, kind as u64)?,
                    is(2, protocol as u64)?,
                ])?);
            }
        }
    }
    rules.insert(libc::SYS_socket, sockets);
    Ok(rules)
}

/// What is refused under conditions.
fn refuse() -> Result<Rules> {
    let mut rules = Rules::new();
    let namespace = |&flag: &i32| rule(vec![masked(0, flag as u64, flag as u64)?]);
    rules.insert(libc::SYS_clone, NAMESPACES.iter().map(namespace).collect::<Result<_>>()?);
    rules.insert(libc::SYS_personality, vec![rule(vec![is_not(0, 0)?, is_not(0, 0xffff_ffff)?])?]);
    let families = [libc::AF_UNIX, libc::AF_NETLINK, libc::AF_INET, libc::AF_INET6];
    let other = families.into_iter().map(|family| is_not(0, family as u64)).collect::<Result<_>>()?;
    let mut sockets = vec![
        rule(other)?,
        rule(vec![is(0, libc::AF_NETLINK as u64)?, is_not(2, libc::NETLINK_ROUTE as u64)?])?,
    ];
    for family in [libc::AF_INET, libc::AF_INET6] {
        sockets.push(rule(vec![is(0, family as u64)?, masked(1, SOCKET_TYPE, libc::SOCK_RAW as u64)?])?);
        // Multipath TCP, SCTP and all the others that few programs want and that fewer people have looked at.
        sockets.push(rule(vec![
            is(0, family as u64)?,
            is_not(2, 0)?,
            is_not(2, libc::IPPROTO_TCP as u64)?,
            is_not(2, libc::IPPROTO_UDP as u64)?,
        ])?);
    }
    rules.insert(libc::SYS_socket, sockets);
    rules.insert(libc::SYS_socketpair, vec![rule(vec![is_not(0, libc::AF_UNIX as u64)?])?]);
    // Typing into a terminal that is somebody else's.
    rules.insert(
        libc::SYS_ioctl,
        vec![rule(vec![is(1, libc::TIOCSTI)?])?, rule(vec![is(1, libc::TIOCLINUX)?])?],
    );
    Ok(rules)
}

fn rule(conditions: Vec<SeccompCondition>) -> Result<SeccompRule> {
    SeccompRule::new(conditions)
}

/// Flags and families are 32 bits: a caller may have anything in the upper half of the register.
fn is(argument: u8, value: u64) -> Result<SeccompCondition> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)
}

fn is_not(argument: u8, value: u64) -> Result<SeccompCondition> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, value)
}

fn masked(argument: u8, mask: u64, value: u64) -> Result<SeccompCondition> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(mask), value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_both_allowed_and_refused() {
        let both: Vec<_> = refused::calls().filter(|call| allowed::calls().any(|it| it == *call)).collect();
        assert!(both.is_empty(), "{both:?}");
    }

    #[test]
    fn the_filters_fit_into_the_kernels_limit() {
        const MOST: usize = 4_096;
        let filters = Filters::new().unwrap();
        assert!(filters.allow.len() < MOST && filters.refuse.len() < MOST);
    }

    /// One comparison after the other, as `seccompiler` makes it.
    fn linear(calls: &[i64], mut rules: Rules, then: SeccompAction, otherwise: SeccompAction) -> BpfProgram {
        for call in calls {
            rules.entry(*call).or_default();
        }
        compile(rules, otherwise, then).unwrap()
    }

    /// The kernel's part, for the instructions that these programs are made of.
    fn run(program: &[seccompiler::sock_filter], number: u32, arguments: [u64; 6]) -> (u32, usize) {
        const AUDIT: u32 = if cfg!(target_arch = "x86_64") { 0xc000_003e } else { 0xc000_00b7 };
        let load = |offset: u32| match offset {
            0 => number,
            4 => AUDIT,
            16.. => {
                let argument = arguments[(offset as usize - 16) / 8];
                if offset.is_multiple_of(8) { argument as u32 } else { (argument >> 32) as u32 }
            }
            other => panic!("nothing lies at {other}"),
        };
        let (mut at, mut register, mut steps) = (0, 0, 0);
        loop {
            let instruction = &program[at];
            (at, steps) = (at + 1, steps + 1);
            let k = instruction.k;
            let jump = |holds: bool| usize::from(if holds { instruction.jt } else { instruction.jf });
            match instruction.code {
                0x20 => register = load(k),
                0x54 => register &= k,
                0x05 => at += k as usize,
                0x15 => at += jump(register == k),
                0x25 => at += jump(register > k),
                0x35 => at += jump(register >= k),
                0x45 => at += jump(register & k != 0),
                0x06 => return (k, steps),
                other => panic!("an instruction that is not known: {other:#x}"),
            }
        }
    }

    #[test]
    fn halving_says_what_comparing_one_after_the_other_says() {
        const MOST_STEPS: usize = 24;
        let (absent, refused) = (errno(libc::ENOSYS), errno(libc::EPERM));
        let allowed: Vec<i64> = allowed::calls().collect();
        let refusals: Vec<i64> = refused::calls().collect();
        let filters = Filters::new().unwrap();
        let pairs = [
            (&filters.allow, linear(&allowed, allow().unwrap(), SeccompAction::Allow, absent)),
            (&filters.refuse, linear(&refusals, refuse().unwrap(), refused, SeccompAction::Allow)),
        ];
        let conditional: Vec<i64> =
            allow().unwrap().into_keys().chain(refuse().unwrap().into_keys()).collect();
        let values = [
            0,
            1,
            2,
            3,
            5,
            6,
            10,
            16,
            17,
            36,
            0x5412,
            0x541c,
            0x1000_0000,
            0x7e02_0000,
            0xffff_ffff,
            1 << 40,
        ];
        for (halved, one_by_one) in &pairs {
            for number in (0..1_024).chain([0x4000_0000, 0x4000_0029, u32::MAX]) {
                if conditional.contains(&i64::from(number)) {
                    continue;
                }
                let (said, steps) = run(halved, number, [0; 6]);
                assert_eq!(said, run(one_by_one, number, [0; 6]).0, "call {number}");
                assert!(steps < MOST_STEPS, "{steps} steps for call {number}");
            }
            for &number in &conditional {
                for first in values {
                    for second in values {
                        for third in values {
                            let (number, arguments) = (number as u32, [first, second, third, 0, 0, 0]);
                            let said = run(halved, number, arguments).0;
                            assert_eq!(
                                said,
                                run(one_by_one, number, arguments).0,
                                "{number} of {arguments:x?}"
                            );
                        }
                    }
                }
            }
        }
    }
}
