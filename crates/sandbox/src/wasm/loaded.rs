//! A component that is ready to be instantiated, with what all instances of its function have in common.

use std::{
    sync::atomic::{AtomicU8, AtomicU32, Ordering},
    time::Duration,
};

use sonagi_model::function::WasiVersion;
use wasmtime::{
    Engine, Result,
    component::{Component, Linker},
};
use wasmtime_wasi_http::{handler::ProxyPre, p2, p3};

use super::{
    host::{Host, Setting},
    lanes::Beginning,
    linker,
};

/// Processor time of a usual call from which a function's guests begin in the busy lane.
const HEAVY: u32 = 700;

/// Whether instances serve a second request. Some cannot by their nature, and cannot be told by their looks: a
/// JavaScript component that answers `fetch` events answers one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Again {
    Unknown,
    Proven,
    Disproven,
}

pub(super) struct Loaded {
    proxy: ProxyPre<Host>,
    setting: Setting,
    engine: Engine,
    /// Bytes that an instance begins with.
    memory: usize,
    again: AtomicU8,
    /// Microseconds of processor time that a call has taken lately: a moving average.
    usual: AtomicU32,
}

impl Loaded {
    pub(super) fn new(
        linker: &Linker<Host>,
        component: &Component,
        wasi: WasiVersion,
        setting: Setting,
        memory: u64,
    ) -> Result<Self> {
        let linker = linker::for_component(linker, component)?;
        let pre = linker.instantiate_pre(component)?;
        let proxy = match wasi {
            WasiVersion::P2 => ProxyPre::P2(p2::bindings::ProxyPre::new(pre)?),
            WasiVersion::P3 => match p3::bindings::ServicePre::new(pre.clone()) {
                Ok(service) => ProxyPre::P3(service),
                Err(error) => return Err(error),
            },
        };
        Ok(Self {
            proxy,
            setting,
            engine: component.engine().clone(),
            memory: usize::try_from(memory)?,
            again: AtomicU8::new(Again::Unknown as u8),
            usual: AtomicU32::new(0),
        })
    }

    pub(super) fn proxy(&self) -> &ProxyPre<Host> {
        &self.proxy
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(super) fn setting(&self) -> &Setting {
        &self.setting
    }

    /// Bytes that an instance begins with.
    pub(super) fn memory(&self) -> usize {
        self.memory
    }

    /// Whether an instance that has served may serve again.
    pub(super) fn serves_again(&self) -> bool {
        self.again.load(Ordering::Relaxed) != Again::Disproven as u8
    }

    /// An instance has served a second request.
    pub(super) fn served_again(&self) {
        self.again.store(Again::Proven as u8, Ordering::Relaxed);
    }

    /// An instance failed at its second request. True if that tells that none serves two: from now on none has to.
    pub(super) fn failed_again(&self) -> bool {
        let (unknown, disproven) = (Again::Unknown as u8, Again::Disproven as u8);
        self.again.compare_exchange(unknown, disproven, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Learns from a call that is over.
    pub(super) fn used(&self, cpu: Duration) {
        let cpu = u32::try_from(cpu.as_micros()).unwrap_or(u32::MAX / 2).min(1_000_000);
        let usual = self.usual.load(Ordering::Relaxed);
        // Two that write at once lose one of their lessons, which is no matter.
        self.usual.store(usual - usual / 8 + cpu / 8, Ordering::Relaxed);
    }

    pub(super) fn beginning(&self) -> Beginning {
        if self.usual.load(Ordering::Relaxed) > HEAVY { Beginning::Busy } else { Beginning::Here }
    }
}
