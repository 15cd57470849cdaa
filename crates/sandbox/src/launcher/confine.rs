//! What takes a process's powers away, for good.

use std::{io, os::fd::OwnedFd, path::Path};

use landlock::{
    ABI, Access, AccessFs, BitFlags, CompatLevel, Compatible, PathBeneath, Ruleset, RulesetAttr,
    RulesetCreatedAttr, Scope,
};
use rustix::{
    fs::{Mode, OFlags},
    thread::{CapabilitySet, CapabilitySets},
};

use super::{root, sys};

/// Drops every capability, and makes sure that none comes back. `users` as in `Sandbox`.
pub(super) fn drop_privileges(users: Option<u32>) -> io::Result<()> {
    // Numbers that the kernel does not know are refused, and end the loop.
    for number in 0..u32::BITS * 2 {
        let capability = CapabilitySet::from_bits_retain(1 << number);
        match rustix::thread::remove_capability_from_bounding_set(capability) {
            Err(rustix::io::Errno::INVAL) => break,
            other => other?,
        }
    }
    if users.is_some() {
        sys::become_user(root::USER, root::GROUP)?;
    }
    keep_nothing()
}

/// No capability, and no program that gives one.
pub(super) fn keep_nothing() -> io::Result<()> {
    keep(CapabilitySet::empty())
}

/// None but to send signals to whatever runs in the sandbox, which has another user.
pub(super) fn keep_signals() -> io::Result<()> {
    keep(CapabilitySet::KILL)
}

fn keep(kept: CapabilitySet) -> io::Result<()> {
    let none = CapabilitySet::empty();
    rustix::thread::set_capabilities(
        None,
        CapabilitySets { effective: kept, permitted: kept, inheritable: none },
    )?;
    rustix::thread::set_no_new_privs(true)?;
    be_private()
}

/// Nobody else of the same user may look into this process, or steer it. An exec takes it back.
pub(super) fn be_private() -> io::Result<()> {
    Ok(rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?)
}

/// The opposite, for a moment.
pub(super) fn be_open() -> io::Result<()> {
    Ok(rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::Dumpable)?)
}

/// What the newest kernel knows that this was written for; an older one enforces what it can.
const KNOWN: ABI = ABI::V6;
/// Where a function may write besides `/tmp`.
const WRITTEN: [&str; 5] = ["dev/null", "dev/zero", "dev/full", "dev/random", "dev/urandom"];

/// Where writing is left to the mounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writes {
    /// Nowhere but in `/tmp`.
    Temporary,
    /// Everywhere: the rules go with every copy of the process, and each has a `/tmp` of its own.
    Anywhere,
}

/// Restricts this process to read and run what is below `root`, and to write to `/tmp`, by Landlock. The mounts say the
/// same; this holds where there is a mistake in them. Nothing where the kernel has no Landlock.
pub(super) fn files(root: &Path, writes: Writes) -> io::Result<()> {
    let failed = |error: landlock::RulesetError| io::Error::other(error);
    let open = |path: &Path| -> io::Result<OwnedFd> {
        Ok(rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?)
    };
    let all = AccessFs::from_all(KNOWN);
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(all)
        .map_err(failed)?
        .scope(Scope::AbstractUnixSocket | Scope::Signal)
        .map_err(failed)?
        .create()
        .map_err(failed)?;
    let beneath = |path: &Path, access: BitFlags<AccessFs>| -> io::Result<PathBeneath<OwnedFd>> {
        Ok(PathBeneath::new(open(path)?, access))
    };
    let everywhere = match writes {
        Writes::Temporary => AccessFs::from_read(KNOWN),
        Writes::Anywhere => all,
    };
    rules = rules.add_rule(beneath(root, everywhere)?).map_err(failed)?;
    rules = rules.add_rule(beneath(&root.join("tmp"), all)?).map_err(failed)?;
    for name in WRITTEN {
        let access = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::Truncate;
        rules = rules.add_rule(beneath(&root.join(name), access)?).map_err(failed)?;
    }
    rules.restrict_self().map_err(failed)?;
    Ok(())
}
