//! The first process of a virtual machine that runs one function.
//!
//! ```text
//!              boot: modules, /proc, /sys, /dev
//!                │
//!   host ◄───────┤ control: "hello" ──► orders ──► mount the drives, become their root, lo and eth0 up
//!   1024         │
//!                ├── relays: 127.0.0.1:9001 (the Runtime API), the AWS endpoint ──► the host's ports
//!                ├── output: what the function writes ──► the host's port 1025
//!                └── the runtime, an ordinary user without capabilities; reap; say how it ended
//! ```
//!
//! Start reading at [`main`]. Always true here:
//! - everything outside of the machine is asked for by this program over vsock; it listens on loopback alone;
//! - what the function wrote before it answered is sent before the answer is;
//! - after a restore, whose sign is that every vsock connection is reset, nothing of the function's goes to the host
//!   before the clock is set and the kernel's random numbers have a new seed;
//! - without a host for [`control::PATIENCE`] the machine ends itself.
//!
//! It is one static program without a crate but the standard library: `build.rs` compiles it, and the host puts it into
//! an initial RAM disk.

mod boot;
mod control;
mod credentials;
mod output;
#[cfg_attr(
    not(test),
    expect(
        dead_code,
        unreachable_pub,
        reason = "the other half of what is said is the host's, whose file this is too"
    )
)]
mod protocol;
mod relay;
mod runtime;
mod sys;

use std::sync::Arc;

use protocol::{End, Failure, Step, Word};

fn main() {
    boot::first();
    let outcome = control::Control::open().and_then(|(control, orders)| run(&control, &orders));
    if let Err(error) = outcome {
        boot::console(&format!("sonagi-init: {error}\n"));
    }
    sys::end_machine();
}

/// Returns when there is nothing left to do.
fn run(control: &Arc<control::Control>, orders: &protocol::Orders) -> std::io::Result<()> {
    let started = prepare(control, orders).and_then(|output| runtime::Runtime::start(orders, output));
    let runtime = match started {
        Ok(runtime) => runtime,
        Err(failure) => {
            control.say(&Word::Failed(failure))?;
            // The host reads it, and ends the machine.
            return control.follow();
        }
    };
    control.say(&Word::Started)?;
    let reaper = Arc::clone(control);
    std::thread::spawn(move || {
        let end = runtime.wait();
        reaper.has_ended(end);
    });
    control.follow()
}

/// Everything that the runtime finds when it starts.
fn prepare(control: &Arc<control::Control>, orders: &protocol::Orders) -> Result<output::Output, Failure> {
    control.renew(&orders.now).map_err(|error| fail(Step::Orders, &error, "clock"))?;
    boot::files(orders)?;
    sys::loopback_up().map_err(|error| fail(Step::Network, &error, "lo"))?;
    boot::network(orders)?;
    let output =
        output::Output::open(Arc::clone(control)).map_err(|error| fail(Step::Network, &error, "output"))?;
    for &relay in &orders.relays {
        relay::listen(relay, Arc::clone(control), output.clone(), orders.user)
            .map_err(|error| fail(Step::Network, &error, &format!("127.0.0.1:{}", relay.port)))?;
    }
    if !orders.now.credentials.is_empty() {
        credentials::listen(Arc::clone(control))
            .map_err(|error| fail(Step::Network, &error, "credentials"))?;
    }
    boot::limits(orders)?;
    Ok(output)
}

fn fail(step: Step, error: &std::io::Error, subject: &str) -> Failure {
    Failure { step, errno: error.raw_os_error().unwrap_or(0), subject: subject.into() }
}

/// What `wait(2)` says of a process's end.
fn ended(status: i32) -> End {
    match status & 0x7f {
        0 => End::Status(status >> 8 & 0xff),
        signal => End::Signal(signal),
    }
}
