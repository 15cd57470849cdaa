//! Queues: what goes through them, what a backlog and idleness cost, and how soon a function is woken.
//!
//! ```text
//!  throughput, backlog ──► traffic ──► broker ──► sqs  ──► Sonagi, moto
//!                                            └──► amqp ──► RabbitMQ
//! ```
//!
//! Start reading at [`run`], then [`traffic`]. Always true here:
//! - the load is in this process, every broker in a process of its own, and the same load goes to each of them in turns,
//!   beside the yardsticks: ratios are medians of the ratios of each turn;
//! - Sonagi's data lie on a disk, and each message whose sending it has answered is on it;
//! - times between processes are by the machine's wall clock, all others by the monotonic clock of this process.

mod amqp;
pub(crate) mod backlog;
mod broker;
pub(crate) mod idle;
mod requests;
mod resources;
mod sqs;
pub(crate) mod throughput;
mod traffic;
pub(crate) mod woken;

use anyhow::Result;

use crate::options::Options;

/// Those who send, and those who receive.
const WORKERS: usize = 64;
/// Messages of one request, where there are several: as many as SQS takes.
const BATCH: usize = 10;
/// Bytes of a message.
const SIZE: usize = 1_024;

pub(crate) async fn run(options: &Options) -> Result<()> {
    Box::pin(throughput::run(options)).await?;
    println!();
    Box::pin(backlog::run(options)).await?;
    println!();
    Box::pin(idle::run(options.length)).await?;
    println!();
    Box::pin(woken::run(options.length)).await
}
