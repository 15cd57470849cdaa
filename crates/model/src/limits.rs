//! Every limit of the platform, by name and with its unit. The defaults are Lambda's.
//!
//! "MB" in Lambda's documentation is 2^20 bytes, and so it is here.

mod bus;
mod events;
mod mappings;
mod resources;
mod schedules;
mod topics;

use std::{ops::RangeInclusive, time::Duration};

pub use bus::*;
pub use events::*;
pub use mappings::*;
pub use resources::*;
pub use schedules::*;
pub use topics::*;

const MIB: usize = 1 << 20;

// Functions.

/// MiB.
pub const MEMORY_MIN: u32 = 128;
/// MiB.
pub const MEMORY_MAX: u32 = 10_240;
/// MiB.
pub const MEMORY_DEFAULT: u32 = 128;
/// Seconds.
pub const TIMEOUT_MAX: u32 = 900;
/// Seconds.
pub const TIMEOUT_DEFAULT: u32 = 3;
/// MiB of `/tmp`.
pub const EPHEMERAL_STORAGE_MIN: u32 = 512;
/// MiB of `/tmp`.
pub const EPHEMERAL_STORAGE_MAX: u32 = 10_240;
/// MiB of `/tmp` where environments are copies of one that was initialised (Lambda Developer Guide, "Improving startup
/// performance with Lambda SnapStart", "Supported features and limitations").
pub const SNAPSHOT_STORAGE_MAX: u32 = 512;
/// Bytes of all environment variables' names and values together.
pub const VARIABLES_SIZE: usize = 4 << 10;
/// Bytes of a handler's name.
pub const HANDLER_SIZE: usize = 128;
/// Bytes of a description.
pub const DESCRIPTION_SIZE: usize = 256;
/// Tags on one resource.
pub const TAGS: usize = 50;
/// Characters of a tag's key.
pub const TAG_KEY_SIZE: usize = 128;
/// Characters of a tag's value.
pub const TAG_VALUE_SIZE: usize = 256;

// Code.

/// Bytes of a zip that Lambda's API takes directly.
pub const PACKAGE_SIZE: usize = 50 * MIB;
/// Bytes of a zip that our own API takes: what a package may have unpacked, since a zip may hold its files as they are.
pub const PACKAGE_UPLOAD_SIZE: usize = PACKAGE_UNPACKED_SIZE as usize;
/// Bytes of a package, unpacked.
pub const PACKAGE_UNPACKED_SIZE: u64 = 250 * MIB as u64;
/// Files and folders in a package.
pub const PACKAGE_ENTRIES: usize = 100_000;
/// Bytes of a path in a package.
pub const PACKAGE_PATH_SIZE: usize = 1_024;
/// Symbolic links in a package.
pub const PACKAGE_LINKS: usize = 10_000;
/// Links that one path in a package may lead through, as on Linux.
pub const PACKAGE_LINKS_FOLLOWED: usize = 40;
/// Layers of one function.
pub const LAYERS: usize = 5;
/// Layers that one app brings.
pub const LAYERS_PER_APP: usize = 200;
/// Characters of a layer's licence.
pub const LAYER_LICENSE_SIZE: usize = 512;
/// Runtimes that one layer version names.
pub const LAYER_RUNTIMES: usize = 15;
/// Bytes of a layer's name or ARN.
pub const LAYER_REFERENCE_SIZE: usize = 2_048;
/// Layers, or versions of one, that one reading looks at.
pub const LAYERS_READ_AT_ONCE: usize = 64;
/// Packages that are checked or unpacked at once; others wait.
pub const PACKAGES_AT_ONCE: usize = 4;
/// Bytes of unpacked packages on this machine before those that are no longer live are dropped.
pub const CODE_CACHE_SIZE: u64 = 8 << 30;
/// How long an unpacked package that is no longer live is kept for what still runs on it: the longest invocation, and as long again.
pub const CODE_CACHE_GRACE: Duration = Duration::from_secs(1_800);

/// How long after a change of what is live it is looked at for what can be done ahead of the first request.
pub const LOOK_AHEAD_PAUSE: Duration = Duration::from_millis(50);
/// Packages that are unpacked at once before they are needed.
pub const PACKAGES_AHEAD_AT_ONCE: usize = 2;
/// How long compiling a package's Python modules may take.
pub const BYTECODE_TIMEOUT: Duration = Duration::from_secs(120);
/// MiB that it may take; the share of the processors goes with it.
pub const BYTECODE_MEMORY: u64 = 1_024;
/// Bytes that may come out of it.
pub const BYTECODE_SIZE: usize = PACKAGE_UNPACKED_SIZE as usize;

/// How long one tool may run to build one function.
pub const BUILD_TIMEOUT: Duration = Duration::from_secs(600);
/// Results of tools that a build cache keeps.
pub const BUILD_CACHE_ENTRIES: usize = 128;

// Invocations.

