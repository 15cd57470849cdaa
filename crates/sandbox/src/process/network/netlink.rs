//! Messages to the kernel about its network, as bytes (RFC 3549; `linux/netlink.h`).
//!
//! A message is a head of 16 bytes, a fixed part of its kind, and attributes: length, kind, value, padded to four bytes.
//! Numbers are in the machine's order, but where the network's is said.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec},
    net::{
        AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, sockopt,
        sockopt::Timeout,
    },
};
use sonagi_model::limits;

const HEAD: usize = 16;
const REQUEST: u16 = 0x1;
const ACK: u16 = 0x4;
const DUMP: u16 = 0x300;
/// Of what is to be made: it must not be there yet, or takes the place of what is.
pub(super) const CREATE_NEW: u16 = 0x400 | 0x200;
pub(super) const CREATE_OR_REPLACE: u16 = 0x400 | 0x100;
const NESTED: u16 = 0x8000;
/// Kinds that are the kernel's answer to any message.
const ERROR: u16 = 2;
const DONE: u16 = 3;
/// The number of what is no answer.
const UNASKED: u32 = 0;
/// Bytes that one reading takes; the kernel sends no larger packets to who reads so much at once.
const READ_SIZE: usize = 32 << 10;

/// One message, under construction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    bytes: Vec<u8>,
}

impl Message {
    /// A message of `kind` with the fixed part `fixed`, a multiple of four bytes.
    pub(super) fn new(kind: u16, flags: u16, fixed: &[u8]) -> Self {
        let mut bytes = vec![0; HEAD];
        bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
        bytes[6..8].copy_from_slice(&(flags | REQUEST).to_ne_bytes());
        bytes.extend_from_slice(fixed);
        Self { bytes }
    }

    pub(super) fn with(mut self, kind: u16, value: &[u8]) -> Self {
        let at = self.open(kind);
        self.bytes.extend_from_slice(value);
        self.close(at);
        self
    }

    /// Text ends with a NUL.
    pub(super) fn with_text(self, kind: u16, text: &str) -> Self {
        self.with(kind, format!("{text}\0").as_bytes())
    }

    pub(super) fn with_number(self, kind: u16, number: u32) -> Self {
        self.with(kind, &number.to_ne_bytes())
    }

    /// A number in the network's order.
    pub(super) fn with_big(self, kind: u16, number: u32) -> Self {
        self.with(kind, &number.to_be_bytes())
    }

    /// All that is in it so far.
    pub(super) fn attributes(&self) -> &[u8] {
        &self.bytes[HEAD..]
    }

    /// An attribute that holds others.
    pub(super) fn nested(mut self, kind: u16, inside: impl FnOnce(Self) -> Self) -> Self {
        let at = self.open(kind | NESTED);
        self = inside(self);
        self.close(at);
        self
    }

    /// Bytes without a head, within a nested attribute.
    pub(super) fn raw(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    fn open(&mut self, kind: u16) -> usize {
        let at = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 2]);
        self.bytes.extend_from_slice(&kind.to_ne_bytes());
        at
    }

    fn close(&mut self, at: usize) {
        let size = u16::try_from(self.bytes.len() - at).unwrap_or(u16::MAX);
        self.bytes[at..at + 2].copy_from_slice(&size.to_ne_bytes());
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    fn finish(mut self, number: u32, flags: u16) -> Vec<u8> {
        let size = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        self.bytes[..4].copy_from_slice(&size.to_ne_bytes());
        let flags = flags | u16::from_ne_bytes([self.bytes[6], self.bytes[7]]);
        self.bytes[6..8].copy_from_slice(&flags.to_ne_bytes());
        self.bytes[8..12].copy_from_slice(&number.to_ne_bytes());
        self.bytes
    }
}

/// What the kernel says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reply<'a> {
    pub(super) kind: u16,
    number: u32,
    pub(super) body: &'a [u8],
}

/// A conversation with the kernel about one network namespace: that in which the socket was made.
#[derive(Debug)]
pub(super) struct Socket {
    file: OwnedFd,
}

impl Socket {
    /// About interfaces, addresses, routes.
    pub(super) fn route() -> io::Result<Self> {
        Self::of(None)
    }

    /// About packet filters.
    pub(super) fn filter() -> io::Result<Self> {
        Self::of(Some(netlink::NETFILTER))
    }

