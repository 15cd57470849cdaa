//! [`Events`]: the handle to all of this crate.

use std::sync::Arc;

use sonagi_backend::Records;
use sonagi_control::Control;
use sonagi_data::queues::Queues;
use sonagi_invoke::Frontend;
use sonagi_model::{AccountId, Clock, Entropy, Region};

#[derive(Debug, Clone)]
pub struct Config {
    pub account: AccountId,
    pub region: Region,
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
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    bus: crate::bus::State,
}

impl Events {
    pub fn new(
        config: Config,
        records: Arc<dyn Records>,
        queues: Queues,
        control: Control,
        frontend: Frontend,
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
                clock,
                entropy,
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
}