/// Bytes of a synchronous request's or answer's payload.
pub const PAYLOAD_SIZE: usize = 6 * MIB;
/// Bytes that the Runtime API takes as an answer before it says that it is too large: the limit and a little, as Lambda does.
pub const ANSWER_SIZE: usize = 6 * MIB + 100;
/// Bytes of an asynchronous request's payload.
pub const ASYNC_PAYLOAD_SIZE: usize = MIB;
/// Bytes of a streamed answer.
pub const STREAM_SIZE: u64 = 200 * MIB as u64;
/// Bytes of the metadata before a streamed HTTP answer.
pub const STREAM_PRELUDE_SIZE: usize = 64 << 10;
/// Bytes of the client context, as base64.
pub const CLIENT_CONTEXT_SIZE: usize = 3_583;
/// Bytes of the log's tail that `LogType=Tail` returns.
pub const LOG_TAIL_SIZE: usize = 4 << 10;
/// Bytes of one log line; a longer one is split.
pub const LOG_LINE_SIZE: usize = 256 << 10;
/// How long a function's initialisation may take before it is started over within the invocation.
pub const INIT_TIMEOUT: Duration = Duration::from_secs(10);
/// Invocations that run at once on the whole account, unless the server is told otherwise.
pub const ACCOUNT_CONCURRENCY: u32 = 1_000;
/// What it may be told at the most.
pub const ACCOUNT_CONCURRENCY_MAX: u32 = 100_000;
/// Of the account's, how many must stay unreserved.
pub const UNRESERVED_CONCURRENCY_MIN: u32 = 100;
/// How long a synchronous request waits for the right to run before it is refused with 429.
pub const ADMISSION_WAIT: Duration = Duration::from_secs(1);
/// Requests of one function that wait for the right to run.
pub const ADMISSION_QUEUE: usize = 1_000;
/// How long an idle environment is kept, where nothing better is known of when its function is called.
pub const KEEP_ALIVE: Duration = Duration::from_secs(600);
/// How long one is kept at the least, though its function's next call is far away. Times between calls that are shorter
/// are not remembered.
pub const LINGER: Duration = Duration::from_secs(60);
/// The longest time between calls that a function's histogram has, and so about the longest that an environment is kept.
pub const IDLE_TIME_RANGE: Duration = Duration::from_secs(4 * 3_600);
/// Times between calls that a function's histogram holds before all its counts are halved.
pub const IDLE_TIMES: u8 = 128;
/// Times between calls that must be known before anything is said of the next one.
pub const IDLE_TIMES_MIN: u8 = 4;
/// The last times between calls beyond the histogram's range that are remembered.
pub const IDLE_TIMES_BEYOND: usize = 8;
/// By how much a call may at the most be earlier or later than it was forecast, for an environment to wait for it, where
/// the time between calls is beyond the histogram's range.
pub const FORECAST_MARGIN: Duration = Duration::from_secs(2 * 3_600);
/// Functions without environments whose times between calls are remembered; beyond it those that were called the
/// longest ago are forgotten.
pub const HISTORIES: usize = 16_384;
/// Environments that start ahead of an expected call at the same time.
pub const PREWARMS_AT_ONCE: usize = 4;
/// Provisioned environments that start at the same time: few, so that requests which wait for a start go first.
pub const PROVISIONS_AT_ONCE: usize = 2;
/// Function versions that are initialised at the same time before their first environment is needed.
pub const SNAPSHOTS_AT_ONCE: usize = 2;
/// How long the initialisation of a provisioned environment, or of what environments are copied from, may take, if its function's own time is not longer (Lambda
/// Developer Guide, "Understanding the Lambda execution environment lifecycle").
pub const PROVISIONED_INIT_TIMEOUT: Duration = Duration::from_secs(130);
/// How long a function's provisioned environments are not started after one of them could not be. It doubles with each
/// further failure.
pub const PROVISION_RETRY: Duration = Duration::from_secs(1);
/// What it grows to.
pub const PROVISION_RETRY_MAX: Duration = Duration::from_secs(300);
/// How long an environment serves, however busy it is, before another takes its place: its credentials are good for longer.
pub const ENVIRONMENT_AGE: Duration = Duration::from_secs(12 * 3_600);
/// Environments on this machine, busy and idle.
pub const ENVIRONMENTS: usize = 1_024;
/// MiB that the configured memory of all environments on this machine may reach together. Memory that is
/// configured is seldom used, so this is more than most machines have.
pub const ENVIRONMENTS_MEMORY: u64 = 512 << 10;
/// Environments that start at the same time on this machine.
pub const STARTS: usize = 16;
/// How long a request waits for the environment that just answered, and is about to be free, before another is started.
pub const FINISH_GRACE: Duration = Duration::from_millis(5);
/// How often environments of functions that are no longer live are looked for.
pub const RETIRE_INTERVAL: Duration = Duration::from_secs(1);
/// Bytes of a caller's `X-Amzn-Trace-Id`.
pub const TRACE_SIZE: usize = 1_024;
/// Metering records that a subscriber may lag behind before it loses the oldest.
pub const METERING_BACKLOG: usize = 4_096;
/// Processes and threads in one environment, as on Lambda.
pub const ENVIRONMENT_PROCESSES: u32 = 1_024;
/// Interpreters of one kind that wait for a function, at the most.
pub const READY_MEMBERS: u64 = 8;
/// The time over which starts are looked at to tell how many interpreters should wait.
pub const READY_WINDOW: Duration = Duration::from_secs(600);
/// How long interpreters of a kind wait when no function is started that could use them.
pub const READY_KEEP: Duration = Duration::from_secs(3_600);
/// How long a start is left alone before another interpreter is started to wait.
pub const READY_PAUSE: Duration = Duration::from_millis(50);
/// MiB that a waiting Python is taken to need, its share of what several use included.
pub const READY_PYTHON_MEMORY: u64 = 12;
/// And a waiting Node.
pub const READY_NODE_MEMORY: u64 = 48;
/// MiB that an environment is limited to while it waits for its function, which has no more.
pub const READY_LIMIT: u64 = 10_240;
/// Of the machine's memory, the part that waiting interpreters may take: one in so many.
pub const READY_MEMORY_PART: u64 = 32;
/// How long an environment may run on after it has answered and asked for the next event, before all of it is held.
pub const IDLE_RUN: Duration = Duration::from_millis(100);
/// File systems for `/tmp` that a server makes at once when it starts.
pub const DISKS_FIRST: usize = 4;
/// And in the background, when it has nothing to do with them: so many with those that are in use, for bursts.
pub const DISKS_AHEAD: usize = 128;
/// As many are unused in any case.
pub const DISKS_SPARE: usize = 32;
/// Of one size that nobody uses, as many are kept.
pub const DISKS_KEPT: usize = 128;
/// How long nothing must happen after a server's start before more of them are made in the background.
pub const DISKS_QUIET: Duration = Duration::from_secs(5);
/// And from one to the next.
pub const DISKS_PAUSE: Duration = Duration::from_millis(50);
/// Threads that make them.
pub const DISK_MAKERS: usize = 2;
/// How long an environment waits for one before its `/tmp` is in memory.
pub const DISK_WAIT: Duration = Duration::from_secs(3);
/// How long `mkfs.ext4` may take; it writes a few blocks.
pub const DISK_FORMAT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long after a failure it is not tried again to make one.
pub const DISK_RETRY: Duration = Duration::from_secs(60);
/// Bytes that must be free for others where a server's data is, beyond the `/tmp` that is asked for.
pub const DISK_ROOM: u64 = 1 << 30;
/// Files and folders that are removed from a `/tmp` after its environment; one with more is thrown away whole.
pub const DISK_ENTRIES: u32 = 10_000;
/// So is one with folders nested more deeply than this.
pub const DISK_DEPTH: u32 = 64;
/// Bytes of an emptied `/tmp` that its file may go on to take on the machine's disk.
pub const DISK_TRIM: u64 = 16 << 20;
/// How long the copy of an initialised runtime may take to be made, in each of its steps.
pub const COPY_TIMEOUT: Duration = Duration::from_secs(5);
/// Initialised runtimes that are kept to be copied.
pub const TEMPLATES: usize = 64;
/// How long one is kept that nothing was copied from.
pub const TEMPLATE_KEEP: Duration = Duration::from_secs(3_600);
/// MiB that a copy which waits for its function's next start is counted as.
pub const COPY_AHEAD_MEMORY: u64 = 8;
/// MiB of a function's memory that come with the time of one processor, as on Lambda.
pub const MEMORY_OF_A_PROCESSOR: u64 = 1_769;
/// The time over which a function's processor time is counted: what it has used up comes back with the next.
pub const PROCESSOR_PERIOD: Duration = Duration::from_millis(20);
/// File descriptors that one process of an environment may hold, as on Lambda.
pub const ENVIRONMENT_FILES: u64 = 1_024;

