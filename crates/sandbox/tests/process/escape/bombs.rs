//! What takes more than its share hurts itself, and nobody else: the neighbour answers on, and nothing stays behind.

use std::{
    fs::File,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use sonagi_model::limits;
use sonagi_sandbox::Outcome;

use super::{Language, probe};
use crate::support::{Bench, Collected, Done, PYTHON, Running, runs};

/// How much longer the neighbour's answers may take while a bomb goes off, in the middle.
const RATIO: u32 = 20;
/// Below this, a latency is noise: a machine with two processors has other things to do.
const NOISE: Duration = Duration::from_millis(4);
const BEFORE: usize = 40;
/// MiB, of the environment that goes off.
const MEMORY: u32 = 256;

const LANGUAGES: [Language; 2] = [Language::Native, Language::Python];

/// What one bomb did.
struct Blast {
    done: Done,
    /// The neighbour's latencies while it went off.
    during: Vec<Duration>,
    before: Duration,
}

/// Two environments of one driver: the one that goes off, and its neighbour.
struct Scene {
    bench: Bench,
    neighbour: Running,
    /// Bombs go off one after another, so that a latency is not another bomb's doing.
    _turn: File,
}

impl Scene {
    async fn new() -> Self {
        let turn = File::create(std::env::temp_dir().join("sonagi-bombs.lock")).unwrap();
        let turn = tokio::task::spawn_blocking(move || turn.lock().map(|()| turn)).await.unwrap().unwrap();
        let bench = Bench::new();
        let mut function = bench.function(PYTHON, "def handler(event, context):\n    return event\n");
        super::readable(&function.spec.code);
        // A whole processor's worth, so that it never waits for its own share.
        function.spec.memory = 1_769;
        let neighbour = bench.start(function).await.unwrap();
        Self { bench, neighbour, _turn: turn }
    }

    /// Lets `bomb` go off in an environment of its own, which is given back.
    async fn blast(&mut self, language: Language, event: &Value, wait: Duration) -> (Blast, Running) {
        let bomb = self.bench.start(probe(&self.bench, language, MEMORY)).await.unwrap();
        self.blast_in(bomb, event, wait).await
    }

    async fn blast_in(&mut self, mut bomb: Running, event: &Value, wait: Duration) -> (Blast, Running) {
        let mut before = Vec::new();
        for _ in 0..BEFORE {
            before.push(latency(&mut self.neighbour).await);
        }
        let before = median(&mut before);
        let mut event = event.clone();
        event["host"] = json!(std::fs::read_link("/proc/self/ns/pid").unwrap());
        let mut during = Vec::new();
        let going_off =
            tokio::spawn(async move { (bomb.invoke_within(event.to_string(), wait).await, bomb) });
        while !going_off.is_finished() {
            during.push(latency(&mut self.neighbour).await);
        }
        let (done, bomb) = going_off.await.unwrap();
        (Blast { done, during, before }, bomb)
    }

    async fn over(self) {
        drop(self.neighbour);
        self.bench.nothing_is_left().await;
    }
}

#[expect(clippy::disallowed_methods, reason = "real processes answer in real time")]
async fn latency(neighbour: &mut Running) -> Duration {
    let began = Instant::now();
    assert_eq!(neighbour.invoke("1").await.success(), "1");
    began.elapsed()
}

fn median(of: &mut [Duration]) -> Duration {
    of.sort_unstable();
    of.get(of.len() / 2).copied().unwrap_or_default()
}

impl Blast {
    /// The neighbour has hardly noticed.
    fn nobody_else_is_hurt(&mut self) {
        let (before, during) = (self.before.max(NOISE), median(&mut self.during));
        assert!(during <= before * RATIO, "{during:?} instead of {before:?}, of {}", self.during.len());
    }

    /// What it counted, and the error that stopped it; none if the environment ended.
    fn said(&self) -> Option<(u64, String)> {
        let Collected::Success(body) = &self.done.answer else { return None };
        let body: Value = serde_json::from_str(body).unwrap();
        Some((body["count"].as_u64().unwrap(), body["error"].as_str().unwrap_or("none").to_owned()))
    }

    fn ran_out_of_memory(&self) {
        let (error_type, message) = self.done.failure();
        assert_eq!(error_type, "Runtime.OutOfMemory", "{message}");
        assert!(!self.done.finished.reusable);
    }
}

fn bomb(name: &str, most: u64) -> Value {
    json!({ "attempt": name, "most": most })
}

const WAIT: Duration = Duration::from_secs(30);

/// A bomb that is stopped by a limit on how many there may be.
async fn stopped(name: &str, most: u64, error: &str, allowed: std::ops::RangeInclusive<u64>) {
    for language in LANGUAGES {
        let mut scene = Scene::new().await;
        let (mut blast, bomb) = scene.blast(language, &bomb(name, most), WAIT).await;
        let Some((count, said)) = blast.said() else {
            panic!("{language:?}: {:?}", blast.done.answer);
        };
        assert_eq!(said, error, "{language:?}, {count}");
        assert!(allowed.contains(&count), "{language:?}: {count}");
        blast.nobody_else_is_hurt();
        drop(bomb);
        scene.over().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thread_bomb_is_stopped_at_the_limit() {
    let most = u64::from(limits::ENVIRONMENT_PROCESSES);
    stopped("threads", 4 * most, "EAGAIN", most / 2..=most).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bomb_of_files_is_stopped_at_the_limit() {
    stopped("descriptors", 100_000, "EMFILE", 900..=limits::ENVIRONMENT_FILES).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bomb_of_empty_files_is_stopped() {
    stopped("inodes", 400_000, "ENOSPC", 1_000..=65_536).await;
}

/// Functions with more memory than `/tmp`, and with less.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_tmp_is_an_error_and_the_environment_goes_on() {
    let on_disk = crate::disk::there_are_disks();
    for (language, memory) in LANGUAGES.into_iter().flat_map(|it| [(it, 2_048), (it, MEMORY)]) {
        let mut scene = Scene::new().await;
        let bomb = scene.bench.start(probe(&scene.bench, language, memory)).await.unwrap();
        let event = self::bomb("disk", 1_024);
        let (mut blast, mut bomb) = scene.blast_in(bomb, &event, Duration::from_secs(60)).await;
        blast.nobody_else_is_hurt();
        if on_disk || memory > MEMORY {
            let Some((count, said)) = blast.said() else {
                panic!("{language:?}, {memory} MB: {:?}", blast.done.answer);
            };
            assert_eq!(said, "ENOSPC", "{language:?}, {memory} MB, {count}");
            assert!((500..=512).contains(&count), "{language:?}, {memory} MB: {count}");
            let (blast, again) = scene.blast_in(bomb, &self::bomb("echo", 0), WAIT).await;
            assert!(matches!(blast.done.answer, Collected::Success(_)), "{:?}", blast.done.answer);
            bomb = again;
        } else {
            // It is memory.
            blast.ran_out_of_memory();
        }
        drop(bomb);
        scene.over().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fork_bomb_is_stopped_at_the_limit() {
    let most = u64::from(limits::ENVIRONMENT_PROCESSES);
    for language in LANGUAGES {
        let mut scene = Scene::new().await;
        let wait = Duration::from_secs(3);
        let (mut blast, bomb) = scene.blast(language, &bomb("processes", 4 * most), wait).await;
        match blast.said() {
            // Processes are what it ran out of, or memory for them, or its share of the processors.
            Some((count, error)) => {
                assert_eq!(error, "EAGAIN", "{language:?}, {count}");
                assert!(count <= most, "{language:?}: {count}");
            }
            None if blast.done.finished.outcome == Outcome::TimedOut => {}
            None => blast.ran_out_of_memory(),
        }
        blast.nobody_else_is_hurt();
        drop(bomb);
        scene.over().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_memory_bomb_ends_its_own_environment() {
    for language in LANGUAGES {
        let mut scene = Scene::new().await;
        let (mut blast, bomb) = scene.blast(language, &bomb("memory", 2_048), WAIT).await;
        blast.ran_out_of_memory();
        blast.nobody_else_is_hurt();
        drop(bomb);
        scene.over().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_memory_bomb_in_a_child_stays_in_its_environment() {
    for language in LANGUAGES {
        let mut scene = Scene::new().await;
        let (mut blast, bomb) = scene.blast(language, &bomb("memory_in_a_child", 2_048), WAIT).await;
        // The kernel takes the child, or the runtime with it.
        match blast.said() {
            Some(said) => assert_eq!(said, (0, "SIGKILL".into()), "{language:?}"),
            None => blast.ran_out_of_memory(),
        }
        blast.nobody_else_is_hurt();
        drop(bomb);
        scene.over().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_that_hides_in_the_kernels_buffers_is_counted() {
    for language in LANGUAGES {
        let mut scene = Scene::new().await;
        let (mut blast, bomb) = scene.blast(language, &bomb("buffers", 1_024), WAIT).await;
        match blast.said() {
            Some((filled, error)) => {
                assert!(error == "EMFILE" || error == "ENFILE", "{language:?}: {error}");
                assert!(filled <= u64::from(MEMORY), "{language:?}: {filled} MiB");
            }
            None => blast.ran_out_of_memory(),
        }
        blast.nobody_else_is_hurt();
        drop(bomb);
        scene.over().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_without_end_ends_with_the_time_out() {
    for language in LANGUAGES {
        let mut scene = Scene::new().await;
        let wait = Duration::from_millis(1_500);
        let (mut blast, bomb) = scene.blast(language, &bomb("log", 1 << 20), wait).await;
        assert_eq!(blast.done.failure().0, "Sandbox.Timedout", "{language:?}");
        blast.nobody_else_is_hurt();
        drop(bomb);
        scene.over().await;
    }
}

fn marker(of: &str, language: Language) -> String {
    format!("sonagi-{of}-{language:?}-{}", std::process::id())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ignores_every_signal_ends_with_the_time_out() {
    for language in LANGUAGES {
        let mut scene = Scene::new().await;
        let marker = marker("cling", language);
        let event = json!({ "attempt": "cling", "most": 8, "marker": marker });
        let (mut blast, bomb) = scene.blast(language, &event, Duration::from_secs(2)).await;
        assert_eq!(blast.done.failure().0, "Sandbox.Timedout", "{language:?}");
        // It is gone already, not only when it is dropped.
        assert!(!runs(&marker), "{language:?}");
        blast.nobody_else_is_hurt();
        drop(bomb);
        scene.over().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_on_after_the_answer_takes_nothing_from_others_and_ends_with_its_environment() {
    for language in LANGUAGES {
        for (name, most) in [("daemon", 1), ("spinners", 64)] {
            let mut scene = Scene::new().await;
            let marker = marker(name, language);
            let event = json!({ "attempt": name, "most": most, "marker": marker });
            let (mut blast, bomb) = scene.blast(language, &event, WAIT).await;
            assert!(blast.said().is_some(), "{language:?}: {:?}", blast.done.answer);
            while !runs(&marker) {
                tokio::task::yield_now().await;
            }
            for _ in 0..BEFORE {
                blast.during.push(latency(&mut scene.neighbour).await);
            }
            blast.nobody_else_is_hurt();
            drop(bomb);
            scene.bench.driver.settled().await;
            // The neighbour is still there, so that it is the environment's end that ended them.
            latency(&mut scene.neighbour).await;
            assert!(!runs(&marker), "{language:?}");
            scene.over().await;
        }
    }
}
