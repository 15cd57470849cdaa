//! What a virtual machine's init and the host say to each other, over vsock.
//!
//! The init connects to two ports of the host: [`CONTROL_PORT`] for frames, and [`OUTPUT_PORT`] for the bytes that the
//! function writes. After a restore both connections are new. A frame is its length (four bytes, little endian), a byte
//! that says what it is, and its fields; texts and lists have their length before them.
//!
//! This file is part of two programs: the host's, and the init, which has no other crate.

use std::{
    io::{self, Read, Write},
    net::Ipv4Addr,
};

/// Changes with every change of what is said.
pub const VERSION: u32 = 2;
/// Frames, both ways.
pub const CONTROL_PORT: u32 = 1024;
/// Standard output and error.
pub const OUTPUT_PORT: u32 = 1025;
/// Where the AWS SDKs inside find their credentials, if they are not variables.
pub const CREDENTIALS_PORT: u16 = 9002;
/// Bytes of a frame.
pub const FRAME_SIZE: usize = 256 << 10;
/// Bytes of entropy that come with orders.
pub const ENTROPY: usize = 64;

/// What the init says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// The first frame of every control connection.
    Hello { version: u32, visit: Visit },
    /// The runtime was not started.
    Failed(Failure),
    /// The runtime's process exists.
    Started,
    /// Bytes of memory that the function's processes used at the most, together.
    Usage(u64),
    /// The clock is set, and the rest of a [`Renewal`] done.
    Renewed,
    /// The runtime has ended, and all that it wrote was sent.
    Ended(End),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visit {
    /// The machine has booted, and wants its [`Orders`].
    First,
    /// The connection before this one broke, as it does in a restore.
    Again,
}

/// What the init could not do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub step: Step,
    /// 0: there is no number.
    pub errno: i32,
    /// The file, if it was about one.
    pub subject: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Orders that it does not understand.
    Orders,
    Drives,
    Files,
    Network,
    Limits,
    Exec,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Status(i32),
    Signal(i32),
    /// Killed by the kernel, since the machine's memory was used up.
    OutOfMemory,
}

/// What the host says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// To [`Visit::First`].
    Start(Box<Orders>),
    /// To [`Visit::Again`].
    Renew(Renewal),
}

/// What to run, and in what.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Orders {
    pub now: Renewal,
    /// The first is the root file system.
    pub drives: Vec<Drive>,
    /// The folder in the first file system that becomes `/var/runtime`; empty: none.
    pub client: String,
    /// The device with the file system that is `/tmp`, which may be written to.
    pub scratch: String,
    pub user: u32,
    pub group: u32,
    /// Files that a process may have open.
    pub files: u64,
    pub processes: u64,
    /// The runtime's; absolute.
    pub folder: Vec<u8>,
    pub program: Vec<u8>,
    pub arguments: Vec<Vec<u8>>,
    /// `NAME=value`
    pub variables: Vec<Vec<u8>>,
    pub relays: Vec<Relay>,
    pub network: Option<Interface>,
}

/// The machine's way to others; the same in all machines, so that one that is restored has none to set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interface {
    pub own: Ipv4Addr,
    /// Bits that both addresses begin with.
    pub prefix: u8,
    pub gateway: Ipv4Addr,
    /// Whom names are asked of.
    pub resolver: Ipv4Addr,
}

/// What the kernel calls the first interface that is not loopback's.
pub const INTERFACE: &str = "eth0";

/// A block device with a file system, mounted read-only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drive {
    /// `vda`
    pub device: String,
    /// An absolute path; it is there in the root file system.
    pub at: String,
}

/// A port of the machine's loopback interface that leads to one of the host's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Relay {
    pub port: u16,
    pub host: u32,
}

/// What no two machines may have in common, though they come from one snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Renewal {
    /// Since 1970, in nanoseconds.
    pub time: u64,
    pub entropy: Vec<u8>,
    /// In the place of the kernel's `boot_id`.
    pub boot_id: String,
    /// What [`CREDENTIALS_PORT`] answers, as JSON; empty: that port is closed.
    pub credentials: String,
    /// To whom. Empty: to whom it did before, since the runtime's variables do not change.
    pub authorization: String,
}