// WebAssembly functions.

/// Functions of one release that are made ready at the same time before it goes live.
pub const PREPARATIONS_AT_ONCE: usize = 4;
/// Requests that one instance serves where its function asks for reuse and says no number.
pub const REUSE_REQUESTS_DEFAULT: u32 = 1_000;
/// Requests that one instance may be asked to serve.
pub const REUSE_REQUESTS_MAX: u32 = 1_000_000;
/// Seconds.
pub const REUSE_AGE_DEFAULT: u32 = 60;
/// Seconds.
pub const REUSE_AGE_MAX: u32 = 3_600;
/// MiB.
pub const REUSE_MEMORY_DEFAULT: u32 = 64;
/// MiB.
pub const REUSE_MEMORY_MAX: u32 = MEMORY_MAX;
/// Entries of `wasi:config` that a function may have.
pub const WASM_CONFIG_ENTRIES: usize = 256;
/// Bytes of all of a function's configuration together.
pub const WASM_CONFIG_SIZE: usize = 64 << 10;
/// Stores that a function may open.
pub const WASM_KEYVALUE_STORES: usize = 32;
/// Letters of a store's name.
pub const WASM_STORE_NAME: usize = 64;
/// Rules in a function's list of where its outbound requests may go.
pub const WASM_OUTBOUND_RULES: usize = 100;
/// How often a guest that computes lets others have its thread.
pub const WASM_TICK: Duration = Duration::from_millis(1);
/// Instances that are alive at once on this machine.
pub const WASM_INSTANCES: u32 = 4_096;
/// One part in so many of the machine's memory is for the memories of instances.
pub const WASM_MEMORY_PART: u64 = 2;
/// Handles to resources of ours that one instance may hold.
pub const WASM_HANDLES: usize = 16_384;
/// Bytes that a guest may hand over in one call to us.
pub const WASM_HOSTCALL_SIZE: usize = 16 * MIB;
/// Bytes of an answer that are gathered before it is passed on in parts.
pub const WASM_GATHER_SIZE: usize = 64 << 10;
/// Bytes of a component's own words about why an event failed.
pub const WASM_FAILURE_SIZE: usize = 256 << 10;
/// Core instances within one component.
pub const WASM_CORE_INSTANCES: u32 = 200;
/// Linear memories within one component.
pub const WASM_MEMORIES: u32 = 8;
/// Tables within one component.
pub const WASM_TABLES: u32 = 40;
/// Elements of one table.
pub const WASM_TABLE_ELEMENTS: usize = 64 << 10;
/// Bytes of one linear memory, whatever the function is configured to have: all that 32 bits can address.
pub const WASM_MEMORY_SIZE: usize = 4 << 30;
/// Bytes of a component.
pub const COMPONENT_SIZE: u64 = 128 * MIB as u64;
/// How deep components and modules may nest in a component.
pub const COMPONENT_DEPTH: usize = 32;
/// Functions, modules, components and the like that a component exports, and again that it imports.
pub const COMPONENT_NAMES: usize = 500;
/// Bytes of a compiled component.
pub const ARTIFACT_SIZE: u64 = 1 << 30;
/// Bytes of all compiled components before those that were not used for the longest time are dropped.
pub const ARTIFACTS_SIZE: u64 = 8 << 30;
/// How long one component may take to compile, its snapshot's run included.
pub const COMPILE_TIMEOUT: Duration = Duration::from_secs(300);
/// Processor time that compiling one component may take, over all processors.
pub const COMPILE_CPU: Duration = Duration::from_secs(900);
/// Bytes of memory that compiling one component may take.
pub const COMPILE_MEMORY: u64 = 4 << 30;
/// Threads that compile one component.
pub const COMPILE_THREADS: usize = 8;
/// Components that are compiled at once on this machine.
pub const COMPILES_AT_ONCE: usize = 2;
/// Components that wait for their turn to be compiled; a further one is refused.
pub const COMPILES_WAITING: usize = 1_024;
/// How long a component that could not be compiled is refused without another try.
pub const COMPILE_REFUSAL: Duration = Duration::from_secs(600);
/// How many such components are remembered.
pub const COMPILE_REFUSALS: usize = 1_024;
/// How long a component's initialisation may run for its snapshot.
pub const SNAPSHOT_TIMEOUT: Duration = Duration::from_secs(10);

// What WebAssembly functions reach.

/// Bytes of a key.
pub const KEYVALUE_KEY_SIZE: usize = 1_024;
/// Bytes of a value.
pub const KEYVALUE_VALUE_SIZE: usize = 4 * MIB;
/// Keys that one page of a listing holds.
pub const KEYVALUE_LIST_KEYS: usize = 1_000;
/// Keys in one batch.
pub const KEYVALUE_BATCH: usize = 1_000;
/// Bytes of all keys and values of one batch, read or written.
pub const KEYVALUE_BATCH_SIZE: usize = 16 * MIB;
/// Numbered cursors that an open store remembers; the oldest go first.
pub const KEYVALUE_CURSORS: usize = 256;