    fn of(protocol: Option<Protocol>) -> io::Result<Self> {
        Self::over(rustix::net::socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            SocketFlags::CLOEXEC,
            protocol,
        )?)
    }

    /// One that somebody else has made, perhaps in another namespace.
    pub(super) fn over(file: OwnedFd) -> io::Result<Self> {
        sockopt::set_socket_timeout(&file, Timeout::Recv, Some(limits::NETLINK_TIMEOUT))?;
        sockopt::set_socket_timeout(&file, Timeout::Send, Some(limits::NETLINK_TIMEOUT))?;
        Ok(Self { file })
    }

    /// Has the kernel carry out `messages` in their order. Each is tried, whatever came of those before; the first
    /// error is returned.
    pub(super) fn carry_out(&self, messages: Vec<Message>) -> io::Result<()> {
        let wanted = messages.len();
        let numbered = messages.into_iter().zip(1..).map(|(message, number)| message.finish(number, ACK));
        self.send(&numbered.collect::<Vec<_>>().concat())?;
        self.acknowledged(wanted)
    }

    /// The same of a transaction of packet filters: a beginning, what is to be done, an end.
    pub(super) fn transact(&self, messages: Vec<Message>) -> io::Result<()> {
        // `linux/netfilter/nfnetlink.h`. The resource that the batch is about is in the network's order.
        const BEGIN: u16 = 0x10;
        const END: u16 = 0x11;
        const TABLES: u16 = 10;
        let [high, low] = TABLES.to_be_bytes();
        let batch = |kind| Message::new(kind, 0, &[0, 0, high, low]);
        let wanted = messages.len();
        let mut bytes = batch(BEGIN).finish(1, 0);
        for (message, number) in messages.into_iter().zip(2..) {
            bytes.extend(message.finish(number, ACK));
        }
        bytes.extend(batch(END).finish(u32::MAX, 0));
        self.send(&bytes)?;
        self.acknowledged(wanted)
    }

    /// From here on the kernel says when an interface changes; nothing of that is taken for an answer.
    pub(super) fn hear_of_links(&self) -> io::Result<()> {
        const LINKS: u32 = 1;
        Ok(rustix::net::bind(&self.file, &netlink::SocketAddrNetlink::new(0, LINKS))?)
    }

    /// Waits until something is said, or until `other` is readable; not for longer than `wait`.
    pub(super) fn wait(&self, other: BorrowedFd<'_>, wait: std::time::Duration) -> io::Result<()> {
        let wait = Timespec { tv_sec: wait.as_secs() as i64, tv_nsec: i64::from(wait.subsec_nanos()) };
        let mut both =
            [PollFd::new(&self.file, PollFlags::IN), PollFd::from_borrowed_fd(other, PollFlags::IN)];
        match rustix::event::poll(&mut both, Some(&wait)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        if both[0].revents().contains(PollFlags::IN) {
            self.receive(&mut vec![0; READ_SIZE])?;
        }
        Ok(())
    }

    /// The one answer to a question.
    pub(super) fn ask<T>(
        &self,
        message: Message,
        answer: impl FnOnce(&[u8]) -> Option<T>,
    ) -> io::Result<Option<T>> {
        self.send(&message.finish(1, 0))?;
        let mut buffer = vec![0; READ_SIZE];
        loop {
            let size = self.receive(&mut buffer)?;
            match replies(&buffer[..size]).find(|reply| reply.number != UNASKED) {
                Some(reply) if reply.kind == ERROR => return outcome(reply.body).map(|()| None),
                Some(reply) => return Ok(answer(reply.body)),
                None if replies(&buffer[..size]).next().is_some() => {}
                None => return Err(io::ErrorKind::InvalidData.into()),
            }
        }
    }

    /// Everything of a kind that there is.
    pub(super) fn list(&self, message: Message, mut each: impl FnMut(&[u8])) -> io::Result<()> {
        self.send(&message.finish(1, DUMP))?;
        let mut buffer = vec![0; READ_SIZE];
        loop {
            let size = self.receive(&mut buffer)?;
            for reply in replies(&buffer[..size]).filter(|reply| reply.number != UNASKED) {
                match reply.kind {
                    DONE => return Ok(()),
                    ERROR => outcome(reply.body)?,
                    _ => each(reply.body),
                }
            }
        }
    }

    fn acknowledged(&self, wanted: usize) -> io::Result<()> {
        let mut first: Option<(u32, io::Error)> = None;
        let mut heard = 0;
        let mut buffer = vec![0; READ_SIZE];
        while heard < wanted {
            let size = self.receive(&mut buffer)?;
            for reply in
                replies(&buffer[..size]).filter(|reply| reply.kind == ERROR && reply.number != UNASKED)
            {
                heard += 1;
                match (outcome(reply.body), &first) {
                    (Err(error), None) => first = Some((reply.number, error)),
                    (Err(error), Some((number, _))) if reply.number < *number => {
                        first = Some((reply.number, error));
                    }
                    (Ok(()) | Err(_), _) => {}
                }
            }
        }
        first.map_or(Ok(()), |(_, error)| Err(error))
    }

    fn send(&self, bytes: &[u8]) -> io::Result<()> {
        match rustix::net::send(self.file.as_fd(), bytes, SendFlags::empty())? {
            sent if sent == bytes.len() => Ok(()),
            _ => Err(io::ErrorKind::WriteZero.into()),
        }
    }

    fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match rustix::net::recv(self.file.as_fd(), &mut *buffer, RecvFlags::empty()) {
                Ok((0, _)) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok((size, _)) => return Ok(size),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// The error that an answer carries: a negative number, or zero.
fn outcome(body: &[u8]) -> io::Result<()> {
    match body.first_chunk().map(|number| i32::from_ne_bytes(*number)) {
        Some(0) => Ok(()),
        Some(error) => Err(io::Error::from_raw_os_error(error.wrapping_neg())),
        None => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// The messages of a packet; what is cut off ends it.
fn replies(mut packet: &[u8]) -> impl Iterator<Item = Reply<'_>> {
    std::iter::from_fn(move || {
        let head = packet.get(..HEAD)?;
        let size = u32::from_ne_bytes(*head.first_chunk()?) as usize;
        let reply = Reply {
            kind: u16::from_ne_bytes([head[4], head[5]]),
            number: u32::from_ne_bytes([head[8], head[9], head[10], head[11]]),
            body: packet.get(HEAD..size)?,
        };
        packet = packet.get(size.next_multiple_of(4)..).unwrap_or_default();
        Some(reply)
    })
}

/// The value of the first attribute of `kind` behind the `fixed` bytes of a message's body.
pub(super) fn attribute(body: &[u8], fixed: usize, kind: u16) -> Option<&[u8]> {
    let mut rest = body.get(fixed..)?;
    loop {
        let size = usize::from(u16::from_ne_bytes([*rest.first()?, *rest.get(1)?]));
        let found = u16::from_ne_bytes([*rest.get(2)?, *rest.get(3)?]) & !NESTED;
        let value = rest.get(4..size)?;
        if found == kind {
            return Some(value);
        }
        rest = rest.get(size.next_multiple_of(4)..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_laid_out_as_the_kernel_reads_it() {
        let message = Message::new(16, CREATE_NEW, &[9; 4])
            .with_text(3, "lo")
            .nested(18, |inside| inside.with_number(1, 7))
            .finish(5, ACK);
        let mut wanted = Vec::new();
        wanted.extend(40_u32.to_ne_bytes());
        wanted.extend(16_u16.to_ne_bytes());
        wanted.extend(0x605_u16.to_ne_bytes());
        wanted.extend(5_u32.to_ne_bytes());
        wanted.extend([0; 4]);
        wanted.extend([9; 4]);
        wanted.extend(7_u16.to_ne_bytes());
        wanted.extend(3_u16.to_ne_bytes());
        wanted.extend(*b"lo\0\0");
        wanted.extend(12_u16.to_ne_bytes());
        wanted.extend((18_u16 | NESTED).to_ne_bytes());
        wanted.extend(8_u16.to_ne_bytes());
        wanted.extend(1_u16.to_ne_bytes());
        wanted.extend(7_u32.to_ne_bytes());
        assert_eq!(message, wanted);
        let reply = replies(&message).next().unwrap();
        assert_eq!((reply.kind, reply.number), (16, 5));
        assert_eq!(attribute(reply.body, 4, 3), Some(&b"lo\0"[..]));
        assert_eq!(attribute(reply.body, 4, 4), None);
    }

    #[test]
    fn the_kernel_answers() {
        let socket = Socket::route().unwrap();
        let mut names = Vec::new();
        // Every link: `ifinfomsg` of 16 bytes; the name is attribute 3.
        socket
            .list(Message::new(18, 0, &[0; 16]), |body| {
                names.extend(attribute(body, 16, 3).map(<[u8]>::to_vec))
            })
            .unwrap();
        assert!(names.contains(&b"lo\0".to_vec()));
        let error =
            socket.carry_out(vec![Message::new(18, 0, &[0; 16]).with_text(3, "no-such-link")]).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENODEV));
    }

    proptest::proptest! {
        #[test]
        fn garbage_from_the_kernel_is_survived(garbage: Vec<u8>) {
            for reply in replies(&garbage) {
                let _ = attribute(reply.body, 16, 3);
            }
            let _ = attribute(&garbage, 0, 1);
        }
    }
}
