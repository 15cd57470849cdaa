//! What the server tells the child, and what it is told in return: JSON, each to the end of its direction of the
//! socket.

use std::{
    io::{self, Read, Write},
    net::Shutdown,
    os::unix::net::UnixStream,
    path::PathBuf,
    time::Duration,
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sonagi_model::{
    Digest,
    function::{WasiVersion, WasmStart},
};

/// Bytes of an order or a report.
const SIZE: u64 = 64 << 10;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    /// The process to die with.
    pub(crate) server: i32,
    /// The component's file.
    pub(crate) component: PathBuf,
    /// The file, there already and empty, that the native code goes to.
    pub(crate) output: PathBuf,
    pub(crate) wasi: WasiVersion,
    pub(crate) start: WasmStart,
    /// MiB that the function has.
    pub(crate) memory: u32,
    /// How long the initialisation for a snapshot may run.
    pub(crate) initialisation: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Report {
    Compiled(Compiled),
    /// What is wrong with the component, for the deployer.
    Refused(String),
    /// What the machine did not let the child do.
    Failed {
        doing: String,
        cause: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Compiled {
    /// Of the component that was read.
    pub(crate) component: Digest,
    /// Bytes of native code in the output file.
    pub(crate) size: u64,
    pub(crate) facts: Facts,
}

/// What is known of a compiled component without looking at its code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// Bytes of memory that it has before it runs, at least.
    pub(crate) memory: u64,
}

/// Writes all that will ever go in this direction.
pub(super) fn send(mut socket: &UnixStream, message: &impl Serialize) -> io::Result<()> {
    socket.write_all(&serde_json::to_vec(message)?)?;
    socket.shutdown(Shutdown::Write)
}

/// Reads to the end of this direction. None: the other side ended without a message.
pub(super) fn receive<T: DeserializeOwned>(socket: &UnixStream) -> io::Result<Option<T>> {
    let mut text = Vec::new();
    socket.take(SIZE + 1).read_to_end(&mut text)?;
    if text.is_empty() {
        return Ok(None);
    }
    if text.len() as u64 > SIZE {
        return Err(io::Error::from_raw_os_error(libc::E2BIG));
    }
    Ok(Some(serde_json::from_slice(&text)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_arrives_as_it_was_sent() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let order = Order {
            server: 7,
            component: "/code/function.wasm".into(),
            output: "/tmp/out".into(),
            wasi: WasiVersion::P3,
            start: WasmStart::Snapshot,
            memory: 128,
            initialisation: Duration::from_secs(1),
        };
        send(&ours, &order).unwrap();
        assert_eq!(receive::<Order>(&theirs).unwrap(), Some(order));
    }

    #[test]
    fn an_end_without_a_message_is_none_and_half_a_message_an_error() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        drop(ours);
        assert_eq!(receive::<Report>(&theirs).unwrap(), None);
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        ours.write_all(b"{\"Refused\": \"ha").unwrap();
        drop(ours);
        assert!(receive::<Report>(&theirs).is_err());
    }
}