/// Outbound requests of one instance that are under way at once, until the end of their answers.
pub const OUTBOUND_REQUESTS_INSTANCE: usize = 64;
/// Outbound requests of one app that are under way at once.
pub const OUTBOUND_REQUESTS_APP: usize = 512;
/// Outbound requests of all apps that are under way at once.
pub const OUTBOUND_REQUESTS: usize = 4_096;
/// Names of one app that are looked up at once.
pub const OUTBOUND_LOOKUPS_APP: usize = 16;
/// Names that are looked up at once.
pub const OUTBOUND_LOOKUPS: usize = 128;
/// Addresses of one name that are tried.
pub const OUTBOUND_ADDRESSES: usize = 8;
/// How long one address of a server is tried before the next one is tried as well (RFC 8305).
pub const OUTBOUND_NEXT_ADDRESS: Duration = Duration::from_millis(250);
/// How long finding a server, connecting and agreeing on keys may take together, where the guest says nothing.
pub const OUTBOUND_CONNECT_TIMEOUT_DEFAULT: Duration = Duration::from_secs(10);
/// How long it may take, whatever the guest says.
pub const OUTBOUND_CONNECT_TIMEOUT_MAX: Duration = Duration::from_secs(60);
/// How long an answer may take to begin, where the guest says nothing.
pub const OUTBOUND_FIRST_BYTE_TIMEOUT_DEFAULT: Duration = Duration::from_secs(60);
/// How long it may take, whatever the guest says: the longest invocation.
pub const OUTBOUND_FIRST_BYTE_TIMEOUT_MAX: Duration = Duration::from_secs(TIMEOUT_MAX as u64);
/// How long an answer may pause, where the guest says nothing.
pub const OUTBOUND_BETWEEN_BYTES_TIMEOUT_DEFAULT: Duration = Duration::from_secs(60);
/// How long it may pause, whatever the guest says: the longest invocation.
pub const OUTBOUND_BETWEEN_BYTES_TIMEOUT_MAX: Duration = Duration::from_secs(TIMEOUT_MAX as u64);
/// Bytes of an answer's status line and header lines together.
pub const OUTBOUND_HEAD_SIZE: usize = 64 << 10;
/// Header lines of an answer.
pub const OUTBOUND_HEADERS: usize = 128;
/// Connections of one app that are kept while it does not use them.
pub const OUTBOUND_IDLE_APP: usize = 32;
/// Connections of all apps that are kept while nobody uses them.
pub const OUTBOUND_IDLE: usize = 512;
/// How long a connection that nobody uses is kept.
pub const OUTBOUND_IDLE_TIME: Duration = Duration::from_secs(30);

// The Runtime API.

/// Connections that one environment's runtime and extensions may hold at once.
pub const RUNTIME_CONNECTIONS: usize = 16 + 2 * EXTENSIONS;
/// Bytes of a request's head at the Runtime API; an X-Ray error cause travels in one.
pub const RUNTIME_HEAD_SIZE: usize = 128 << 10;
/// Bytes of the trailers after a streamed answer: an error with its stack trace, as base64.
pub const RUNTIME_TRAILERS_SIZE: usize = 256 << 10;
/// Bytes of an error that a runtime reports of its initialisation or of an invocation.
pub const RUNTIME_ERROR_SIZE: usize = ANSWER_SIZE;
/// How long a runtime may take to send the rest of a request that is refused and to read why.
pub const RUNTIME_REFUSAL: Duration = Duration::from_secs(1);
/// How long after a broken stream a runtime's end is taken for the cause.
pub const RUNTIME_LAST_BREATH: Duration = Duration::from_millis(100);
/// Parts of a streamed answer that wait for whoever reads them.
pub const STREAM_BACKLOG: usize = 16;
/// How long an environment's listener rests when the machine has no file descriptors left.
pub const RUNTIME_ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Connections that one environment may have to the platform's AWS endpoint: as many as it may have open files.
pub const ENVIRONMENT_CONNECTIONS: usize = ENVIRONMENT_FILES as usize;
/// How long the launcher of environments may take for each thing that it says: it waits for the kernel alone.
pub const LAUNCH_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the processes of an environment may take to die once killed, before it is reported.
pub const KILL_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes that an environment may map beyond twice its memory, where only that can be limited.
pub const ENVIRONMENT_MAPPED_EXTRA: u64 = 2 << 30;
/// How often memory is looked at where the machine does not limit it for us.
pub const MEMORY_POLL: Duration = Duration::from_millis(50);
/// How long an interpreter may take to say its version.
pub const INTERPRETER_PROBE: Duration = Duration::from_secs(10);

// Extensions.

/// Extensions of one environment, those of its runtime's process among them.
pub const EXTENSIONS: usize = 10;
/// Bytes of what an extension says when it registers, subscribes or fails.
pub const EXTENSION_BODY_SIZE: usize = 64 << 10;
/// How long an environment's end may take that has extensions in processes of their own.
pub const EXTENSION_SHUTDOWN: Duration = Duration::from_secs(2);
/// Of that, how long the runtime may take, before its extensions are told.
pub const EXTENSION_SHUTDOWN_RUNTIME: Duration = Duration::from_millis(600);
/// How long an environment's end may take that has extensions in its runtime's process alone.
pub const EXTENSION_SHUTDOWN_INTERNAL: Duration = Duration::from_millis(500);
/// Events that a subscriber of the Telemetry API may have sent at once.
pub const TELEMETRY_ITEMS: RangeInclusive<u64> = 1_000..=10_000;
/// Bytes of the events that it may have sent at once.
pub const TELEMETRY_BYTES: RangeInclusive<u64> = 256 << 10..=1 << 20;
/// Milliseconds that an event may wait for others.
pub const TELEMETRY_TIMEOUT: RangeInclusive<u64> = 25..=30_000;
/// The same, where the subscriber does not say.
pub const TELEMETRY_TIMEOUT_DEFAULT: u64 = 1_000;
/// Bytes of events that wait for one subscriber; what comes then is dropped, and counted.
pub const TELEMETRY_BACKLOG: usize = 4 << 20;
/// How long a subscriber may take to acknowledge what it was sent.
pub const TELEMETRY_ACKNOWLEDGEMENT: Duration = Duration::from_secs(5);
/// How long after a failure a batch is sent again the first time; each time after that it is twice as long.
pub const TELEMETRY_PAUSE: Duration = Duration::from_millis(50);
/// How long it is at the most.
pub const TELEMETRY_PAUSE_MAX: Duration = Duration::from_secs(2);

// The doors.

