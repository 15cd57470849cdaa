//! A frontend over environments that do what a payload says, with a clock that stands still.
//!
//! Payloads: `echo …` answers itself; `sleep N` answers after N milliseconds of the clock; `hold NAME` answers once
//! NAME is released; `linger NAME` answers at once and is over once NAME is released; `fail` is the handler's error;
//! `exit` ends the environment; `stream N` answers with N parts of a kilobyte; `say N` prints N lines.
//!
//! The variable `START` of a function scripts its starts, by number: `sleep N`, `fail`, `hang`, `broken`; steps are
//! divided by commas and the last one is repeated. `ONCE` scripts in the same way what is initialised to be copied;
//! `never` is what cannot be.

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use sonagi_control::{Share, Target, Version};
use sonagi_invoke::{
    Config, Copied, CredentialProvider, Deployments, Error, Frontend, Invoked, LogProvider, Reached, Request,
    Snapshot, Tail,
};
use sonagi_model::{
    Clock, Digest, Entropy, FunctionName, LambdaName, ReleaseNumber, RequestId, Tick, Timestamp,
    clock::ManualClock,
    function::{Function, Package, Runtime, SnapStart},
    invocation::{FailureOrigin, FunctionFailure},
    logs::{LogLine, LogSink},
};
use sonagi_sandbox::{
    Answer, AnswerSender, Call, Credentials, Driver, Environment, EnvironmentSpec, Finished, Footprint,
    GivenUp, Initialised, Initialization, Origin, Outcome, StartFailure, Started, StreamAnswer,
};
use tokio::{
    sync::{Notify, Semaphore, mpsc},
    task::JoinHandle,
};

pub(crate) struct World {
    pub(crate) frontend: Frontend,
    pub(crate) clock: ManualClock,
    pub(crate) driver: Arc<Script>,
    pub(crate) deployed: Arc<Deployed>,
    pub(crate) logs: Arc<Lines>,
    entropy: Arc<Count>,
}

impl World {
    pub(crate) fn new(config: Config) -> Self {
        let clock = ManualClock::at(Timestamp::from_millis(1_709_210_096_789));
        let driver = Arc::new(Script::new(clock.clone()));
        let deployed = Arc::new(Deployed::default());
        let logs = Arc::new(Lines::default());
        let entropy = Arc::new(Count::default());
        let frontend = Frontend::over(
            config,
            driver.clone(),
            deployed.clone(),
            logs.clone(),
            Arc::new(NoCredentials),
            Arc::new(clock.clone()),
            entropy.clone(),
        );
        Self { frontend, clock, driver, deployed, logs, entropy }
    }

    pub(crate) fn start() -> Self {
        Self::new(Config::default())
    }

    /// Deploys a function of 128 MB and 3 s, changed by `change`.
    pub(crate) fn deploy(&self, name: &str, change: impl FnOnce(&mut Function)) -> Arc<Target> {
        let mut function = Function::new(
            FunctionName::new(name).unwrap(),
            LambdaName::new(name).unwrap(),
            Runtime::Python { minor: 11 },
            "app.handler".into(),
            Package { digest: Digest::of(b"code"), size: 4 },
        );
        change(&mut function);
        let environment =
            Digest::of(format!("{name} {:?} {}", function.variables, function.memory).as_bytes());
        let target = Arc::new(Target {
            app: "petshop".parse().unwrap(),
            release: ReleaseNumber(1),
            version: Version::Latest,
            arn: format!("arn:aws:lambda:us-east-1:000000000000:function:{name}"),
            environment,
            revision_id: String::new(),
            last_modified: Timestamp(0),
            function,
        });
        self.deployed.set(name, Some(target.clone()));
        target
    }

    pub(crate) fn request(&self, target: &Arc<Target>, payload: &str) -> Request {
        Request {
            target: target.clone(),
            request: RequestId::random(&*(self.entropy.clone() as Arc<dyn Entropy>)),
            arn: target.arn.clone(),
            input: Bytes::copy_from_slice(payload.as_bytes()).into(),
            trace: None,
            client_context: None,
            cognito_identity: None,
            tail: Tail::No,
            timeout: None,
        }
    }

