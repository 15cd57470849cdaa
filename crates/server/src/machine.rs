//! What this machine has, and asking it for more.

use rustix::process::{Resource, getrlimit, setrlimit};
use sonagi_model::limits::{READY_MEMORY_PART, WASM_MEMORY_PART};

/// Raises this process's soft limit on open files to its hard one: each idle connection is a file.
/// Returns what is allowed now.
pub fn raise_file_limit() -> u64 {
    let mut limit = getrlimit(Resource::Nofile);
    let before = limit.current;
    limit.current = limit.maximum;
    let allowed = if setrlimit(Resource::Nofile, limit).is_ok() { limit.current } else { before };
    allowed.unwrap_or(u64::MAX)
}

/// Threads that compute at once.
pub(crate) fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Bytes of memory that the instances of WebAssembly functions may have together.
pub(crate) fn memory_for_instances() -> usize {
    usize::try_from((memory_mib() << 20) / WASM_MEMORY_PART).unwrap_or(usize::MAX)
}

/// MiB of memory that interpreters may take which wait for a function.
pub fn ready_memory_mib() -> u64 {
    memory_mib() / READY_MEMORY_PART
}

/// MiB of memory that this machine has, or that this program's control group may use if that is less.
pub fn memory_mib() -> u64 {
    let total = {
        let info = rustix::system::sysinfo();
        (info.totalram as u64 * u64::from(info.mem_unit)) >> 20
    };
    let limit = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"]
        .into_iter()
        .find_map(|file| std::fs::read_to_string(file).ok()?.trim().parse::<u64>().ok())
        .map_or(u64::MAX, |bytes| bytes >> 20);
    total.min(limit)
}