/// How long a connection may take to send a request's head.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection may be silent in the middle of a body.
pub const BODY_IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes a second that a body must average once [`BODY_IDLE_TIMEOUT`] has passed: who sends a byte now and then would
/// hold a connection without end.
pub const BODY_PACE: u64 = 1 << 10;
/// Bytes of all of a request's header lines together, as at API Gateway.
pub const HEADERS_SIZE: usize = 10_240;
/// Header lines of one request.
pub const HEADERS: usize = 100;
/// How long a connection that has served a request may wait for the next one.
pub const CONNECTION_IDLE_TIMEOUT: Duration = Duration::from_secs(75);
/// Requests at once on one HTTP/2 connection.
pub const HTTP2_STREAMS: u32 = 128;
/// Connections that one door holds at once.
pub const CONNECTIONS: usize = 16_384;
/// Bytes of a body that is too large which are read and thrown away, so that its sender sees the answer.
pub const BODY_DISCARD_SIZE: usize = 64 * MIB;
/// Bytes of an HTTP request's body at the gateway.
pub const GATEWAY_BODY_SIZE: usize = 10 * MIB;
/// Header lines of a function's answer over HTTP.
pub const ANSWER_HEADERS: usize = 1_000;
/// Bytes of the names and values of all headers that a WebAssembly function answers with.
pub const ANSWER_HEADERS_SIZE: usize = 128 << 10;
/// Bytes from which the gateway compresses an answer.
pub const COMPRESSION_MIN_SIZE: u64 = 1_024;
/// How long an HTTP API waits for its function.
pub const HTTP_API_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a REST API waits for its function.
pub const REST_API_TIMEOUT: Duration = Duration::from_secs(29);
/// Difference between a signature's time and ours (SigV4).
pub const SIGNATURE_SKEW: Duration = Duration::from_secs(300);
/// The same for S3 ("RequestTimeTooSkewed").
pub const SIGNATURE_SKEW_S3: Duration = Duration::from_secs(900);
/// Bytes of a request to an AWS or own API, where nothing else is said.
pub const API_BODY_SIZE: usize = MIB;
/// Bytes of a request that carries a zip as base64 in JSON (Lambda's own limit).
pub const CODE_BODY_SIZE: usize = 70_167_211;
/// Bytes of a release's content as JSON.
pub const RELEASE_BODY_SIZE: usize = 16 * MIB;
/// Bytes of the requests that carry code, and of what is unpacked from them, in memory at once.
pub const UPLOADS_SIZE: usize = 512 * MIB;
/// Requests that carry code and wait for their turn; a further one is refused.
pub const UPLOADS_WAITING: usize = 64;
/// Items that one page of a listing holds at the most, as on Lambda.
pub const LIST_ITEMS: usize = 50;
/// How long the link to a function's code is good for, as on Lambda.
pub const CODE_LINK_LIFETIME: Duration = Duration::from_secs(600);
/// How long a server that was told to stop waits for what is running.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);

// Apps.

/// Bytes of a manifest.
pub const MANIFEST_SIZE: usize = MIB;
/// How deep a template's values may nest.
pub const MANIFEST_DEPTH: usize = 64;
/// Values in a template once its aliases are expanded.
pub const MANIFEST_NODES: usize = 100_000;
/// Problems, and notes, that one reading of a manifest collects.
pub const MANIFEST_PROBLEMS: usize = 500;
/// Bytes that evaluating a template may produce, all intermediate values together.
pub const MANIFEST_EVALUATED: usize = 64 * MIB;
/// Functions in one app.
pub const FUNCTIONS_PER_APP: usize = 1_000;
/// Routes in one API.
pub const ROUTES_PER_API: usize = 1_000;
/// Bytes of one release's content, as it is stored.
pub const RELEASE_SIZE: usize = 8 * MIB;
/// Releases of one app that are kept; the oldest go first, but never the live one or one that a rollback leads to.
pub const RELEASES_PER_APP: u64 = 1_000;
/// How long a change waits until what is live shows it.
pub const CATALOG_WAIT: Duration = Duration::from_secs(30);
/// How many rollbacks in a row an app remembers.
pub const ROLLBACK_DEPTH: usize = 100;
/// Published versions of one function. Beyond it, a deployment drops its oldest that no alias names.
pub const VERSIONS_PER_FUNCTION: usize = 1_000;
/// Bytes of a name, a partial ARN or an ARN of a function in a request.
pub const FUNCTION_REFERENCE_SIZE: usize = 140;
/// Aliases of one function.
pub const ALIASES_PER_FUNCTION: usize = 1_000;

// Permissions.

/// Bytes of a resource policy, as at Lambda.
pub const POLICY_SIZE: usize = 20 << 10;
/// Bytes of a managed policy, without white space, as at IAM.
pub const MANAGED_POLICY_SIZE: usize = 6_144;
/// Bytes of all inline policies of a function, without white space, as IAM has it for a role.
pub const INLINE_POLICIES_SIZE: usize = 10_240;
/// Managed policies of one function, as IAM has it for a role unless it is asked for more.
pub const MANAGED_POLICIES: usize = 10;
/// Policies of one function, of both kinds.
pub const FUNCTION_POLICIES: usize = 100;
/// Bytes of all policies of one function, as a release holds them.
pub const FUNCTION_POLICIES_SIZE: usize = INLINE_POLICIES_SIZE + MANAGED_POLICIES * MANAGED_POLICY_SIZE;
/// Statements of one policy.
pub const POLICY_STATEMENTS: usize = 250;
/// Lists and objects that a value of a policy may be in; what means something is in six.
pub const POLICY_DEPTH: usize = 8;
/// Functions whose compiled policies are kept before those of functions that are no longer live are dropped.
pub const POLICIES_COMPILED: usize = 1_024;

// Event patterns, input transformers and schedules.

