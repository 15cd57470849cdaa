//! What the driver tells the launcher, as bytes: fields with a letter in front and a NUL behind, since none of them
//! can hold a NUL anyway.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::{Path, PathBuf},
};

/// Bytes of an order: arguments and variables that an exec would take.
pub(super) const SIZE: usize = 1 << 20;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Order {
    /// The process to die with.
    pub(crate) server: i32,
    /// Files into which "0" is written to join a control group.
    pub(crate) groups: Vec<PathBuf>,
    pub(crate) stay: Stay,
    /// Open files.
    pub(crate) files: u64,
    /// Bytes of memory that can be written, where no group limits it.
    pub(crate) data: Option<u64>,
    /// Processes and threads of the user, where no group limits them.
    pub(crate) processes: Option<u64>,
    /// The working directory.
    pub(crate) folder: PathBuf,
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) variables: Vec<(OsString, OsString)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stay {
    /// The process becomes the runtime.
    No,
    /// The runtime is a child, and the process reaps all that the runtime leaves behind.
    AsReaper,
}

impl Order {
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
        for group in &self.groups {
            field(b'g', &[group.as_os_str().as_bytes()]);
        }
        field(b'f', &[self.folder.as_os_str().as_bytes()]);
        field(b'p', &[self.program.as_os_str().as_bytes()]);
        for argument in &self.arguments {
            field(b'a', &[argument.as_bytes()]);
        }
        for (name, value) in &self.variables {
            field(b'e', &[name.as_bytes(), b"=", value.as_bytes()]);
        }
        let size = text.len() - 4;
        text[..4].copy_from_slice(&u32::try_from(size).ok()?.to_le_bytes());
        (whole && size <= SIZE).then_some(text)
    }

    pub(super) fn decode(text: &[u8]) -> Option<Self> {
        let mut order = Self {
            server: 0,
            groups: Vec::new(),
            stay: Stay::No,
            files: 0,
            data: None,
            processes: None,
            folder: PathBuf::new(),
            program: PathBuf::new(),
            arguments: Vec::new(),
            variables: Vec::new(),
        };
        for field in text.strip_suffix(&[0])?.split(|&byte| byte == 0) {
            let (letter, value) = field.split_first()?;
            match letter {
                b's' => order.server = number(value)?,
                b'n' => order.files = number(value)?,
                b'd' => order.data = Some(number(value)?),
                b'u' => order.processes = Some(number(value)?),
                b'r' => order.stay = Stay::AsReaper,
                b'g' => order.groups.push(path(value)),
                b'f' => order.folder = path(value),
                b'p' => order.program = path(value),
                b'a' => order.arguments.push(OsString::from_vec(value.to_vec())),
                b'e' => {
                    let at = value.iter().position(|&byte| byte == b'=')?;
                    let part = |part: &[u8]| OsString::from_vec(part.to_vec());
                    order.variables.push((part(&value[..at]), part(&value[at + 1..])));
                }
                _ => return None,
            }
        }
        Some(order)
    }
}

fn number<T: std::str::FromStr>(value: &[u8]) -> Option<T> {
    std::str::from_utf8(value).ok()?.parse().ok()
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
            groups: vec!["/g/tasks".into(), "/h/tasks".into()],
            stay: Stay::AsReaper,
            files: 1024,
            data: Some(5),
            processes: None,
            folder: "/task".into(),
            program: "/usr/bin/true".into(),
            arguments: vec!["-a".into(), "".into()],
            variables: vec![("A".into(), "b=c\nd".into()), ("EMPTY".into(), "".into())],
        }
    }

    #[test]
    fn an_order_arrives_as_it_was_sent() {
        let text = order().encode().unwrap();
        assert_eq!(Order::decode(&text[4..]), Some(order()));
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