    pub(crate) async fn invoke(&self, target: &Arc<Target>, payload: &str) -> Result<Invoked, Error> {
        self.frontend.invoke(self.request(target, payload)).await
    }

    /// Invokes in the background, and returns once the request has gone as far as it can.
    pub(crate) async fn begin(
        &self,
        target: &Arc<Target>,
        payload: &str,
    ) -> JoinHandle<Result<Invoked, Error>> {
        let (frontend, request) = (self.frontend.clone(), self.request(target, payload));
        let handle = tokio::spawn(async move { frontend.invoke(request).await });
        self.settle().await;
        handle
    }

    /// Lets every task run until it waits for something.
    pub(crate) async fn settle(&self) {
        self.clock.advance(Duration::ZERO).await;
    }

    pub(crate) async fn advance(&self, millis: u64) {
        self.clock.advance(Duration::from_millis(millis)).await;
    }

    pub(crate) fn totals(&self, function: &str) -> sonagi_invoke::Totals {
        let found = self.frontend.usage().into_iter().find(|totals| totals.function.as_str() == function);
        found.map(|found| found.totals).unwrap_or_default()
    }
}

pub(crate) fn text(invoked: Result<Invoked, Error>) -> String {
    match invoked.unwrap().answer {
        Answer::Success(payload) => String::from_utf8(payload.to_vec()).unwrap(),
        Answer::Failure(failure) => {
            format!("{}: {}", failure.error_type, String::from_utf8_lossy(&failure.payload))
        }
        Answer::Stream(_) | Answer::Http(_) => "stream".into(),
    }
}

/// What is deployed.
#[derive(Default)]
pub(crate) struct Deployed {
    live: Mutex<Arc<Functions>>,
}

#[derive(Default, Clone)]
struct Functions(BTreeMap<String, Arc<Target>>, BTreeMap<String, u32>);

impl Deployed {
    pub(crate) fn set(&self, name: &str, target: Option<Arc<Target>>) {
        let mut live = self.live.lock().unwrap();
        let mut functions = Functions::clone(&live);
        functions.0.remove(name);
        functions.0.extend(target.map(|target| (name.to_owned(), target)));
        *live = Arc::new(functions);
    }

    pub(crate) fn provision(&self, name: &str, executions: u32) {
        let mut live = self.live.lock().unwrap();
        let mut functions = Functions::clone(&live);
        functions.1.insert(name.to_owned(), executions);
        *live = Arc::new(functions);
    }
}

#[async_trait]
impl Deployments for Deployed {
    fn live(&self) -> Arc<dyn Snapshot> {
        self.live.lock().unwrap().clone()
    }

    async fn unpacked(&self, _package: &Package) -> sonagi_control::Result<PathBuf> {
        Ok("/code".into())
    }

    async fn merged(&self, _: &[Package]) -> sonagi_control::Result<Option<(Digest, PathBuf)>> {
        Ok(None)
    }
}

impl Snapshot for Functions {
    fn uses(&self, function: &LambdaName, environment: &Digest) -> bool {
        self.0.get(function.as_str()).is_some_and(|target| target.environment == *environment)
    }

    fn reservations(&self) -> Vec<(LambdaName, u32)> {
        let reserved =
            |t: &Arc<Target>| Some((t.function.lambda_name.clone(), t.function.reserved_concurrency?));
        self.0.values().filter_map(reserved).collect()
    }

    fn provisioned(&self) -> Vec<Share> {
        let share = |(name, &executions): (&String, &u32)| {
            Some(Share { target: self.0.get(name)?.clone(), executions })
        };
        self.1.iter().filter_map(share).filter(|share| share.executions > 0).collect()
    }

    fn copied(&self) -> Vec<Copied> {
        let copied = self.0.values().filter(|target| target.function.snap_start == SnapStart::All);
        copied.map(|target| Copied { target: target.clone(), reached: Reached::ByAll }).collect()
    }
}