/// Characters of a rule's event pattern (EventBridge User Guide, "Quotas": "Event pattern size").
pub const BUS_PATTERN_SIZE: usize = 2_048;
/// Characters of one filter of an event source mapping (Lambda API, `Filter`).
pub const MAPPING_PATTERN_SIZE: usize = 4_096;
/// Bytes of a subscription's filter policy (SNS Developer Guide, "Filter policy constraints").
pub const SUBSCRIPTION_PATTERN_SIZE: usize = 256 << 10;
/// How deep a pattern's values may nest.
pub const PATTERN_DEPTH: usize = 64;
/// Objects and arrays in each other of an event that a rule's target gets a part of; serde_json reads no more either.
pub const EVENT_DEPTH: usize = 128;
/// Rules that the `$or`s of one pattern may make of it.
pub const PATTERN_COMBINATIONS: usize = 1_000;
/// Fields that all these rules together may have: what one pattern takes of memory and of time.
pub const PATTERN_FIELDS: usize = 16_384;
/// Wildcards in one pattern.
pub const PATTERN_WILDCARDS: usize = 64;
/// Keys of a filter policy, those below other keys not counted (SNS Developer Guide, "Filter policy constraints").
pub const SUBSCRIPTION_KEYS: usize = 5;
/// Combinations of a filter policy's values (SNS Developer Guide, "Filter policy constraints").
pub const SUBSCRIPTION_COMBINATIONS: usize = 150;
/// Characters of a path into an event (EventBridge API, `Target`, `InputPath`).
pub const INPUT_PATH_SIZE: usize = 256;
/// Variables of one input transformer.
pub const INPUT_PATHS: usize = 100;
/// Characters of an input template (EventBridge API, `InputTransformer`).
pub const INPUT_TEMPLATE_SIZE: usize = 8_192;
/// Bytes that an input transformer may make of an event.
pub const TRANSFORMED_SIZE: usize = ASYNC_PAYLOAD_SIZE;
/// Characters of a schedule's expression (EventBridge Scheduler API, `CreateSchedule`).
pub const SCHEDULE_EXPRESSION_SIZE: usize = 256;
/// The longest time between two runs of a `rate()`.
pub const SCHEDULE_RATE_MAX: Duration = Duration::from_secs(100 * 365 * 86_400);
/// The years in which a schedule runs (EventBridge User Guide, "Cron expressions").
pub const SCHEDULE_YEARS: std::ops::RangeInclusive<i16> = 1_970..=2_199;

// Records, Blobs, Bus.

/// Bytes of a record's key.
pub const RECORD_KEY_SIZE: usize = 16 << 10;
/// Bytes of a record's value.
pub const RECORD_VALUE_SIZE: usize = 16 * MIB;
/// Bytes of all writes of one transaction.
pub const TRANSACTION_SIZE: usize = 64 * MIB;
/// Records that one scan returns.
pub const SCAN_ROWS: usize = 10_000;
/// Transactions that one group commit holds.
pub const GROUP_COMMIT: usize = 1_024;
/// Bytes of a record that a group commit keeps for the other transactions that read it.
pub const READ_AGAIN_SIZE: usize = 16 << 10;
/// Bytes of all that it keeps so.
pub const READS_AGAIN_SIZE: usize = 4 * MIB;
/// A group commit waits for callers that may come back for this part of what the last one took at the disk.
pub const GATHERING_SHARE: u32 = 4;
/// And no longer than this.
pub const GATHERING: Duration = Duration::from_millis(2);
/// Transactions that wait for the writer.
pub const WRITER_QUEUE: usize = 16_384;
/// Bytes of writes after which a group commit leaves the other transactions to the next one.
pub const GROUP_COMMIT_SIZE: usize = 16 * MIB;
/// Records that one transaction writes or deletes.
pub const TRANSACTION_WRITES: usize = 250_000;
/// Snapshots that are read at once; a further one waits for its first read.
pub const SNAPSHOTS: usize = 256;
/// Single records that may be waited for at once.
pub const LOOKUPS: usize = 100_000;
/// Threads that read single records.
pub const LOOKUP_THREADS: usize = 2;
/// Database connections for reading that are kept open while nobody reads.
pub const IDLE_READERS: usize = 16;
/// Bytes of the write-ahead log after which it is copied into the database in the background.
pub const WAL_CHECKPOINT_SIZE: usize = 4 * MIB;
/// Bytes of the write-ahead log after which the writer stops to begin it anew.
pub const WAL_RESTART_SIZE: usize = 16 * MIB;
/// Bytes of the write-ahead log after which snapshots that keep it from beginning anew are ended.
pub const WAL_SIZE: usize = 256 * MIB;
/// Commits that the change feed keeps on the disk; who is further behind begins anew with what is there.
pub const CHANGES_KEPT: u64 = 4_096;
/// How often older ones are forgotten.
pub const CHANGES_TRIM_INTERVAL: Duration = Duration::from_secs(10);
/// Change sets that are kept in memory for those who follow the feed closely.
pub const CHANGES_CACHED: usize = 4_096;
/// Bytes of the change sets that are kept in memory.
pub const CHANGES_CACHED_SIZE: usize = 8 * MIB;
/// Change sets that one read of the stored feed fetches.
pub const CHANGES_READ: usize = 256;
/// Bytes after which one read of the stored feed ends.
pub const CHANGES_READ_SIZE: usize = 4 * MIB;
/// Trimmed change sets that are removed from the disk within one commit.
pub const TRIM_ROWS: usize = 1_000;
/// Bytes of trimmed change sets that are removed from the disk within one commit.
pub const TRIM_SIZE: usize = 16 * MIB;
/// Bytes of a blob's key.
pub const BLOB_KEY_SIZE: usize = 1_024;
/// Bytes of one part of a blob's key, as file systems have it.
pub const BLOB_KEY_PART_SIZE: usize = 255;
/// Bytes that a stream of a blob reads at a time.
pub const BLOB_CHUNK_SIZE: usize = 256 << 10;
/// Keys that one listing of blobs returns.
pub const BLOB_LIST: usize = 10_000;
/// Bytes of a message's payload on the bus.
pub const BUS_PAYLOAD_SIZE: usize = 8 * MIB;
/// Bytes of a subject of the bus, or of the name of a group or a member.
pub const BUS_SUBJECT_SIZE: usize = 1_024;
/// Messages that one subscriber of the bus may lag behind before it loses the oldest.
pub const BUS_BACKLOG: usize = 1_024;
/// Bytes of messages that one subscriber of the bus may lag behind before it loses the oldest.
pub const BUS_BACKLOG_SIZE: usize = 64 * MIB;

// Queues. Where nothing else is said, the numbers are those of SQS (Developer Guide, "Amazon SQS quotas").

