//! What the server's process takes: its memory and its processor time.

use std::fs;

use anyhow::{Context as _, Result};

/// Of that file, a second: the same on every Linux (`man 7 time`, "USER_HZ").
const TICKS: f64 = 100.0;

/// MiB.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Memory {
    /// All that is resident, with the pages of files that are mapped.
    pub(super) resident: f64,
    /// Of that, what is no file's.
    pub(super) anonymous: f64,
}

impl Memory {
    pub(super) fn of(process: u32) -> Result<Self> {
        let text = fs::read_to_string(format!("/proc/{process}/status"))?;
        let line = |name: &str| -> Result<f64> {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            let kib = line.and_then(|line| line.split_whitespace().nth(1)).context("no such line")?;
            Ok(kib.parse::<f64>()? / 1024.0)
        };
        Ok(Self { resident: line("VmRSS")?, anonymous: line("RssAnon")? })
    }

    pub(super) fn most(self, other: Self) -> Self {
        Self { resident: self.resident.max(other.resident), anonymous: self.anonymous.max(other.anonymous) }
    }
}

/// Seconds that all threads of a process have computed, those that have ended too, to a hundredth (`man 5 proc`, `stat`).
pub(super) fn computed(process: u32) -> Result<f64> {
    let text = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name of the program may have spaces in it.
    let (_, rest) = text.rsplit_once(')').context("no program")?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let [user, system] = [11, 12].map(|at| fields.get(at).and_then(|ticks| ticks.parse::<u64>().ok()));
    Ok((user.context("no user time")? + system.context("no system time")?) as f64 / TICKS)
}
