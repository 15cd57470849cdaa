//! How components are compiled and run: one set of settings for the child that compiles and the server that runs.
//!
//! There are two engines for each size of guest that a server runs: support for WASI 0.3 costs each instance of 0.2 two
//! microseconds, and what a slot may keep for the next instance is decided for all slots of an engine.

use sonagi_model::{function::WasiVersion, limits};
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig, Result,
};

/// Which slots a component's instances have. The pages that a request touches need no page fault where a returned slot
/// keeps them, zeroed, or as the component begins with them, rather than give them back to the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    /// Most that a compiler makes of Rust, C or the like.
    Small,
    /// An interpreter with its heap: every request touches megabytes of it.
    Large,
}

/// Bytes of memory that a component begins with, up to which it is small.
const SMALL: u64 = 2 << 20;
/// Bytes of a memory that a returned slot keeps.
const KEPT_SMALL: usize = 1 << 20;
pub(crate) const KEPT_LARGE: usize = 16 << 20;
/// The same of a table.
const KEPT_TABLE: usize = 64 << 10;
/// Slots that are kept for the component that used them last.
const WARM_SMALL: u32 = 1_024;
/// Of all memory that instances may have, what slots of large ones may keep: one part of so many.
const KEPT_PART: usize = 8;

impl Size {
    /// Of a component that begins with so many bytes of memory.
    pub(crate) fn of(memory: u64) -> Self {
        if memory <= SMALL { Self::Small } else { Self::Large }
    }

    fn kept(self) -> usize {
        match self {
            Self::Small => KEPT_SMALL,
            Self::Large => KEPT_LARGE,
        }
    }

    /// `memory`: bytes that all instances may have together.
    fn warm(self, memory: usize) -> u32 {
        match self {
            Self::Small => WARM_SMALL,
            Self::Large => u32::try_from(memory / KEPT_PART / KEPT_LARGE)
                .map_or(WARM_SMALL, |warm| warm.clamp(4, WARM_SMALL)),
        }
    }
}

/// Bytes of a guest's own state within the runtime, at the most.
const INSTANCE_SIZE: usize = 4 << 20;

/// What is compiled; part of what an artifact is compatible with.
fn settings(wasi: WasiVersion) -> Config {
    let mut config = Config::new();
    config.cranelift_opt_level(OptLevel::Speed);
    // Guests that compute are interrupted at every tick.
    config.epoch_interruption(true);
    config.memory_init_cow(true);
    match wasi {
        WasiVersion::P2 => config.concurrency_support(false),
        WasiVersion::P3 => config.concurrency_support(true).wasm_component_model_async(true),
    };
    config
}

/// An engine that compiles.
pub(crate) fn compiling(wasi: WasiVersion) -> Result<Engine> {
    Engine::new(&settings(wasi))
}

/// An engine that runs what [`compiling`] made. `memory`: bytes that all instances may have together.
pub(crate) fn running(wasi: WasiVersion, size: Size, memory: usize) -> Result<Engine> {
    let instances = limits::WASM_INSTANCES;
    let mut pool = slots(size.kept());
    pool.max_unused_warm_slots(size.warm(memory));
    pool.total_component_instances(instances)
        .total_core_instances(instances * 4)
        .total_memories(instances)
        .total_tables(instances * 4)
        .total_stacks(instances)
        .total_gc_heaps(instances);
    pooling(wasi, pool)
}

/// An engine with slots like those of [`running`], but for one instance: it compiles what has room there, and nothing
/// else.
pub(crate) fn trying(wasi: WasiVersion) -> Result<Engine> {
    let mut pool = slots(0);
    pool.total_component_instances(1)
        .total_core_instances(limits::WASM_CORE_INSTANCES)
        .total_memories(limits::WASM_MEMORIES)
        .total_tables(limits::WASM_TABLES)
        .total_stacks(1)
        .total_gc_heaps(1);
    pooling(wasi, pool)
}

fn pooling(wasi: WasiVersion, pool: PoolingAllocationConfig) -> Result<Engine> {
    let mut config = settings(wasi);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    Engine::new(&config)
}

/// What one instance may be, and how many bytes of a memory its slot keeps.
fn slots(kept: usize) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.max_core_instances_per_component(limits::WASM_CORE_INSTANCES)
        .max_memories_per_component(limits::WASM_MEMORIES)
        .max_tables_per_component(limits::WASM_TABLES)
        // They may all be one module's.
        .max_memories_per_module(limits::WASM_MEMORIES)
        .max_tables_per_module(limits::WASM_TABLES)
        .max_memory_size(limits::WASM_MEMORY_SIZE)
        .table_elements(limits::WASM_TABLE_ELEMENTS)
        .max_component_instance_size(INSTANCE_SIZE)
        .max_core_instance_size(INSTANCE_SIZE)
        .linear_memory_keep_resident(kept)
        .table_keep_resident(KEPT_TABLE)
        .pagemap_scan(Enabled::Auto);
    pool
}
