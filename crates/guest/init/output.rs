//! What the function's processes write, on its way to the host.

use std::{
    io::{self, PipeReader, PipeWriter, Read as _, Write as _},
    os::unix::net::UnixStream,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    control::{Control, Generation},
    protocol, sys,
};

/// Bytes that are passed on at once: what a pipe holds.
const SIZE: usize = 64 << 10;

#[derive(Clone)]
pub(crate) struct Output {
    way: Arc<Mutex<Way>>,
    control: Arc<Control>,
}

struct Way {
    from: PipeReader,
    to: UnixStream,
    generation: Generation,
    buffer: Vec<u8>,
    /// Given to the runtime, and then gone.
    entrance: Option<PipeWriter>,
}

impl Output {
    pub(crate) fn open(control: Arc<Control>) -> io::Result<Self> {
        let (from, entrance) = io::pipe()?;
        sys::never_wait(&from)?;
        let watched = from.try_clone()?;
        let to = sys::connect_host(protocol::OUTPUT_PORT)?;
        let way = Way {
            from,
            to,
            generation: control.generation(),
            buffer: vec![0; SIZE],
            entrance: Some(entrance),
        };
        let output = Self { way: Arc::new(Mutex::new(way)), control };
        let renewing = output.clone();
        std::thread::spawn(move || renewing.renew());
        let own = output.clone();
        std::thread::spawn(move || while sys::readable(&watched).is_ok() && own.flush() {});
        Ok(output)
    }

    /// After each restore connects again, before there is anything to send: the host waits for it.
    fn renew(&self) {
        let mut generation = self.control.generation();
        loop {
            self.control.wait(generation);
            generation = self.control.generation();
            let mut way = self.way.lock().unwrap_or_else(PoisonError::into_inner);
            if way.generation != generation {
                way.generation = generation;
                if let Ok(again) = sys::connect_host(protocol::OUTPUT_PORT) {
                    way.to = again;
                }
            }
        }
    }

    /// What the runtime writes to; there is one.
    pub(crate) fn entrance(&self) -> Option<PipeWriter> {
        self.way.lock().unwrap_or_else(PoisonError::into_inner).entrance.take()
    }

    /// Passes on all that has been written so far; false at its end.
    pub(crate) fn flush(&self) -> bool {
        let mut way = self.way.lock().unwrap_or_else(PoisonError::into_inner);
        let Way { from, to, generation, buffer, .. } = &mut *way;
        loop {
            match from.read(buffer) {
                Ok(0) => return false,
                Ok(size) => send(&self.control, to, generation, &buffer[..size]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return error.kind() == io::ErrorKind::WouldBlock,
            }
        }
    }
}

/// Sends bytes; on a new connection, if the machine was restored since. Without a host they have nobody to go to.
fn send(control: &Control, to: &mut UnixStream, generation: &mut Generation, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match to.write(bytes) {
            Ok(size) => bytes = &bytes[size..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) if control.after(*generation) => {
                *generation = control.generation();
                match sys::connect_host(protocol::OUTPUT_PORT) {
                    Ok(again) => *to = again,
                    Err(_) => return,
                }
            }
            Err(_) => return,
        }
    }
}
