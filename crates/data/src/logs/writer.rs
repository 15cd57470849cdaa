//! The one thread that writes.

use std::{collections::HashMap, path::PathBuf, sync::Arc};

use bytes::Bytes;
use sonagi_model::{AppName, Clock, LambdaName, logs::LogLine};

use super::{Entry, follow::Followers, line, queue::Batch, queue::Queue, segment::Segments};

pub(super) struct Writer {
    clock: Arc<dyn Clock>,
    queue: Arc<Queue>,
    followers: Arc<Followers>,
    segments: Segments,
    disk: Disk,
}

/// Whether the last write worked: an operator is told once, not for every line.
#[derive(PartialEq, Eq, Clone, Copy)]
enum Disk {
    Fine,
    Failing,
}

impl Writer {
    pub(super) fn new(
        dir: PathBuf,
        clock: Arc<dyn Clock>,
        queue: Arc<Queue>,
        followers: Arc<Followers>,
    ) -> Self {
        Self { clock, queue, followers, segments: Segments::new(dir), disk: Disk::Fine }
    }

    pub(super) fn run(mut self) {
        let mut spare = Vec::new();
        let mut texts = HashMap::new();
        while let Some(mut batch) = self.queue.next(spare) {
            self.confess(&mut batch);
            self.write(&batch.lines, &mut texts);
            for entry in &batch.lines {
                self.followers.publish(entry);
            }
            for flush in batch.flushes {
                // Whoever asked may have left.
                let _ = flush.send(());
            }
            batch.lines.clear();
            spare = batch.lines;
        }
        self.followers.close();
    }

    /// Says in each function's log how many of its lines were dropped.
    fn confess(&self, batch: &mut Batch) {
        for (app, function, stream, count) in batch.lost.drain(..) {
            let text = format!(
                "[sonagi] {count} log lines were dropped: they came faster than they could be written"
            );
            let line = LogLine { at: self.clock.now(), request: None, text: Bytes::from(text) };
            batch.lines.push(Entry { app, function, stream, line });
        }
    }

    /// One write for each function of the batch.
    fn write(&mut self, lines: &[Entry], texts: &mut HashMap<(AppName, LambdaName), Vec<u8>>) {
        for entry in lines {
            let key = (entry.app.clone(), entry.function.clone());
            line::write(texts.entry(key).or_default(), entry);
        }
        for ((app, function), text) in texts.drain() {
            match self.segments.append(&app, &function, &text) {
                Ok(()) => self.disk = Disk::Fine,
                Err(cause) if self.disk == Disk::Fine => {
                    self.disk = Disk::Failing;
                    tracing::warn!(%app, %function, %cause, "log lines could not be written and are lost");
                }
                Err(_) => {}
            }
        }
    }
}
