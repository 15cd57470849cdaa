//! What the driver tells the launcher, as bytes: fields with a letter in front and a NUL behind, since none of them
//! can hold a NUL anyway.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::{Path, PathBuf},
};

/// Bytes of an order: arguments and variables that an exec would take.
pub(super) const SIZE: usize = 1 << 20;

/// One environment, as it is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Order {
    /// The process to die with.
    pub(crate) server: i32,
    /// How the control groups are joined whose files come with the order.
    pub(crate) join: Join,
    pub(crate) stay: Stay,
    /// Open files.
    pub(crate) files: u64,
    /// Bytes of memory that can be written, where no group limits it.
    pub(crate) data: Option<u64>,
    /// Processes and threads of the user, where no group limits them.
    pub(crate) processes: Option<u64>,
    /// The working directory, as the runtime sees it.
    pub(crate) folder: PathBuf,
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) variables: Vec<(OsString, OsString)>,
    /// None: the process shares the machine's files and network.
    pub(crate) sandbox: Option<Sandbox>,
    /// What runs beside the runtime.
    pub(crate) extensions: Extensions,
}

/// Programs that are started in a sandbox before its runtime, which then waits until it is told to begin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Extensions {
    pub(crate) programs: Vec<PathBuf>,
    pub(crate) variables: Vec<(OsString, OsString)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Join {
    /// No group, or version 1: "0" is written into each file.
    Write,
    /// Version 2: the one file is the group's folder, and the process is born in it.
    Born,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stay {
    /// The process becomes the runtime.
    No,
    /// The runtime is a child, and the process reaps all that the runtime leaves behind.
    AsReaper,
}

/// The room that a runtime is locked into.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Sandbox {
    /// The machine's user that is root in there; the next one is the function's. None: the launcher's own user is the
    /// function's, and there is no other.
    pub(crate) users: Option<u32>,
    /// Bytes of `/tmp`.
    pub(crate) temporary: u64,
    /// Ports of the loopback interface to listen on; the listeners are passed to the driver.
    pub(crate) ports: Vec<u16>,
    /// What is seen in there of this machine, read-only.
    pub(crate) mounts: Vec<Mount>,
    pub(crate) reach: Reach,
    pub(crate) purpose: Purpose,
}

/// Whether the function is known that the sandbox is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Purpose {
    #[default]
    Known,
    /// It is told later: until then the sandbox's first process keeps the powers that it takes to mount the package.
    ToldLater,
    /// It is known, and its runtime may be copied once it is initialised: the sandbox's first process keeps the powers
    /// that this takes.
    Template,
}

/// What the sandbox's network has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub(crate) enum Reach {
    /// The loopback interface, and nothing else.
    #[default]
    Loopback,
    /// What the driver adds: with the listeners it is passed sockets about routes, for names and about packets, and the
    /// runtime starts when the driver has written a byte.
    Connected,
}

/// A folder of the machine's that is seen in the sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Mount {
    pub(crate) from: PathBuf,
    pub(crate) to: PathBuf,
}

impl Order {
    /// What a sandbox is to be like; or, of one that exists, what it gets.
    pub(crate) fn of_sandbox(sandbox: Sandbox) -> Self {
        Self { sandbox: Some(sandbox), ..Self::empty() }
    }

    fn empty() -> Self {
        Self {
            server: 0,
            join: Join::Write,
            stay: Stay::No,
            files: 0,
            data: None,
            processes: None,
            folder: PathBuf::new(),
            program: PathBuf::new(),
            arguments: Vec::new(),
            variables: Vec::new(),
            sandbox: None,
            extensions: Extensions::default(),
        }
    }

    /// The order behind its size; none if a name or value holds a NUL or all together is too large.
    pub(crate) fn encode(&self) -> Option<Vec<u8>> {
        let mut text = vec![0; 4];
        let mut whole = true;
        let mut field = |letter: u8, parts: &[&[u8]]| {
            text.push(letter);
            for part in parts {
                whole &= !part.contains(&0);
                text.extend_from_slice(part);
            }
            text.push(0);
        };
        field(b's', &[self.server.to_string().as_bytes()]);
        field(b'n', &[self.files.to_string().as_bytes()]);
        if let Some(data) = self.data {
            field(b'd', &[data.to_string().as_bytes()]);
        }
        if let Some(processes) = self.processes {
            field(b'u', &[processes.to_string().as_bytes()]);
        }
        if self.stay == Stay::AsReaper {
            field(b'r', &[]);
        }
        if self.join == Join::Born {
            field(b'b', &[]);
        }
        field(b'f', &[self.folder.as_os_str().as_bytes()]);
        field(b'p', &[self.program.as_os_str().as_bytes()]);
        for argument in &self.arguments {
            field(b'a', &[argument.as_bytes()]);
        }
        for (name, value) in &self.variables {
            field(b'e', &[name.as_bytes(), b"=", value.as_bytes()]);
        }
        for program in &self.extensions.programs {
            field(b'x', &[program.as_os_str().as_bytes()]);
        }
        for (name, value) in &self.extensions.variables {
            field(b'v', &[name.as_bytes(), b"=", value.as_bytes()]);
        }
        if let Some(sandbox) = &self.sandbox {
            field(b'S', &[sandbox.temporary.to_string().as_bytes()]);
            if let Some(users) = sandbox.users {
                field(b'U', &[users.to_string().as_bytes()]);
            }
            if sandbox.reach != Reach::Loopback {
                field(b'N', &[]);
            }
            for port in &sandbox.ports {
                field(b'P', &[port.to_string().as_bytes()]);
            }
            match sandbox.purpose {
                Purpose::Known => {}
                Purpose::ToldLater => field(b'L', &[]),
                Purpose::Template => field(b'C', &[]),
            }
            for mount in &sandbox.mounts {
                field(b'M', &[mount.from.as_os_str().as_bytes()]);
                field(b'T', &[mount.to.as_os_str().as_bytes()]);
            }
        }
        let size = text.len() - 4;
        text[..4].copy_from_slice(&u32::try_from(size).ok()?.to_le_bytes());
        (whole && size <= SIZE).then_some(text)
    }

