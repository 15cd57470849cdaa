//! Queues as a source.

use serde_json::Value;
use sonagi_data::queues::{Handle, Outbox, QueueName, Receive, Refusal, Return};
use tokio_util::sync::CancellationToken;

use super::{
    message,
    source::{Ending, Record, Source},
};
use crate::{Events, Result};

pub(super) struct QueueSource {
    pub(super) events: Events,
    pub(super) queue: QueueName,
    pub(super) arn: String,
}

impl Source for QueueSource {
    type Token = Handle;

    fn in_order(&self) -> bool {
        self.queue.is_fifo()
    }

    async fn lease(
        &self,
        most: usize,
        wait: u32,
        stop: &CancellationToken,
    ) -> Result<Option<Vec<Record<Handle>>>> {
        let ask = Receive { wait: Some(wait), ..Receive::up_to(most) };
        let received = match self.events.queues().receive_until(&self.queue, ask, stop).await {
            Ok(received) => received,
            Err(sonagi_data::Error::Queue(Refusal::NoQueue)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let region = self.events.config().region.as_str();
        let record = |received: sonagi_data::queues::Received| Record {
            event: message::event(&received, &self.arn, region),
            id: received.message.head.id,
            trace: received.message.head.trace,
            token: received.handle,
        };
        Ok(Some(received.into_iter().map(record).collect()))
    }

    fn seen(&self, record: &Record<Handle>) -> Value {
        serde_json::from_slice(&record.event).unwrap_or_default()
    }

    /// What failed stays hidden until its visibility time-out, as on AWS.
    async fn settle(&self, endings: Vec<(Handle, Ending)>) -> Result<()> {
        let endings: Vec<_> = endings.into_iter().filter(|(_, ending)| *ending != Ending::Failed).collect();
        if endings.is_empty() {
            return Ok(());
        }
        let queue = self.queue.clone();
        let body = move |outbox: &mut Outbox<'_>| {
            for (handle, ending) in &endings {
                match ending {
                    // A handle that has expired: the message was brought to somebody else meanwhile.
                    Ending::Done => drop(outbox.acknowledge(&queue, handle)?),
                    Ending::Recursive => drop(outbox.bury(&queue, handle)?),
                    Ending::Back => {
                        let back = Return { handle: handle.clone(), seconds: 0, counts: false };
                        outbox.give_back(&queue, &back)?;
                    }
                    Ending::Failed => {}
                }
            }
            Ok(())
        };
        Ok(self.events.queues().transact(body).await?)
    }
}
