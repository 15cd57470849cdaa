//! How components are compiled and run: one set of settings for the child that compiles and the server that runs.
//!
//! There are two engines, since support for WASI 0.3 costs each instance of 0.2 two microseconds.

use sonagi_model::{function::WasiVersion, limits};
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig, Result,
};

/// Bytes of a memory or a table that a returned slot keeps, zeroed, rather than gives back to the kernel: the pages
/// that most requests touch need no page fault then.
const KEPT_MEMORY: usize = 1 << 20;
const KEPT_TABLE: usize = 64 << 10;
/// Bytes of a guest's own state within the runtime, at the most.
const INSTANCE_SIZE: usize = 4 << 20;
/// Slots that are kept for the component that used them last.
const WARM_SLOTS: u32 = 1_024;

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

/// An engine that runs what [`compiling`] made.
pub(crate) fn running(wasi: WasiVersion) -> Result<Engine> {
    let instances = limits::WASM_INSTANCES;
    let mut pool = slots();
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
    let mut pool = slots();
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

/// What one instance may be.
fn slots() -> PoolingAllocationConfig {
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
        .linear_memory_keep_resident(KEPT_MEMORY)
        .table_keep_resident(KEPT_TABLE)
        .max_unused_warm_slots(WARM_SLOTS)
        .pagemap_scan(Enabled::Auto);
    pool
}
