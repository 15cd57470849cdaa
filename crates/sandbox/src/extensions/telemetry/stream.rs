//! All that an environment tells, on its way to whoever has subscribed to it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use serde_json::{Map, Value};
use sonagi_model::{Clock, Timestamp, function::LogFormat, limits};
use tokio::{sync::watch, task::AbortHandle};

use super::{
    Api, Category, Dial, Subscription,
    backlog::Backlog,
    delivery::{self, Motion},
    records,
    subscription::LineForm,
};
use crate::extensions::Refusal;

/// Dropping it ends all deliveries.
pub(crate) struct Telemetry {
    clock: Arc<dyn Clock>,
    format: LogFormat,
    motion: watch::Sender<Motion>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    subscribers: Vec<Subscriber>,
    /// What was told so far, for those that subscribe yet; none when nobody can any more.
    early: Option<Vec<Told>>,
    early_bytes: usize,
}

struct Subscriber {
    name: String,
    subscription: Subscription,
    backlog: Arc<Backlog>,
    delivery: AbortHandle,
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.delivery.abort();
    }
}

/// One event, in both of its forms.
struct Told {
    category: Category,
    kind: String,
    text: Bytes,
    /// Of a line that is a JSON object.
    object: Option<Bytes>,
}

impl Telemetry {
    pub(crate) fn new(clock: Arc<dyn Clock>, format: LogFormat) -> Self {
        let state = State { early: Some(Vec::new()), ..State::default() };
        Self { clock, format, motion: watch::Sender::new(Motion::Runs), state: Mutex::new(state) }
    }

    /// Something of the platform's.
    pub(crate) fn platform(&self, kind: &str, record: &Value) {
        self.platform_at(self.clock.now(), kind, record);
    }

    pub(crate) fn platform_at(&self, at: Timestamp, kind: &str, record: &Value) {
        let text = records::event(at, kind, record);
        self.tell(Told { category: Category::Platform, kind: kind.into(), text, object: None });
    }

    /// A line of the runtime's or of an extension's.
    pub(crate) fn line(&self, category: Category, at: Timestamp, line: &[u8]) {
        let kind = category.name();
        let text = records::event(at, kind, &String::from_utf8_lossy(line).into());
        let object = match self.format {
            LogFormat::Text => None,
            LogFormat::Json => serde_json::from_slice::<Map<String, Value>>(line).ok(),
        };
        let object = object.map(|object| records::event(at, kind, &Value::Object(object)));
        self.tell(Told { category, kind: kind.into(), text, object });
    }

    fn tell(&self, told: Told) {
        let mut state = self.state();
        for subscriber in &state.subscribers {
            subscriber.push(&told);
        }
        let size = told.text.len();
        let fits = state.early_bytes + size <= limits::TELEMETRY_BACKLOG;
        if let Some(early) = &mut state.early
            && fits
        {
            early.push(told);
            state.early_bytes += size;
        }
    }

    /// Whether anybody hears it, or may yet.
    pub(crate) fn is_heard(&self) -> bool {
        let state = self.state();
        state.early.is_some() || !state.subscribers.is_empty()
    }

    /// Tells an extension all that was told so far and all that will be. It has one subscription to each API: the newest.
    pub(crate) fn subscribe(
        &self,
        name: &str,
        subscription: Subscription,
        dial: Arc<dyn Dial>,
    ) -> Result<(), Refusal> {
        let mut state = self.state();
        let Some(early) = &state.early else {
            return Err(match subscription.api {
                Api::Telemetry => Refusal::TelemetryClosed,
                Api::Logs => Refusal::LogsClosed,
            });
        };
        let backlog = Arc::new(Backlog::new(subscription.buffering));
        let delivery = tokio::spawn(delivery::deliver(
            Arc::clone(&backlog),
            subscription.destination.clone(),
            dial,
            self.motion.subscribe(),
            Arc::clone(&self.clock),
        ));
        let api = subscription.api;
        let delivery = delivery.abort_handle();
        let subscriber = Subscriber { name: name.into(), subscription, backlog, delivery };
        early.iter().for_each(|told| subscriber.push(told));
        state.subscribers.retain(|known| known.name != name || known.subscription.api != api);
        state.subscribers.push(subscriber);
        Ok(())
    }

    /// Nobody can subscribe any more.
    pub(crate) fn close(&self) {
        self.state().early = None;
    }

    /// What runs in the environment is held, or goes on.
    pub(crate) fn moves(&self, motion: Motion) {
        self.motion.send_replace(motion);
    }

    /// The environment ends: nothing waits for more to be told with it.
    pub(crate) fn hurry(&self) {
        for subscriber in &self.state().subscribers {
            subscriber.backlog.hurry();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Subscriber {
    fn push(&self, told: &Told) {
        let wanted = self.subscription.wants(told.category);
        if !wanted || (told.category == Category::Platform && !self.subscription.api.has(&told.kind)) {
            return;
        }
        let event = match (&told.object, self.subscription.lines) {
            (Some(object), LineForm::Object) => object,
            (Some(_) | None, _) => &told.text,
        };
        self.backlog.push(event.clone());
    }
}
