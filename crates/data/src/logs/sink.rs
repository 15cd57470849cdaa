use std::sync::Arc;

use sonagi_model::{
    AppName, LambdaName,
    limits::LOG_LINE_SIZE,
    logs::{LogLine, LogSink},
};

use super::{Entry, queue::Queue};

/// Where the lines of one environment go.
pub(super) struct Sink {
    queue: Arc<Queue>,
    app: AppName,
    function: LambdaName,
    stream: Arc<str>,
}

impl Sink {
    pub(super) fn new(queue: Arc<Queue>, app: AppName, function: LambdaName, stream: Arc<str>) -> Self {
        Self { queue, app, function, stream }
    }
}

impl LogSink for Sink {
    fn line(&self, line: LogLine) {
        let LogLine { at, request, mut text } = line;
        loop {
            let part = text.split_to(text.len().min(LOG_LINE_SIZE));
            self.queue.push(Entry {
                app: self.app.clone(),
                function: self.function.clone(),
                stream: self.stream.clone(),
                line: LogLine { at, request, text: part },
            });
            if text.is_empty() {
                break;
            }
        }
    }
}
