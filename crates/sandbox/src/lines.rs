//! What a function writes to its standard output and error, cut into lines for the log.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use sonagi_model::{
    Clock, RequestId, limits,
    logs::{LogLine, LogSink},
};

use crate::extensions::telemetry::{Category, Telemetry};

pub(crate) struct Lines {
    logs: Arc<dyn LogSink>,
    clock: Arc<dyn Clock>,
    request: Option<RequestId>,
    partial: BytesMut,
    /// Who else is told of each.
    told: Option<(Category, Arc<Telemetry>)>,
}

impl Lines {
    pub(crate) fn new(logs: Arc<dyn LogSink>, clock: Arc<dyn Clock>) -> Self {
        Self { logs, clock, request: None, partial: BytesMut::new(), told: None }
    }

    /// Says whose lines those from now on are.
    pub(crate) fn tag(&mut self, request: RequestId) {
        self.request = Some(request);
    }

    /// Has extensions told of each, as what it is.
    pub(crate) fn tell(&mut self, category: Category, telemetry: Arc<Telemetry>) {
        self.told = Some((category, telemetry));
    }

    pub(crate) fn push(&mut self, mut data: &[u8]) {
        while let Some(end) = data.iter().position(|&byte| byte == b'\n') {
            self.extend(&data[..end]);
            self.emit();
            data = &data[end + 1..];
        }
        self.extend(data);
    }

    fn extend(&mut self, mut data: &[u8]) {
        while self.partial.len() + data.len() > limits::LOG_LINE_SIZE {
            let (now, later) = data.split_at(limits::LOG_LINE_SIZE - self.partial.len());
            self.partial.extend_from_slice(now);
            self.emit();
            data = later;
        }
        self.partial.extend_from_slice(data);
    }

    /// Ends a line that has no end.
    pub(crate) fn flush(&mut self) {
        if !self.partial.is_empty() {
            self.emit();
        }
    }

    fn emit(&mut self) {
        let text: Bytes = self.partial.split().freeze();
        let text = match text.strip_suffix(b"\r") {
            Some(shorter) => text.slice(..shorter.len()),
            None => text,
        };
        let at = self.clock.now();
        if let Some((category, telemetry)) = &self.told {
            telemetry.line(*category, at, &text);
        }
        self.logs.line(LogLine { at, request: self.request, text });
    }
}
