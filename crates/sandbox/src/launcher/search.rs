//! Filters of system calls that find a call's number by halving. The kernel asks a new filter about every call there is,
//! to know which are always allowed: with one comparison after the other that takes a millisecond of a start.
//!
//! ```text
//! architecture? ─► number? ─► ranges, halved ─┬─► the calls with conditions ─► their own program
//!                                             └─► what is said of the range
//! ```

use std::collections::BTreeMap;

use seccompiler::{BpfProgram, SeccompAction, TargetArch, sock_filter};

/// What is said of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leaf {
    Return(u32),
    /// It depends on the call's arguments.
    Conditions,
}

/// `linux/bpf_common.h`
const LOAD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
const JUMP: u16 = 0x05; // BPF_JMP | BPF_JA
const JUMP_IF_EQUAL: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const JUMP_IF_AT_LEAST: u16 = 0x35; // BPF_JMP | BPF_JGE | BPF_K
const RETURN: u16 = 0x06; // BPF_RET | BPF_K
/// Of `struct seccomp_data`, `linux/seccomp.h`.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
/// `linux/audit.h`
const AUDIT_X86_64: u32 = 0xc000_003e;
const AUDIT_AARCH64: u32 = 0xc000_00b7;
const AUDIT_RISCV64: u32 = 0xc000_00f3;

/// A program that says `then` of `calls`, what `conditions` says of those that have `conditional` numbers, and
/// `otherwise` of all others. Calls of another architecture end the process.
pub(super) fn program(
    calls: impl Iterator<Item = i64>,
    then: SeccompAction,
    (conditional, conditions): (impl Iterator<Item = i64>, &BpfProgram),
    otherwise: SeccompAction,
    architecture: TargetArch,
) -> BpfProgram {
    let then = Leaf::Return(then.into());
    // What comes later has the last word about a number.
    let said = calls.map(|call| (call, then)).chain(conditional.map(|call| (call, Leaf::Conditions)));
    let said = said.filter_map(|(call, leaf)| Some((u32::try_from(call).ok()?, leaf))).collect();
    let ranges = ranges(&said, Leaf::Return(otherwise.into()));
    let mut program = vec![
        instruction(LOAD, ARCHITECTURE),
        sock_filter { code: JUMP_IF_EQUAL, jt: 1, jf: 0, k: audit(architecture) },
        instruction(RETURN, SeccompAction::KillProcess.into()),
        instruction(LOAD, NUMBER),
    ];
    let mut jumps = Vec::new();
    halve(&ranges, &mut program, &mut jumps);
    let conditions_begin = program.len();
    for at in jumps {
        program[at] = instruction(JUMP, (conditions_begin - at - 1) as u32);
    }
    // It loads what it looks at, and jumps by distances.
    program.extend(conditions.iter().cloned());
    program
}

/// Where each range of numbers begins about which the same is said; the first one begins at 0.
fn ranges(said: &BTreeMap<u32, Leaf>, otherwise: Leaf) -> Vec<(u32, Leaf)> {
    let mut ranges: Vec<(u32, Leaf)> = Vec::new();
    let mut begin = |at: u32, leaf: Leaf| match ranges.last() {
        Some((_, last)) if *last == leaf => {}
        Some(_) | None => ranges.push((at, leaf)),
    };
    let mut next = 0;
    for (&call, &leaf) in said {
        if call > next {
            begin(next, otherwise);
        }
        begin(call, leaf);
        next = call + 1;
    }
    begin(next, otherwise);
    ranges
}

/// Appends the search among `ranges`; `jumps` are told where a jump to the conditions is missing.
fn halve(ranges: &[(u32, Leaf)], program: &mut BpfProgram, jumps: &mut Vec<usize>) {
    match ranges {
        [] => {}
        [(_, Leaf::Return(value))] => program.push(instruction(RETURN, *value)),
        [(_, Leaf::Conditions)] => {
            jumps.push(program.len());
            program.push(instruction(JUMP, 0));
        }
        many => {
            let (below, from) = many.split_at(many.len() / 2);
            let Some((middle, _)) = from.first() else { return };
            // A condition jumps no further than 255; the jump after it does.
            program.push(sock_filter { code: JUMP_IF_AT_LEAST, jt: 0, jf: 1, k: *middle });
            let at = program.len();
            program.push(instruction(JUMP, 0));
            halve(below, program, jumps);
            program[at] = instruction(JUMP, (program.len() - at - 1) as u32);
            halve(from, program, jumps);
        }
    }
}

fn instruction(code: u16, value: u32) -> sock_filter {
    sock_filter { code, jt: 0, jf: 0, k: value }
}

fn audit(architecture: TargetArch) -> u32 {
    match architecture {
        TargetArch::x86_64 => AUDIT_X86_64,
        TargetArch::aarch64 => AUDIT_AARCH64,
        TargetArch::riscv64 => AUDIT_RISCV64,
    }
}