/// Not a frame of this protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

impl From<Malformed> for io::Error {
    fn from(_: Malformed) -> Self {
        io::Error::new(io::ErrorKind::InvalidData, "not a frame of the machine's protocol")
    }
}

impl Word {
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        match self {
            Self::Hello { version, visit } => {
                out.byte(1);
                out.number(u64::from(*version));
                out.byte(match visit {
                    Visit::First => 0,
                    Visit::Again => 1,
                });
            }
            Self::Failed(failure) => {
                out.byte(2);
                out.byte(failure.step.number());
                out.number(failure.errno as u32 as u64);
                out.bytes(failure.subject.as_bytes());
            }
            Self::Started => out.byte(3),
            Self::Usage(bytes) => {
                out.byte(4);
                out.number(*bytes);
            }
            Self::Renewed => out.byte(5),
            Self::Ended(end) => {
                let (kind, value) = match end {
                    End::Status(status) => (0, *status),
                    End::Signal(signal) => (1, *signal),
                    End::OutOfMemory => (2, 0),
                };
                out.byte(6);
                out.byte(kind);
                out.number(value as u32 as u64);
            }
        }
        out.frame()
    }

    /// From a frame's body, which is what follows the length.
    pub fn decode(body: &[u8]) -> Result<Self, Malformed> {
        let mut from = Reader(body);
        let word = match from.byte()? {
            1 => {
                let version = from.small()?;
                let visit = match from.byte()? {
                    0 => Visit::First,
                    1 => Visit::Again,
                    _ => return Err(Malformed),
                };
                Self::Hello { version, visit }
            }
            2 => Self::Failed(Failure {
                step: Step::of(from.byte()?)?,
                errno: from.small()? as i32,
                subject: from.text()?,
            }),
            3 => Self::Started,
            4 => Self::Usage(from.number()?),
            5 => Self::Renewed,
            6 => {
                let (kind, value) = (from.byte()?, from.small()? as i32);
                Self::Ended(match kind {
                    0 => End::Status(value),
                    1 => End::Signal(value),
                    2 => End::OutOfMemory,
                    _ => return Err(Malformed),
                })
            }
            _ => return Err(Malformed),
        };
        from.end(word)
    }
}

const STEPS: [Step; 6] = [Step::Orders, Step::Drives, Step::Files, Step::Network, Step::Limits, Step::Exec];

impl Step {
    fn number(self) -> u8 {
        STEPS.iter().position(|&step| step == self).map_or(0, |number| number as u8)
    }

    fn of(number: u8) -> Result<Self, Malformed> {
        STEPS.get(usize::from(number)).copied().ok_or(Malformed)
    }
}

impl Order {
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        match self {
            Self::Start(orders) => {
                out.byte(1);
                orders.now.write(&mut out);
                out.list(&orders.drives, |out, drive| {
                    out.bytes(drive.device.as_bytes());
                    out.bytes(drive.at.as_bytes());
                });
                out.bytes(orders.client.as_bytes());
                out.bytes(orders.scratch.as_bytes());
                out.number(u64::from(orders.user));
                out.number(u64::from(orders.group));
                out.number(orders.files);
                out.number(orders.processes);
                out.bytes(&orders.folder);
                out.bytes(&orders.program);
                out.list(&orders.arguments, |out, argument| out.bytes(argument));
                out.list(&orders.variables, |out, variable| out.bytes(variable));
                out.list(&orders.relays, |out, relay| {
                    out.number(u64::from(relay.port));
                    out.number(u64::from(relay.host));
                });
                out.list(orders.network.as_slice(), |out, network| {
                    out.number(u64::from(network.own.to_bits()));
                    out.number(u64::from(network.prefix));
                    out.number(u64::from(network.gateway.to_bits()));
                    out.number(u64::from(network.resolver.to_bits()));
                });
            }
            Self::Renew(renewal) => {
                out.byte(2);
                renewal.write(&mut out);
            }
        }
        out.frame()
    }

    /// From a frame's body, which is what follows the length.
    pub fn decode(body: &[u8]) -> Result<Self, Malformed> {
        let mut from = Reader(body);
        let order = match from.byte()? {
            1 => Self::Start(Box::new(Orders {
                now: Renewal::read(&mut from)?,
                drives: from.list(|from| Ok(Drive { device: from.text()?, at: from.text()? }))?,
                client: from.text()?,
                scratch: from.text()?,
                user: from.small()?,
                group: from.small()?,
                files: from.number()?,
                processes: from.number()?,
                folder: from.bytes()?,
                program: from.bytes()?,
                arguments: from.list(Reader::bytes)?,
                variables: from.list(Reader::bytes)?,
                relays: from.list(|from| {
                    let port = u16::try_from(from.number()?).map_err(|_| Malformed)?;
                    Ok(Relay { port, host: from.small()? })
                })?,
                network: {
                    let mut all = from.list(|from| {
                        let own = from.small()?.into();
                        let prefix = from.number()?;
                        if prefix > 32 {
                            return Err(Malformed);
                        }
                        let (gateway, resolver) = (from.small()?.into(), from.small()?.into());
                        Ok(Interface { own, prefix: prefix as u8, gateway, resolver })
                    })?;
                    let one = all.pop();
                    if all.is_empty() { one } else { return Err(Malformed) }
                },
            })),
            2 => Self::Renew(Renewal::read(&mut from)?),
            _ => return Err(Malformed),
        };
        from.end(order)
    }
}

