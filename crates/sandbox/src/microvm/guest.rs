//! A machine with a runtime in it, as an environment lives in it.

use std::io;

use sonagi_guest::machine::protocol::{End, Word};

use super::{link::Control, monitor::Machine};
use crate::ending::Exit;

pub(crate) struct Guest {
    pub(super) machine: Box<dyn Machine>,
    /// None, once it has broken: then nothing more is heard of the runtime.
    pub(super) control: Option<Control>,
    pub(super) end: Option<Exit>,
    pub(super) memory_peak: u64,
}

impl Guest {
    pub(super) fn new(machine: Box<dyn Machine>, control: Control) -> Self {
        Self { machine, control: Some(control), end: None, memory_peak: 0 }
    }

    /// Ready when the runtime has ended, or the machine, or nothing is heard of it any more. Safe to drop.
    pub(crate) async fn ended(&mut self) {
        while let (Some(control), None) = (&mut self.control, self.end) {
            let word = tokio::select! {
                biased;
                word = control.word() => word,
                () = self.machine.ended() => return,
            };
            match word {
                Ok(word) => self.hear(&word),
                // It breaks when the machine ends, and at no other time.
                Err(_) => self.control = None,
            }
        }
    }

    fn hear(&mut self, word: &Word) {
        match word {
            Word::Usage(bytes) => self.memory_peak = self.memory_peak.max(*bytes),
            Word::Ended(end) => {
                self.end = Some(match *end {
                    End::Status(status) => Exit::Status(status),
                    End::Signal(signal) => Exit::Signal(signal),
                    End::OutOfMemory => Exit::OutOfMemory,
                });
            }
            // Out of place, and of no harm.
            Word::Hello { .. } | Word::Failed(_) | Word::Started | Word::Renewed => {}
        }
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.end.is_some() || self.control.is_none() || self.machine.has_ended()
    }

    /// Ends the machine; how the runtime had ended, if it had on its own. Safe to drop: it goes on without.
    pub(crate) async fn kill(&mut self) -> Option<Exit> {
        self.control = None;
        self.machine.kill().await;
        self.end
    }

    pub(crate) fn limit_processors(&mut self) -> io::Result<()> {
        self.machine.limit_processors()
    }

    pub(crate) fn memory_peak(&mut self) -> u64 {
        // What it said since it was last listened to.
        while let Some(word) = self.control.as_mut().and_then(Control::heard) {
            self.hear(&word);
        }
        self.memory_peak
    }
}
