//! Whether this machine's KVM runs guests, found out by timing a short loop.
//!
//! Inside a virtual machine `/dev/kvm` may open, take every call, and then emulate each instruction of a guest: a kernel
//! would boot for an hour. So a loop of two instructions is run in ring 0, ten times as long each time, until it takes
//! long enough to be timed. A machine that is busy may take the processor away meanwhile, and the first turns of all find
//! everything cold: what took long is run again, and the fastest run counts.

use std::{fmt, io, path::Path, time::Duration};

use sonagi_model::{Clock, limits};

use super::sys::Counter;

/// What the kernel offers virtual machines with.
pub(super) const DEVICE: &str = "/dev/kvm";

/// Turns of the first loop, and what each next one has more of them.
const FIRST: u32 = 1_000;
const GROWTH: u32 = 10;
const LAST: u32 = 10_000_000;
/// How often what took long is run.
const RUNS: u32 = 4;
const INSTRUCTIONS_A_TURN: f64 = 2.0;
/// What is timed is not timed well if it is shorter.
const ENOUGH: Duration = Duration::from_millis(20);

/// Instructions a second that a guest's processor executes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Speed(f64);

impl Speed {
    pub(super) fn suffices(self) -> bool {
        self.0 >= limits::MICROVM_SPEED_MIN
    }
}

/// As people say it: `0.3 million instructions a second`.
impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millions = self.0 / 1e6;
        let digits = if millions < 10.0 { 2 } else { 0 };
        write!(f, "{millions:.digits$} million instructions a second")
    }
}

/// Times the processor of a guest. Blocks for some tens of milliseconds; where a guest is slow, for a second or two.
///
/// # Errors
/// There is no KVM, or it does not run the loop.
pub fn speed(device: &Path, clock: &dyn Clock) -> io::Result<Speed> {
    let mut counter = Counter::new(device)?;
    timed(|turns| {
        let began = clock.tick();
        counter.count(turns)?;
        Ok(clock.tick().since(began))
    })
}

/// The speed at which `run` executes so many turns of the loop.
fn timed(mut run: impl FnMut(u32) -> io::Result<Duration>) -> io::Result<Speed> {
    let mut turns = FIRST;
    loop {
        let mut took = run(turns)?;
        for _ in 1..RUNS {
            if took < ENOUGH {
                break;
            }
            took = took.min(run(turns)?);
        }
        if took >= ENOUGH || turns >= LAST {
            let seconds = took.as_secs_f64().max(f64::EPSILON);
            return Ok(Speed(f64::from(turns) * INSTRUCTIONS_A_TURN / seconds));
        }
        turns *= GROWTH;
    }
}

/// Why this machine's KVM is no use, and what to do; none: it is.
pub(super) fn refusal(device: &Path, clock: &dyn Clock) -> Option<String> {
    match speed(device, clock) {
        Ok(speed) if speed.suffices() => None,
        Ok(speed) => Some(format!(
            "this machine's KVM runs guests at {speed}, and {} are the least: it emulates them, as nested KVM does where \
             the machine below does not help. Use a machine of its own, or one whose host has nested virtualisation \
             switched on",
            Speed(limits::MICROVM_SPEED_MIN)
        )),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Some(format!(
            "this machine has no {}: load the module kvm_intel or kvm_amd, and switch virtualisation on in its firmware",
            device.display()
        )),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            Some(format!("{} may not be opened: run the server as root", device.display()))
        }
        Err(error) => Some(format!("{} does not run guests: {error}", device.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speed_is_told_in_millions() {
        assert_eq!(Speed(312_345.0).to_string(), "0.31 million instructions a second");
        assert_eq!(Speed(2.5e9).to_string(), "2500 million instructions a second");
        assert!(!Speed(99e6).suffices());
        assert!(Speed(100e6).suffices());
    }

    /// A processor of 2,000 million instructions a second, taken away for 50 ms in the runs with these numbers.
    fn on_a_busy_machine(taken_away: impl Fn(u32) -> bool) -> Speed {
        let mut runs = 0;
        let speed = timed(|turns| {
            runs += 1;
            let away = if taken_away(runs) { Duration::from_millis(50) } else { Duration::ZERO };
            Ok(Duration::from_nanos(u64::from(turns)) + away)
        });
        assert!(runs < 20, "{runs} runs");
        speed.unwrap()
    }

    #[test]
    fn a_machine_that_is_busy_is_not_taken_for_a_slow_one() {
        assert_eq!(on_a_busy_machine(|_| false), Speed(2e9));
        assert!(on_a_busy_machine(|run| run == 1).suffices());
        assert!(on_a_busy_machine(|run| run % 2 == 1).suffices());
        assert!(!on_a_busy_machine(|_| true).suffices());
    }
}
