//! The host's side of a machine's vsock: a socket for each of the ports that the init connects to.

use std::{
    io,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use bytes::{Buf as _, BytesMut};
use sonagi_guest::machine::protocol::{
    CONTROL_PORT, FRAME_SIZE, OUTPUT_PORT, Order, VERSION, Visit, Word, frame_size,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{UnixListener, UnixStream},
};

use super::monitor::Place;

/// Bytes of a path that a Unix socket's address has room for.
const ADDRESS: usize = 107;

/// Listens for the init.
pub(super) struct Link {
    control: UnixListener,
    output: UnixListener,
}

impl Link {
    pub(super) fn open(place: &Place) -> io::Result<Self> {
        Ok(Self { control: listen(place, CONTROL_PORT)?, output: listen(place, OUTPUT_PORT)? })
    }

    /// The init's next control connection, and how it says that it comes.
    pub(super) async fn control(&self) -> io::Result<(Control, Visit)> {
        loop {
            let (stream, _) = self.control.accept().await?;
            let mut control = Control { stream, buffer: BytesMut::new() };
            match control.word().await {
                Ok(Word::Hello { version: VERSION, visit }) => return Ok((control, visit)),
                Ok(Word::Hello { version, .. }) => {
                    let text =
                        format!("the machine's init speaks version {version}, and this program {VERSION}");
                    return Err(io::Error::other(text));
                }
                // Nothing in the machine but its init can connect; one that breaks off tries again.
                Ok(_) | Err(_) => {}
            }
        }
    }

    pub(super) async fn output(&self) -> io::Result<UnixStream> {
        self.output.accept().await.map(|(stream, _)| stream)
    }
}

/// A socket to which connections of the machine's to `port` come.
pub(super) fn listen(place: &Place, port: u32) -> io::Result<UnixListener> {
    let path = socket(&place.vsock, port);
    if path.as_os_str().as_bytes().len() > ADDRESS {
        let text =
            format!("{} is too long for a socket's address: use a shorter data folder", path.display());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    let listener = UnixListener::bind(&path)?;
    if let Some(user) = place.user {
        std::os::unix::fs::chown(&path, Some(user), Some(user))?;
    }
    Ok(listener)
}

fn socket(vsock: &Path, port: u32) -> PathBuf {
    let mut path = vsock.as_os_str().to_owned();
    path.push(format!("_{port}"));
    path.into()
}

/// A connection of the init's.
pub(super) struct Control {
    stream: UnixStream,
    buffer: BytesMut,
}

impl Control {
    /// What the init says next. Safe to drop and to call again.
    pub(super) async fn word(&mut self) -> io::Result<Word> {
        loop {
            if let Some(word) = self.buffered()? {
                return Ok(word);
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// What it has said already, if it is a whole word.
    pub(super) fn heard(&mut self) -> Option<Word> {
        // An error here is one at the next reading too.
        let mut bytes = [0; 1024];
        while let Ok(size @ 1..) = self.stream.try_read(&mut bytes) {
            self.buffer.extend_from_slice(&bytes[..size]);
            if self.buffer.len() > FRAME_SIZE {
                break;
            }
        }
        self.buffered().ok().flatten()
    }

    fn buffered(&mut self) -> io::Result<Option<Word>> {
        let Some(length) = self.buffer.first_chunk::<4>() else { return Ok(None) };
        let size = frame_size(*length)?;
        if self.buffer.len() < 4 + size {
            return Ok(None);
        }
        self.buffer.advance(4);
        Ok(Some(Word::decode(&self.buffer.split_to(size))?))
    }

    pub(super) async fn order(&mut self, order: &Order) -> io::Result<()> {
        self.stream.write_all(&order.encode()).await
    }
}