/// Every line, as `function: text`.
#[derive(Default)]
pub(crate) struct Lines {
    lines: Arc<Mutex<Vec<String>>>,
}

struct Sink {
    lines: Arc<Mutex<Vec<String>>>,
    function: String,
}

impl Lines {
    pub(crate) fn all(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }
}

impl LogProvider for Lines {
    fn sink(&self, target: &Target, _stream: &str) -> Arc<dyn LogSink> {
        Arc::new(Sink { lines: self.lines.clone(), function: target.function.lambda_name.to_string() })
    }
}

impl LogSink for Sink {
    fn line(&self, line: LogLine) {
        let text = String::from_utf8_lossy(&line.text);
        self.lines.lock().unwrap().push(format!("{}: {text}", self.function));
    }
}

struct NoCredentials;
impl CredentialProvider for NoCredentials {
    fn credentials(&self, _target: &Target) -> Credentials {
        let none = String::new;
        Credentials { access_key_id: none(), secret_access_key: none(), session_token: none() }
    }
}

/// Different bytes each time.
#[derive(Debug, Default)]
struct Count(AtomicU64);
impl Entropy for Count {
    fn fill(&self, bytes: &mut [u8]) {
        let count = self.0.fetch_add(1, Ordering::Relaxed);
        bytes.fill(0);
        let size = bytes.len().min(8);
        bytes[..size].copy_from_slice(&count.to_le_bytes()[..size]);
    }
}

/// The driver.
pub(crate) struct Script {
    clock: ManualClock,
    releases: Mutex<HashMap<String, Arc<Semaphore>>>,
    deaths: Mutex<HashMap<usize, Arc<Notify>>>,
    starts: Mutex<HashMap<String, usize>>,
    next: AtomicUsize,
    /// `AWS_LAMBDA_INITIALIZATION_TYPE` of each start.
    pub(crate) initializations: Mutex<Vec<&'static str>>,
    /// The function of each initialisation that was ahead of a start, and those that are there to be copied.
    pub(crate) initialised: Mutex<Vec<String>>,
    pub(crate) templates: Mutex<Vec<String>>,
    pub(crate) alive: Arc<AtomicUsize>,
    pub(crate) starting: Arc<AtomicUsize>,
    pub(crate) most_starting: AtomicUsize,
}

impl Script {
    fn new(clock: ManualClock) -> Self {
        Self {
            clock,
            releases: Mutex::default(),
            deaths: Mutex::default(),
            starts: Mutex::default(),
            next: AtomicUsize::new(1),
            initializations: Mutex::default(),
            initialised: Mutex::default(),
            templates: Mutex::default(),
            alive: Arc::default(),
            starting: Arc::default(),
            most_starting: AtomicUsize::new(0),
        }
    }

    pub(crate) fn release(&self, name: &str) {
        self.gate(name).add_permits(1);
    }

    /// An idle environment dies.
    pub(crate) fn kill(&self, environment: usize) {
        self.deaths.lock().unwrap()[&environment].notify_one();
    }

    pub(crate) fn starts(&self, function: &str) -> usize {
        self.starts.lock().unwrap().get(function).copied().unwrap_or(0)
    }

    pub(crate) fn alive(&self) -> usize {
        self.alive.load(Ordering::SeqCst)
    }

    fn gate(&self, name: &str) -> Arc<Semaphore> {
        self.releases
            .lock()
            .unwrap()
            .entry(name.into())
            .or_insert_with(|| Arc::new(Semaphore::new(0)))
            .clone()
    }
}