/// Queues of the whole account.
pub const QUEUES: usize = 5_000;
/// Queues whose settings are kept in memory.
pub const QUEUES_KNOWN: usize = 1_024;
/// Characters of a queue's name.
pub const QUEUE_NAME_SIZE: usize = 80;
/// Seconds.
pub const QUEUE_VISIBILITY: u32 = 30;
/// Seconds.
pub const QUEUE_VISIBILITY_MAX: u32 = 43_200;
/// Seconds.
pub const QUEUE_DELAY_MAX: u32 = 900;
/// Bytes of a message's body and attributes, and of all messages of a batch.
pub const QUEUE_MESSAGE_SIZE: usize = MIB;
/// Seconds.
pub const QUEUE_RETENTION: u32 = 345_600;
/// Seconds.
pub const QUEUE_RETENTION_MIN: u32 = 60;
/// Seconds.
pub const QUEUE_RETENTION_MAX: u32 = 1_209_600;
/// Seconds that a client's receiver waits at the most.
pub const QUEUE_WAIT_MAX: u32 = 20;
/// Queues that one dead-letter queue names as its sources.
pub const QUEUE_REDRIVE_SOURCES: usize = 10;
/// Attributes of one message.
pub const QUEUE_ATTRIBUTES: usize = 10;
/// Characters of a message group's id, or of a deduplication id.
pub const QUEUE_GROUP_SIZE: usize = 128;
/// How long a message is known by its deduplication id, and a receive request by its attempt id.
pub const QUEUE_DEDUPLICATION: Duration = Duration::from_secs(300);
/// Bytes of a message attribute's name, or of its type.
pub const QUEUE_ATTRIBUTE_NAME_SIZE: usize = 256;
/// Digits of a message attribute that is a number.
pub const QUEUE_ATTRIBUTE_DIGITS: usize = 38;
/// Characters of the id of an entry in a batch, or of a permission's label.
pub const QUEUE_BATCH_ID_SIZE: usize = 80;
/// Bytes of a client's request: a batch of the largest size, of which each character is escaped in a form or in JSON.
pub const QUEUE_BODY_SIZE: usize = 6 * MIB + (256 << 10);
/// Bytes of a queue's policy.
pub const QUEUE_POLICY_SIZE: usize = 8 << 10;
/// Receipts after which a message can be made a dead letter, at the most.
pub const QUEUE_RECEIVES_MAX: u32 = 1_000;
/// Queues in one page of a listing.
pub const QUEUE_LIST: usize = 1_000;
/// Messages a second that a task is told to move, at the most.
pub const QUEUE_MOVE_RATE: u32 = 500;
/// Seconds that a data key is used again, where nothing else is said.
pub const QUEUE_KEY_REUSE: u32 = 300;
/// Messages of one queue that are in flight at once.
pub const QUEUE_IN_FLIGHT: usize = 120_000;
/// Messages or handles in one batch of a client's.
pub const QUEUE_BATCH: usize = 10;
/// Messages that one receiver of ours gets at once.
pub const QUEUE_RECEIVE_MAX: usize = 100;
/// Bytes of bodies after which one receiver gets no further message.
pub const QUEUE_RECEIVE_SIZE: usize = 8 * MIB;
/// Old messages or other records that one transaction clears away.
pub const QUEUE_CLEARED_AT_ONCE: usize = 500;
/// How often what is old or was removed is cleared away.
pub const QUEUE_TIDY: Duration = Duration::from_secs(60);
/// How long a task rests after the records failed it.
pub const RECORDS_RETRY: Duration = Duration::from_secs(1);
/// Between two purges of one queue.
pub const QUEUE_PURGE_PAUSE: Duration = Duration::from_secs(60);
/// Tasks that moved a queue's messages, and are still shown.
pub const QUEUE_MOVES_KEPT: usize = 10;
/// Characters of a wrong handle that its error shows.
pub const QUEUE_HANDLE_SHOWN: usize = 64;

// Logs.

/// Bytes of one of the two segments that a function's log has.
pub const LOG_SEGMENT_SIZE: usize = 8 * MIB;
/// Log lines that wait to be written; what comes on top is dropped and counted.
pub const LOG_QUEUE_LINES: usize = 65_536;
/// Bytes of the log lines that wait to be written.
pub const LOG_QUEUE_SIZE: usize = 64 * MIB;
/// Log files that are open for writing at once.
pub const LOG_OPEN_FILES: usize = 64;
/// Log lines that one reading returns.
pub const LOG_READ_LINES: usize = 10_000;
/// Bytes of the log lines that one reading returns.
pub const LOG_READ_SIZE: usize = 32 * MIB;
/// Log lines that a follower may lag behind before it loses the oldest.
pub const LOG_FOLLOW_LINES: usize = 4_096;
/// Bytes of the log lines that a follower may lag behind before it loses the oldest.
pub const LOG_FOLLOW_SIZE: usize = 8 * MIB;

// The network of environments.

/// Environments of one server that have a network at once: a bridge of the kernel's has 1,024 ports.
pub const NETWORK_ENVIRONMENTS: u16 = 1_000;
/// Networks that an operator declares.
pub const NETWORKS: usize = 64;
/// Bytes of the file that declares them.
pub const NETWORKS_SIZE: usize = MIB;
/// Ranges that one network leads to.
pub const NETWORK_RANGES: usize = 256;
/// Addresses that one network hands out.
pub const NETWORK_ADDRESSES: usize = NETWORK_ENVIRONMENTS as usize;
/// Subnets that one function names, as at Lambda.
pub const VPC_SUBNETS: usize = 16;
/// Security groups that one function names, as at Lambda.
pub const VPC_SECURITY_GROUPS: usize = 5;
/// Ids of subnets, and of security groups, that one network has.
pub const NETWORK_IDS: usize = 64;
/// How long it is remembered what a machine lacks to give functions a network.
pub const NETWORK_SURVEY: Duration = Duration::from_secs(2);
/// How long `pasta` or `slirp4netns` may take to connect an environment.
pub const NETWORK_HELPER_TIMEOUT: Duration = Duration::from_secs(5);
/// Processes of the network's that count as an environment's where its user is the server's own.
pub const NETWORK_PROCESSES: u32 = 1;
/// Connections that one environment has with the internet at once, answered or not.
pub const NETWORK_CONNECTIONS: u32 = 1_024;
/// The kernel's answer to a message about its network.
pub const NETLINK_TIMEOUT: Duration = Duration::from_secs(5);
/// One run of `nft`.
pub const NFT_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes that are read of what `nft` complains about.
pub const NFT_COMPLAINT_SIZE: u64 = 16 << 10;
/// Resolvers of the machine that are asked for a name, one after the other.
pub const RESOLVERS: usize = 3;
/// Bytes of a query for a name.
pub const RESOLVER_QUERY_SIZE: usize = 4 << 10;
/// Bytes of an answer.
pub const RESOLVER_ANSWER_SIZE: usize = 65_535;
/// Queries and connections for names that all environments have at once.
pub const RESOLVER_QUERIES: usize = 1_024;
/// Queries that one environment has at once.
pub const RESOLVER_QUERIES_PER_ENVIRONMENT: usize = 64;
/// Connections for queries that one environment has at once.
pub const RESOLVER_CONNECTIONS_PER_ENVIRONMENT: usize = 8;
/// The answer of one of the machine's resolvers.
pub const RESOLVER_TIMEOUT: Duration = Duration::from_secs(2);
/// The next query on a connection, or the reading of an answer.
pub const RESOLVER_IDLE: Duration = Duration::from_secs(10);
/// How long no connection is accepted after one could not be.
pub const RESOLVER_PAUSE: Duration = Duration::from_millis(100);

