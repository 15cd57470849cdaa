//! When each piece of code was used last. It decides what goes first when there is too much, and nothing else, so it is
//! kept in memory and written down now and then; who changes the file changes the order.

use std::{
    collections::HashMap,
    fs,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use sonagi_model::{
    Digest, Timestamp,
    function::{WasiVersion, WasmStart},
};

use super::folder::Key;

/// Bytes of the file that are read.
const SIZE: u64 = 16 << 20;

#[derive(Debug)]
pub(super) struct Usage(Mutex<HashMap<Key, Timestamp>>);

impl Usage {
    /// Nothing, where there is no such file or it cannot be read.
    pub(super) fn read(path: &Path) -> Self {
        let small = fs::metadata(path).is_ok_and(|data| data.len() <= SIZE);
        let text = if small { fs::read_to_string(path).unwrap_or_default() } else { String::new() };
        let line = |line: &str| {
            let (key, time) = line.split_once(' ')?;
            Some((key.parse().ok()?, Timestamp(time.parse().ok()?)))
        };
        Self(Mutex::new(text.lines().filter_map(line).collect()))
    }

    fn times(&self) -> MutexGuard<'_, HashMap<Key, Timestamp>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn note(&self, key: Key, now: Timestamp) {
        self.times().insert(key, now);
    }

    /// The oldest possible for what was never used.
    pub(super) fn last(&self, key: &Key) -> Timestamp {
        self.times().get(key).copied().unwrap_or_default()
    }

    /// Keeps only what is still there, and returns what to write down.
    pub(super) fn retain(&self, still: impl Fn(&Key) -> bool) -> String {
        let mut times = self.times();
        times.retain(|key, _| still(key));
        times.iter().map(|(key, time)| format!("{key} {}\n", time.micros())).collect()
    }
}

impl std::str::FromStr for Key {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.split('-');
        let component: Digest = parts.next().ok_or(())?.parse().map_err(|_| ())?;
        let wasi = [WasiVersion::P2, WasiVersion::P3];
        let start = [WasmStart::Fresh, WasmStart::Snapshot];
        wasi.into_iter()
            .flat_map(|wasi| start.map(|start| Self { component, wasi, start }))
            .find(|key| key.to_string() == text)
            .ok_or(())
    }
}