impl Script {
    /// The step of a script that is the start's with this number.
    async fn step(&self, script: Option<&String>, number: usize, deadline: Tick) -> Result<(), StartFailure> {
        let script = script.cloned().unwrap_or_else(|| "sleep 0".into());
        let steps: Vec<&str> = script.split(',').map(str::trim).collect();
        let step = steps.get(number - 1).or(steps.last()).copied().unwrap_or_default();
        let (verb, rest) = step.split_once(' ').unwrap_or((step, ""));
        match verb {
            "sleep" => {
                let wait = Duration::from_millis(rest.parse().unwrap());
                if !wait.is_zero() {
                    self.clock.sleep(wait).await;
                }
                Ok(())
            }
            "hold" => {
                self.gate(rest).acquire().await.unwrap().forget();
                Ok(())
            }
            "hang" => {
                self.clock.sleep_until(deadline).await;
                Err(StartFailure::TimedOut { create: Duration::ZERO })
            }
            "fail" => {
                let payload = Bytes::from_static(br#"{"errorType":"Runtime.ImportModuleError"}"#);
                let error_type = "Runtime.ImportModuleError".into();
                let failure = FunctionFailure { error_type, payload, origin: FailureOrigin::Init };
                let init = Duration::from_millis(10);
                Err(StartFailure::Init { failure, create: Duration::ZERO, init })
            }
            "broken" => {
                let cause = std::io::Error::other("no more processes");
                Err(StartFailure::Machine { doing: "create a process", cause })
            }
            other => panic!("no such start: {other}"),
        }
    }
}

struct Counted(Arc<AtomicUsize>);
impl Counted {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count.clone())
    }
}
impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl Driver for Script {
    fn footprint(&self, function: &Function) -> Footprint {
        let kept = function.wasm.as_ref().and_then(|wasm| wasm.reuse).map_or(0, |reuse| reuse.memory);
        match function.runtime {
            Runtime::Wasm => Footprint::Instance { memory: kept },
            Runtime::Python { .. } | Runtime::Nodejs { .. } | Runtime::Provided(_) => {
                Footprint::Process { memory: function.memory }
            }
        }
    }

    async fn start(&self, spec: Arc<EnvironmentSpec>, deadline: Tick) -> Result<Started, StartFailure> {
        let _starting = Counted::new(&self.starting);
        self.most_starting.fetch_max(self.starting.load(Ordering::SeqCst), Ordering::SeqCst);
        let number = {
            let mut starts = self.starts.lock().unwrap();
            let count = starts.entry(spec.function_name.clone()).or_default();
            *count += 1;
            *count
        };
        self.initializations.lock().unwrap().push(spec.initialization.as_str());
        let began = self.clock.tick();
        self.step(spec.variables.get("START"), number, deadline).await?;
        let copied = spec.initialization == Initialization::SnapStart
            && self.templates.lock().unwrap().contains(&spec.function_name);
        let id = self.next.fetch_add(1, Ordering::SeqCst);
        let death = Arc::new(Notify::new());
        self.deaths.lock().unwrap().insert(id, death.clone());
        let environment = Actor {
            id,
            function: spec.function_name.clone(),
            clock: self.clock.clone(),
            logs: spec.logs.clone(),
            busy: AtomicBool::new(false),
            death,
            _alive: Counted::new(&self.alive),
            gates: Arc::new({
                let names = ["a", "b", "c", "d", "x"];
                names.into_iter().map(|name| (name.to_owned(), self.gate(name))).collect()
            }),
        };
        let init = self.clock.tick() - began;
        Ok(Started {
            environment: Box::new(environment),
            create: Duration::from_millis(2),
            init,
            origin: if copied { Origin::Copied } else { Origin::Initialised },
        })
    }

    async fn initialise(
        &self,
        spec: Arc<EnvironmentSpec>,
        deadline: Tick,
    ) -> Result<Initialised, StartFailure> {
        assert_eq!(spec.initialization, Initialization::SnapStart);
        let number = {
            let mut initialised = self.initialised.lock().unwrap();
            initialised.push(spec.function_name.clone());
            initialised.iter().filter(|name| **name == spec.function_name).count()
        };
        if spec.variables.get("ONCE").is_some_and(|script| script == "never") {
            return Ok(Initialised::EachTime);
        }
        self.step(spec.variables.get("ONCE"), number, deadline).await?;
        self.templates.lock().unwrap().push(spec.function_name.clone());
        Ok(Initialised::Once)
    }

    fn kept(&self) -> u64 {
        self.templates.lock().unwrap().len() as u64 * TEMPLATE
    }

    fn give_up(&self) -> GivenUp {
        let mut templates = self.templates.lock().unwrap();
        if templates.is_empty() {
            return GivenUp::Nothing;
        }
        templates.remove(0);
        GivenUp::One
    }
}

