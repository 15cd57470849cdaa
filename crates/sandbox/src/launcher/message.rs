//! What goes over the launcher's sockets: a few bytes, and open files.
//!
//! To the launcher, on the socket that it was started with: one packet (`e`) for each environment, with its files in the
//! order of [`Files`]; the [`Order`](super::Order) itself comes on the environment's own socket. From there on all
//! that concerns the environment goes over that one, a line each:
//!
//! | line               | from     | with                        | when |
//! |--------------------|----------|-----------------------------|------|
//! | `born PID`         | launcher | the process's handle        | it exists |
//! | `listening`        | process  | a listener for each port    | only in a sandbox |
//! | any byte           | driver   |                             | the sandbox, which passed sockets about its network with its listeners, is connected |
//! | `memory STEP ERRNO SUBJECT` | process |                     | its `/tmp` is in memory, since no disk could be had (see [`disks`](super::disks)) |
//! | `started`          | process  |                             | the runtime runs (without a sandbox and a reaper: the end of the socket) |
//! | `failed STEP ERRNO SUBJECT` | either |                     | it could not be made |
//! | `mounts`           | launcher | a mount for each asked for  | in answer to a second kind of packet, `m` |
//! | `told`             | process  |                             | it has got its function's mounts, and is as one that had them from the start |
//! | `ended STATUS`     | process  |                             | the runtime has ended, as `wait` says it; only in a sandbox |
//! | `left NUMBER STATUS` | process |                           | so has an extension |
//! | `connect`          | process  | a socket                    | it was asked for |
//!
//! To the first process of a sandbox that has its function: a byte to hold all that runs in it (`h`), and one to have it
//! go on (`r`); to have the runtime terminated (`t`) or killed (`k`); to have a runtime begin that waited for extensions
//! (`g`), which may come to `failed`; and a byte (`n`) with a socket, over which it gets one that is of the sandbox's
//! network and led nowhere yet. To the first process of a template's sandbox, on that sandbox's socket: a byte (`s`: may it be copied? `c`: copy it)
//! with a socket for all that concerns it, and with `c` the copy's output and the doors of its groups. The answers are the
//! words above: to `s` `started` or `failed`; to `c` those of an environment, `born` with a number of the template's.
//!
//! What an environment has its `/tmp` on, it is told on a socket of its own, its lease, which the launcher passes to the
//! keeper of the disks: for an environment by itself, and for a copy in answer to a third kind of packet, `d`. The process
//! says who it is (a byte `p`, with its handle), and the answer is `mounts` with one mount, or `failed`.

use std::{
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::net::UnixStream,
    },
};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags,
};

use super::{
    Failure,
    order::{self, Order},
};

/// The packet that asks for an environment, and the one that asks for mounts alone.
pub(crate) const ENVIRONMENT: u8 = b'e';
pub(crate) const MOUNTS: u8 = b'm';
/// The one that asks for a disk, with its lease.
pub(crate) const DISK: u8 = b'd';
/// To the first process of a template, on the socket of its sandbox: whether its runtime can be copied, and to copy it.
pub(crate) const STILL: u8 = b's';
pub(crate) const COPY: u8 = b'c';

/// To the first process of any sandbox, on its socket: stop all that runs in it, and have it go on.
pub(crate) const HOLD: u8 = b'h';
pub(crate) const RESUME: u8 = b'r';
/// The same for the runtime alone: that it is to end, and that it must.
pub(crate) const TERMINATE: u8 = b't';
pub(crate) const KILL: u8 = b'k';
/// Of a sandbox with extensions: its runtime begins.
pub(crate) const BEGIN: u8 = b'g';
/// With a socket: one of the sandbox's network is wanted.
pub(crate) const SOCKET: u8 = b'n';

/// Files in one message, at the most.
const FILES: usize = 16;
/// Bytes of one line, at the most.
const LINE: usize = 512;

/// The files that come with an order.
#[derive(Debug)]
pub(crate) struct Files<F> {
    /// The environment's socket.
    pub(crate) socket: F,
    /// Standard output and error.
    pub(crate) output: F,
    /// The same of the extensions, if there are some.
    pub(crate) beside: Option<F>,
    /// The doors of its control groups.
    pub(crate) groups: Vec<F>,
}

/// A line of the environment's socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Word {
    /// The process's number on this machine.
    Born(i32),
    Listening,
    /// `/tmp` is in memory, and why.
    Memory(Failure),
    Started,
    Failed(Failure),
    Mounts,
    Told,
    /// A wait status.
    Ended(i32),
    /// The number of an extension, and a wait status.
    Left(usize, i32),
    /// A socket.
    Connect,
}

impl std::fmt::Display for Word {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Born(pid) => write!(f, "born {pid}"),
            Self::Listening => f.write_str("listening"),
            Self::Memory(failure) => write!(f, "memory {failure}"),
            Self::Started => f.write_str("started"),
            Self::Failed(failure) => write!(f, "failed {failure}"),
            Self::Mounts => f.write_str("mounts"),
            Self::Told => f.write_str("told"),
            Self::Ended(status) => write!(f, "ended {status}"),
            Self::Left(number, status) => write!(f, "left {number} {status}"),
            Self::Connect => f.write_str("connect"),
        }
    }
}