    pub(super) fn decode(text: &[u8]) -> Option<Self> {
        let mut order = Self::empty();
        for field in text.strip_suffix(&[0])?.split(|&byte| byte == 0) {
            let (letter, value) = field.split_first()?;
            match letter {
                b's' => order.server = number(value)?,
                b'n' => order.files = number(value)?,
                b'd' => order.data = Some(number(value)?),
                b'u' => order.processes = Some(number(value)?),
                b'r' => order.stay = Stay::AsReaper,
                b'b' => order.join = Join::Born,
                b'f' => order.folder = path(value),
                b'p' => order.program = path(value),
                b'a' => order.arguments.push(OsString::from_vec(value.to_vec())),
                b'e' => order.variables.push(variable(value)?),
                b'x' => order.extensions.programs.push(path(value)),
                b'v' => order.extensions.variables.push(variable(value)?),
                b'S' => {
                    order.sandbox = Some(Sandbox { temporary: number(value)?, ..Sandbox::default() });
                }
                b'U' => order.sandbox.as_mut()?.users = Some(number(value)?),
                b'L' => order.sandbox.as_mut()?.purpose = Purpose::ToldLater,
                b'C' => order.sandbox.as_mut()?.purpose = Purpose::Template,
                b'N' => order.sandbox.as_mut()?.reach = Reach::Connected,
                b'P' => order.sandbox.as_mut()?.ports.push(number(value)?),
                b'M' => {
                    let mount = Mount { from: path(value), to: PathBuf::new() };
                    order.sandbox.as_mut()?.mounts.push(mount);
                }
                b'T' => order.sandbox.as_mut()?.mounts.last_mut()?.to = path(value),
                _ => return None,
            }
        }
        Some(order)
    }
}

fn number<T: std::str::FromStr>(value: &[u8]) -> Option<T> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

fn variable(value: &[u8]) -> Option<(OsString, OsString)> {
    let at = value.iter().position(|&byte| byte == b'=')?;
    let part = |part: &[u8]| OsString::from_vec(part.to_vec());
    Some((part(&value[..at]), part(&value[at + 1..])))
}

fn path(value: &[u8]) -> PathBuf {
    Path::new(OsStr::from_bytes(value)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order() -> Order {
        Order {
            server: 7,
            join: Join::Born,
            stay: Stay::AsReaper,
            files: 1024,
            data: Some(5),
            processes: None,
            folder: "/task".into(),
            program: "/usr/bin/true".into(),
            arguments: vec!["-a".into(), "".into()],
            variables: vec![("A".into(), "b=c\nd".into()), ("EMPTY".into(), "".into())],
            sandbox: Some(Sandbox {
                users: Some(70_000),
                temporary: 512 << 20,
                ports: vec![9001, 4566],
                reach: Reach::Connected,
                purpose: Purpose::ToldLater,
                mounts: vec![
                    Mount { from: "/data/code/a".into(), to: "/var/task".into() },
                    Mount { from: "/data/clients/b".into(), to: "/var/runtime".into() },
                ],
            }),
            extensions: Extensions {
                programs: vec!["/opt/extensions/a b".into()],
                variables: vec![("C".into(), "d".into())],
            },
        }
    }

    #[test]
    fn an_order_arrives_as_it_was_sent() {
        let template = Sandbox { purpose: Purpose::Template, ..Sandbox::default() };
        for sandbox in [order().sandbox, Some(template), None] {
            let order = Order { sandbox, ..order() };
            let text = order.encode().unwrap();
            assert_eq!(Order::decode(&text[4..]), Some(order));
        }
    }

    #[test]
    fn a_nul_cannot_smuggle_a_field_in() {
        let mut order = order();
        order.variables.push(("X".into(), "y\0p/evil".into()));
        assert_eq!(order.encode(), None);
    }

    proptest::proptest! {
        #[test]
        fn garbage_is_refused_without_a_panic(garbage: Vec<u8>) {
            let _ = Order::decode(&garbage);
        }
    }
}
