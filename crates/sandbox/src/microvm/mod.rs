//! Environments that are virtual machines: one for each, in an operator's Firecracker and its jailer.
//!
//! ```text
//! MicrovmDriver::start ──► Monitor: boot, or restore ──► Machine
//!        │                                                  │ kernel, initial RAM disk: our init
//!        │   <vsock>_1024  control: orders, ends  ◄──vsock──┤
//!        │   <vsock>_1025  output                 ◄──vsock──┤
//!        ▼   <vsock>_9001  the Runtime API        ◄──vsock──┤ 127.0.0.1:9001 ◄── the runtime
//!   Environment, the same as a process's                    ├ eth0 ══ tap0 in the monitor's namespace, if it has a network
//!                                                           └ /dev/vda the root, vdb the package, the layers, the AWS SDK, /tmp
//! ```
//!
//! Start reading at [`MicrovmDriver`] and `start`; [`Monitor`] is the seam to what runs machines, and [`Firecracker`] the
//! one that is used. Always true here:
//! - nothing is used of a machine whose KVM does not run guests at [`limits::MICROVM_SPEED_MIN`](sonagi_model::limits);
//! - a function that asks for a machine and cannot have one is refused, never run in less;
//! - what a machine and its monitor say is bounded, and every wait for them has a deadline;
//! - a machine that is restored has the time, new random numbers and its own credentials before its runtime hears
//!   anything of the host;
//! - a machine, its folder and its groups are gone soon after its [`Environment`](crate::Environment) is dropped.

mod api;
mod console;
mod driver;
mod endpoint;
mod firecracker;
mod guest;
mod image;
mod initial;
mod inside;
mod jailer;
mod link;
mod monitor;
mod probe;
mod rootfs;
mod scratch;
mod shelf;
mod start;
mod survey;
mod sys;

pub use api::{
    ActionType, Api, BackendType, BootSource, Drive, EntropyDevice, InstanceActionInfo, MachineConfiguration,
    MemoryBackend, NetworkInterface, SnapshotCreateParams, SnapshotLoadParams, SnapshotType, Vm, VmState,
    Vsock,
};
pub use console::Console;
pub use driver::{Config, MicrovmDriver, Room};
pub use firecracker::Firecracker;
pub(crate) use guest::Guest;
pub use initial::Extra;
pub use inside::{Inside, Installed, Language, description_of};
pub use jailer::{Groups, Jailer};
pub use monitor::{Folder, Machine, Monitor, NoMachine, Place, Shape};
pub use probe::{Speed, speed};
pub use rootfs::{Built, build as build_root};
pub use scratch::copy as copy_sparse;
pub use survey::{Means, Options, survey};