impl std::str::FromStr for Word {
    type Err = ();
    fn from_str(line: &str) -> Result<Self, ()> {
        match line.split_once(' ') {
            None => match line {
                "listening" => Ok(Self::Listening),
                "started" => Ok(Self::Started),
                "mounts" => Ok(Self::Mounts),
                "told" => Ok(Self::Told),
                "connect" => Ok(Self::Connect),
                _ => Err(()),
            },
            Some(("born", pid)) => pid.parse().map(Self::Born).map_err(|_| ()),
            Some(("memory", failure)) => failure.parse().map(Self::Memory),
            Some(("failed", failure)) => failure.parse().map(Self::Failed),
            Some(("ended", status)) => status.parse().map(Self::Ended).map_err(|_| ()),
            Some(("left", who)) => {
                let (number, status) = who.split_once(' ').ok_or(())?;
                Ok(Self::Left(number.parse().map_err(|_| ())?, status.parse().map_err(|_| ())?))
            }
            Some(_) => Err(()),
        }
    }
}

/// Says one word.
pub(crate) fn say(socket: &UnixStream, word: &Word, files: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut line = word.to_string().into_bytes();
    line.truncate(LINE - 1);
    line.push(b'\n');
    send(socket, &line, files)
}

/// Hears words one by one. What comes after a word stays for the next call.
#[derive(Debug, Default)]
pub(crate) struct Hearing {
    text: Vec<u8>,
    files: Vec<OwnedFd>,
}

impl Hearing {
    /// The next word, with the files that came with it or before it; none when the socket has ended.
    pub(crate) fn word(&mut self, socket: &UnixStream) -> io::Result<Option<(Word, Vec<OwnedFd>)>> {
        loop {
            if let Some(end) = self.text.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.text.drain(..=end).collect();
                let line = String::from_utf8_lossy(&line[..end]);
                let word = line.parse().map_err(|()| io::Error::from(io::ErrorKind::InvalidData))?;
                return Ok(Some((word, std::mem::take(&mut self.files))));
            }
            if self.text.len() > LINE {
                return Err(io::ErrorKind::InvalidData.into());
            }
            let mut bytes = [0; LINE];
            match receive(socket, &mut bytes, &mut self.files)? {
                0 => return Ok(None),
                size => self.text.extend_from_slice(&bytes[..size]),
            }
        }
    }
}

/// Sends all of `bytes`, the files with the first of them.
pub(crate) fn send(socket: impl AsFd, bytes: &[u8], files: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FILES))];
    let mut left = bytes;
    let mut files = files;
    while !left.is_empty() {
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !files.is_empty() && !control.push(SendAncillaryMessage::ScmRights(files)) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        match rustix::net::sendmsg(&socket, &[IoSlice::new(left)], &mut control, SendFlags::NOSIGNAL) {
            Ok(sent) => (left, files) = (&left[sent..], &[]),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Receives bytes, and adds the files that come with them.
pub(crate) fn receive(socket: impl AsFd, bytes: &mut [u8], files: &mut Vec<OwnedFd>) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FILES))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = loop {
        match rustix::net::recvmsg(
            &socket,
            &mut [IoSliceMut::new(bytes)],
            &mut control,
            RecvFlags::CMSG_CLOEXEC,
        ) {
            Err(rustix::io::Errno::INTR) => {}
            other => break other?,
        }
    };
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            files.extend(rights);
        }
    }
    Ok(received.bytes)
}

/// Receives an order, with the files that come with it.
pub(super) fn order(socket: &UnixStream) -> io::Result<(Order, Vec<OwnedFd>)> {
    let mut files = Vec::new();
    let mut size = [0; 4];
    fill(socket, &mut size, &mut files)?;
    let size = u32::from_le_bytes(size) as usize;
    if size > order::SIZE {
        return Err(io::Error::from_raw_os_error(libc::E2BIG));
    }
    let mut text = vec![0; size];
    fill(socket, &mut text, &mut files)?;
    let order = Order::decode(&text).ok_or_else(|| io::Error::from_raw_os_error(libc::EINVAL))?;
    Ok((order, files))
}

fn fill(socket: &UnixStream, bytes: &mut [u8], files: &mut Vec<OwnedFd>) -> io::Result<()> {
    let mut filled = 0;
    while filled < bytes.len() {
        match receive(socket, &mut bytes[filled..], files)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            size => filled += size,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{super::Step, *};

    fn words() -> Vec<Word> {
        let failure = Failure { step: Step::Mount, errno: 13, subject: "/var/task of it".into() };
        vec![
            Word::Born(7),
            Word::Listening,
            Word::Started,
            Word::Mounts,
            Word::Told,
            Word::Memory(failure.clone()),
            Word::Failed(failure),
            Word::Ended(-9),
            Word::Left(3, 256),
            Word::Connect,
        ]
    }

    #[test]
    fn words_arrive_one_by_one_with_their_files() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        for word in words() {
            say(&theirs, &word, &[ours.as_fd()]).unwrap();
        }
        drop(theirs);
        let mut hearing = Hearing::default();
        for word in words() {
            let (heard, files) = hearing.word(&ours).unwrap().unwrap();
            assert_eq!((heard, files.len()), (word, 1));
        }
        assert!(hearing.word(&ours).unwrap().is_none());
    }

    proptest::proptest! {
        #[test]
        fn garbage_is_no_word(garbage: String) {
            if let Ok(word) = garbage.parse::<Word>() {
                proptest::prop_assert_eq!(word.to_string().parse::<Word>(), Ok(word));
            }
        }
    }
}