/// MiB that one template takes.
pub(crate) const TEMPLATE: u64 = 50;

struct Actor {
    id: usize,
    function: String,
    clock: ManualClock,
    logs: Arc<dyn LogSink>,
    busy: AtomicBool,
    death: Arc<Notify>,
    gates: Arc<HashMap<String, Arc<Semaphore>>>,
    _alive: Counted,
}

#[async_trait]
impl Environment for Actor {
    async fn invoke(&mut self, call: Call, answer: AnswerSender) -> Finished {
        assert!(!self.busy.swap(true, Ordering::SeqCst), "two invocations in one environment");
        assert!(call.arn.ends_with(&self.function), "another function's invocation");
        let began = self.clock.tick();
        let payload = String::from_utf8(call.input.event().unwrap().to_vec()).unwrap();
        let (verb, rest) = payload.split_once(' ').unwrap_or((&payload, ""));
        let me = format!("{} in {}", payload, self.id);
        let mut finished = Finished {
            outcome: Outcome::Success,
            duration: Duration::ZERO,
            cpu: None,
            memory_peak: 30 << 20,
            reusable: true,
        };
        let failure = |error_type: &str| FunctionFailure {
            error_type: error_type.into(),
            payload: Bytes::from_static(b"{}"),
            origin: FailureOrigin::Handler,
        };
        let whole = |text: String| Answer::Success(Bytes::from(text));
        let mut linger = None;
        let reply = match verb {
            "echo" => whole(me),
            "trace" => whole(call.trace.clone()),
            "yield" => {
                for _ in 0..rest.parse().unwrap() {
                    tokio::task::yield_now().await;
                }
                whole(me)
            }
            "say" => {
                for number in 0..rest.parse().unwrap() {
                    let text = Bytes::from(format!("line {number}"));
                    self.logs.line(LogLine { at: self.clock.now(), request: Some(call.request), text });
                }
                whole(me)
            }
            "sleep" => {
                let until = began + Duration::from_millis(rest.parse().unwrap());
                self.clock.sleep_until(until.min(call.deadline)).await;
                if until > call.deadline {
                    finished.outcome = Outcome::TimedOut;
                    finished.reusable = false;
                    Answer::Failure(failure("Sandbox.Timedout"))
                } else {
                    whole(me)
                }
            }
            "hold" => {
                self.gates[rest].acquire().await.unwrap().forget();
                whole(me)
            }
            "linger" => {
                linger = Some(self.gates[rest].clone());
                whole(me)
            }
            "fail" => {
                finished.outcome = Outcome::Error("ValueError".into());
                Answer::Failure(failure("ValueError"))
            }
            "exit" => {
                finished.outcome = Outcome::Fault("Runtime.ExitError".into());
                finished.reusable = false;
                Answer::Failure(failure("Runtime.ExitError"))
            }
            "stream" => {
                let (sender, body) = mpsc::channel(1);
                let _ = answer.send(Answer::Stream(StreamAnswer { content_type: "text/plain".into(), body }));
                for _ in 0..rest.parse().unwrap() {
                    let _ = sender.send(Ok(Bytes::from(vec![b'x'; 1024]))).await;
                }
                drop(sender);
                self.busy.store(false, Ordering::SeqCst);
                return finished;
            }
            other => panic!("no such payload: {other}"),
        };
        finished.duration = self.clock.tick() - began;
        let _ = answer.send(reply);
        if let Some(gate) = linger {
            gate.acquire().await.unwrap().forget();
        }
        self.busy.store(false, Ordering::SeqCst);
        finished
    }

    async fn died(&mut self) {
        self.death.notified().await;
    }
}