// Virtual machines.

/// Instructions a second that a guest's processor must execute, for this machine's KVM to be used at all.
pub const MICROVM_SPEED_MIN: f64 = 100e6;
/// MiB that a machine has beyond its function's memory: for its kernel and its init.
pub const MICROVM_MEMORY_EXTRA: u32 = 96;
/// MiB that a machine's monitor may use beyond its guest's memory.
pub const MICROVM_MONITOR_MEMORY: u32 = 64;
/// Threads of a monitor.
pub const MICROVM_MONITOR_THREADS: u32 = 64;
/// Files that a monitor has open.
pub const MICROVM_MONITOR_FILES: u32 = 1_024;
/// Between two looks for a monitor's socket.
pub const MICROVM_SOCKET_POLL: Duration = Duration::from_millis(2);
/// Bytes of an answer of a monitor's API.
pub const MICROVM_ANSWER_SIZE: usize = 64 << 10;
/// How long taking a snapshot may take: its memory is written to the disk.
pub const MICROVM_SNAPSHOT_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a machine that is restored may take to say that it goes on, before it is started afresh.
pub const MICROVM_RENEWAL_TIMEOUT: Duration = Duration::from_secs(5);
/// How long credentials are said to be good for in a machine; the environment does not live as long.
pub const MICROVM_CREDENTIALS: Duration = Duration::from_secs(24 * 3_600);
/// Bytes of what a monitor and its machine's kernel said that are kept.
pub const MICROVM_CONSOLE_SIZE: usize = 16 << 10;
/// Lines of it that are told.
pub const MICROVM_CONSOLE_LINES: usize = 8;
/// Bytes of the packages' file systems on this machine before those that were used the longest ago are dropped.
pub const MICROVM_IMAGES_SIZE: u64 = 16 << 30;
/// Bytes of snapshots on this machine before those that were used the longest ago are dropped.
pub const MICROVM_SNAPSHOTS_SIZE: u64 = 16 << 30;

// Tables.

/// Lists and maps in each other within an item (DynamoDB Developer Guide, "Quotas").
pub const ITEM_DEPTH: usize = 32;
/// Bytes of an expression on items.
pub const EXPRESSION_SIZE: usize = 4 << 10;
/// Parentheses, functions and `NOT`s in each other within an expression.
pub const EXPRESSION_DEPTH: usize = 100;

/// Letters of a table's or an index's name (DynamoDB Developer Guide, "Quotas").
pub const TABLE_NAME_MIN: usize = 3;
pub const TABLE_NAME_SIZE: usize = 255;
/// Tables (DynamoDB Developer Guide, "Quotas": the most that can be asked for).
pub const TABLES: usize = 10_000;
/// Tables whose records are kept to be compared.
pub const TABLES_KNOWN: usize = 10_000;
/// Bytes of an item, its attributes' names included (DynamoDB Developer Guide, "Quotas").
pub const ITEM_SIZE: usize = 400 << 10;
/// Bytes of a partition key and of a sort key (DynamoDB Developer Guide, "Quotas").
pub const PARTITION_KEY_SIZE: usize = 2048;
pub const SORT_KEY_SIZE: usize = 1024;
/// Bytes of a partition with its local indexes' entries (DynamoDB Developer Guide, "Item collections").
pub const ITEM_COLLECTION_SIZE: u64 = 10 << 30;
/// Bytes of a write unit and of a read unit (DynamoDB Developer Guide, "DynamoDB read and write operations").
pub const WRITE_UNIT_SIZE: usize = 1 << 10;
pub const READ_UNIT_SIZE: usize = 4 << 10;
/// Bytes of the items that a page of a query or a scan looks at: the one that reaches it is the last (DynamoDB API
/// Reference, `Query`).
pub const PAGE_SIZE: usize = MIB;
/// Records that a page reads at once: at first, and when it is known how large they are.
pub const PAGE_ROWS_FIRST: usize = 64;
pub const PAGE_ROWS: usize = 1_000;
/// How long a transaction's token is remembered (DynamoDB API Reference, `TransactWriteItems`).
pub const TRANSACTION_TOKEN_LIFE: Duration = Duration::from_secs(10 * 60);
/// How long a stream's records are kept (DynamoDB Developer Guide, "Change data capture for DynamoDB Streams").
pub const STREAM_LIFE: Duration = Duration::from_secs(24 * 60 * 60);
/// Bytes of a stream's records that are read at once (DynamoDB API Reference, `GetRecords`).
pub const STREAM_PAGE_SIZE: usize = MIB;
/// How long an item may have been over and is still removed (DynamoDB Developer Guide, "Time to Live").
pub const ITEM_EXPIRY_AGE: Duration = Duration::from_secs(5 * 365 * 24 * 60 * 60);
/// How far back a table can be restored (DynamoDB Developer Guide, "Point-in-time backups").
pub const TABLE_HISTORY: Duration = Duration::from_secs(35 * 24 * 60 * 60);
/// How often tables are looked at for what has expired or is too old.
pub const TABLE_TIDY: Duration = Duration::from_secs(30);
/// Records that are removed, or entered into an index, in one transaction.
pub const CLEARED_AT_ONCE: usize = 500;
/// Bytes of items after which such a transaction leaves the others to the next one.
pub const CLEARED_SIZE: usize = 4 * MIB;
/// Bytes of a request to DynamoDB (API Reference, `BatchWriteItem`: 16 MB of items).
pub const TABLE_BODY_SIZE: usize = 18 * MIB;
/// Bytes of the items of a batch that is read (DynamoDB API Reference, `BatchGetItem`).
pub const BATCH_GET_SIZE: usize = 16 * MIB;
/// Bytes of the items of a transaction (DynamoDB API Reference, `TransactWriteItems`).
pub const TRANSACTION_ITEMS_SIZE: usize = 4 * MIB;
/// How long a stream's iterator can be used (DynamoDB Developer Guide, "Quotas").
pub const ITERATOR_LIFE: Duration = Duration::from_secs(15 * 60);