impl Renewal {
    fn write(&self, out: &mut Writer) {
        out.number(self.time);
        out.bytes(&self.entropy);
        out.bytes(self.boot_id.as_bytes());
        out.bytes(self.credentials.as_bytes());
        out.bytes(self.authorization.as_bytes());
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            time: from.number()?,
            entropy: from.bytes()?,
            boot_id: from.text()?,
            credentials: from.text()?,
            authorization: from.text()?,
        })
    }
}

/// A frame's length, if it is one that a frame may have.
pub fn frame_size(length: [u8; 4]) -> Result<usize, Malformed> {
    let size = u32::from_le_bytes(length) as usize;
    if (1..=FRAME_SIZE).contains(&size) { Ok(size) } else { Err(Malformed) }
}

/// The next frame's body. Blocks.
pub fn read_frame(from: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let mut body = vec![0; frame_size(length)?];
    from.read_exact(&mut body)?;
    Ok(body)
}

/// Writes a frame. Blocks.
pub fn write_frame(to: &mut impl Write, frame: &[u8]) -> io::Result<()> {
    to.write_all(frame)
}

#[derive(Default)]
struct Writer(Vec<u8>);

impl Writer {
    fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    fn number(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    fn list<T>(&mut self, items: &[T], each: impl Fn(&mut Self, &T)) {
        self.number(items.len() as u64);
        for item in items {
            each(self, item);
        }
    }

    fn frame(self) -> Vec<u8> {
        let length = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        [&length.to_le_bytes()[..], &self.0].concat()
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take(&mut self, size: usize) -> Result<&[u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(size).ok_or(Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, Malformed> {
        self.take(1)?.first().copied().ok_or(Malformed)
    }

    fn number(&mut self) -> Result<u64, Malformed> {
        let bytes = self.take(8)?.try_into().map_err(|_| Malformed)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn small(&mut self) -> Result<u32, Malformed> {
        u32::try_from(self.number()?).map_err(|_| Malformed)
    }

    fn bytes(&mut self) -> Result<Vec<u8>, Malformed> {
        let size = usize::try_from(self.number()?).map_err(|_| Malformed)?;
        self.take(size).map(<[u8]>::to_vec)
    }

    fn text(&mut self) -> Result<String, Malformed> {
        String::from_utf8(self.bytes()?).map_err(|_| Malformed)
    }

    fn list<T>(&mut self, each: impl Fn(&mut Self) -> Result<T, Malformed>) -> Result<Vec<T>, Malformed> {
        let count = self.number()?;
        // Each item has a length of its own, so that a list cannot be longer than what is left.
        if count > (self.0.len() / 8) as u64 {
            return Err(Malformed);
        }
        (0..count).map(|_| each(self)).collect()
    }

    fn end<T>(self, value: T) -> Result<T, Malformed> {
        if self.0.is_empty() { Ok(value) } else { Err(Malformed) }
    }
}
