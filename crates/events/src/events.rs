//! [`Events`]: the handle to all of this crate.

use std::sync::Arc;

use crate::{mappings::Mappings, topics};
use sonagi_backend::Records;
use sonagi_control::{Control, Target};
use sonagi_data::queues::Queues;
use sonagi_invoke::{Frontend, LogProvider};
use sonagi_model::{
    AccountId, Clock, Entropy, LambdaName, Region, RequestId,
    function::{Asynchronous, RecursiveLoop},
    limits,
    logs::LogLine,
};

#[derive(Debug, Clone)]
pub struct Config {
    pub account: AccountId,
    pub region: Region,
    /// The platform's address as clients reach it: `http://127.0.0.1:4566`.
    pub endpoint: String,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Events {
    inner: Arc<Inner>,
}

struct Inner {
    config: Config,
    records: Arc<dyn Records>,
    queues: Queues,
    control: Control,
    frontend: Frontend,
    logs: Arc<dyn LogProvider>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    mappings: Mappings,
    topics: topics::Known,
    bus: crate::bus::State,
}

impl Events {
    #[expect(clippy::too_many_arguments, reason = "what it works with, each once")]
    pub fn new(
        config: Config,
        records: Arc<dyn Records>,
        queues: Queues,
        control: Control,
        frontend: Frontend,
        logs: Arc<dyn LogProvider>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                config,
                records,
                queues,
                control,
                frontend,
                logs,
                clock,
                entropy,
                mappings: Mappings::default(),
                topics: topics::Known::default(),
                bus: crate::bus::State::default(),
            }),
        }
    }

    pub fn config(&self) -> &Config {
        &self.inner.config
    }

    pub(crate) fn records(&self) -> &Arc<dyn Records> {
        &self.inner.records
    }

    pub(crate) fn queues(&self) -> &Queues {
        &self.inner.queues
    }

    pub(crate) fn control(&self) -> &Control {
        &self.inner.control
    }

    pub(crate) fn frontend(&self) -> &Frontend {
        &self.inner.frontend
    }

    pub(crate) fn bus_state(&self) -> &crate::bus::State {
        &self.inner.bus
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.clock
    }

    pub(crate) fn entropy(&self) -> &Arc<dyn Entropy> {
        &self.inner.entropy
    }

    pub(crate) fn mappings(&self) -> &Mappings {
        &self.inner.mappings
    }

    pub fn topics(&self) -> topics::Topics {
        topics::Topics::of(self.clone())
    }

    pub(crate) fn known_topics(&self) -> &topics::Known {
        &self.inner.topics
    }

    pub(crate) fn new_request(&self) -> RequestId {
        RequestId::random(&**self.entropy())
    }

    /// Without a qualifier.
    pub(crate) fn arn_of(&self, function: &LambdaName) -> String {
        let Config { account, region, .. } = self.config();
        format!("arn:aws:lambda:{region}:{account}:function:{function}")
    }

    /// How asynchronous invocations of a function go on, as it is said now; of one that is not live any more, as its
    /// release said it.
    pub(crate) fn asynchronous_of(&self, target: &Target, qualifier: Option<&str>) -> Asynchronous {
        let live = self.control().live();
        let Some(found) = live.function(target.function.lambda_name.as_str()) else {
            return target.function.asynchronous.clone().unwrap_or_default();
        };
        let set = found.asynchronous.get(qualifier.unwrap_or("$LATEST"));
        set.map(|set| set.config.clone()).unwrap_or_default()
    }

    /// Whether a function's reserved concurrency is 0 now.
    pub(crate) fn takes_nothing(&self, target: &Target) -> bool {
        let live = self.control().live();
        let found = live.function(target.function.lambda_name.as_str());
        found.is_some_and(|found| found.latest.function.reserved_concurrency == Some(0))
    }

    /// Whether a function may wake itself without end.
    pub(crate) fn may_wake_itself(&self, target: &Target) -> bool {
        let live = self.control().live();
        let found = live.function(target.function.lambda_name.as_str());
        let function = found.map_or(&target.function, |found| &found.latest.function);
        function.recursive_loop == RecursiveLoop::Allow
    }

    /// Says in the app's log that a function was stopped which wakes itself.
    pub(crate) fn say_recursive(&self, target: &Target) {
        let function = &target.function.lambda_name;
        tracing::warn!(%function, "a function wakes itself: it is stopped");
        self.log(
            target,
            &format!(
                "[ERROR] Recursive loop detected: {function} was woken more than {} times by what came of itself, and is \
                 not woken by it again. See PutFunctionRecursionConfig if it is meant to.",
                limits::WAKES_OF_ITSELF
            ),
        );
    }

    /// A line of the platform's own in a function's log.
    pub(crate) fn log(&self, target: &Target, text: &str) {
        let at = self.clock().now();
        let day = at.civil();
        let stream = format!("{:04}/{:02}/{:02}/[{}]events", day.year, day.month, day.day, target.version);
        let line = LogLine { at, request: None, text: text.to_owned().into() };
        self.inner.logs.sink(target, &stream).line(line);
    }
}
