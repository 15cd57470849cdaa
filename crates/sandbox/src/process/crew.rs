//! The extensions of one environment, as it deals with them: who they are, where they wait, what they are told.

use std::{path::PathBuf, sync::Arc, time::Duration};

use sonagi_model::{
    Timestamp, clock,
    function::LogFormat,
    invocation::{FailureOrigin, FunctionFailure},
    limits,
    logs::LogLine,
};

use super::{
    environment::{ProcessEnvironment, State},
    invocation::{Whole, whole},
    reports::Report,
};
use crate::{
    Call, Outcome,
    ending::{self, Exit},
    extensions::{
        ExtensionId, Kind, Refusal, Registry, Standing,
        replies::{self, ShutdownReason},
        telemetry::{Api, Motion, Subscription, Telemetry, records, records::InitEnd},
    },
    launcher::Failure,
    runtime_api::{Arrival, Connection, ExtensionRoute},
};

pub(crate) struct Crew {
    pub(super) registry: Registry,
    /// By number: the connection on which one waits that is ready.
    parked: Vec<Option<Connection>>,
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) runtime: Runtime,
    /// What the runtime is, to say why it could not be started.
    pub(super) program: PathBuf,
    /// Why the environment will end.
    pub(super) reason: ShutdownReason,
    /// Its end has come: until when.
    pub(super) end: Option<Timestamp>,
}

/// How far its runtime has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Runtime {
    /// It waits for the extensions.
    Waits,
    Begun,
    /// It is initialised, or never will be.
    Done,
}

impl Crew {
    fn new(registry: Registry, telemetry: Telemetry, runtime: Runtime, program: PathBuf) -> Box<Self> {
        Box::new(Self {
            registry,
            parked: Vec::new(),
            telemetry: Arc::new(telemetry),
            runtime,
            program,
            reason: ShutdownReason::Spindown,
            end: None,
        })
    }

    fn park(&mut self, number: usize, connection: Connection) {
        if self.parked.len() <= number {
            self.parked.resize_with(number + 1, || None);
        }
        self.parked[number] = Some(connection);
    }

    /// It waits for an event, unless that connection is gone on which it does.
    fn ready(&mut self, number: usize) -> Result<(), Refusal> {
        let waits = self.parked.get(number).and_then(Option::as_ref).is_some_and(Connection::waits);
        if !waits {
            self.registry.lost(number);
        }
        self.registry.next(number)
    }

    /// Whether nothing but its end is left for it to be told.
    pub(super) fn is_idle(&self) -> bool {
        self.registry.idle()
    }
}

/// What a request has come to.
enum Done {
    Reply(Vec<u8>),
    /// It waits for its next event.
    Parked(usize),
}

impl ProcessEnvironment {
    /// Programs with these names were started in it, and `program` waits for them.
    pub(super) fn with_extensions(&mut self, names: &[String], program: PathBuf) {
        self.employ(Registry::new(names, &*self.entropy), Runtime::Waits, program);
    }

    fn employ(&mut self, registry: Registry, runtime: Runtime, program: PathBuf) {
        let telemetry = Telemetry::new(Arc::clone(&self.clock), self.spec.log_format);
        telemetry.platform("platform.initStart", &records::init_start(&self.spec));
        let crew = Crew::new(registry, telemetry, runtime, program);
        self.output.tell(&crew.telemetry);
        self.crew = Some(crew);
    }

    /// Has extensions, be it in its runtime's process.
    pub(crate) fn has_extensions(&self) -> bool {
        self.crew.is_some()
    }

    /// Answers an extension's request. Safe to drop, but not to call again.
    pub(super) async fn extension(&mut self, route: ExtensionRoute, mut arrival: Arrival) {
        let deadline = self.clock.tick() + limits::RUNTIME_REFUSAL;
        let clock = Arc::clone(&self.clock);
        let read = Self::drive(
            &mut self.output,
            &*clock,
            deadline,
            whole(&mut arrival, limits::EXTENSION_BODY_SIZE),
        );
        let body = match read.await {
            Some(Ok(Whole::Body(body))) => body,
            // Whoever sends that much, or so slowly, has nothing to say here.
            Some(Ok(Whole::TooLarge(_)) | Err(_)) | None => return,
        };
        let done = self.decide(route, &arrival, &body).unwrap_or_else(|refusal| {
            tracing::debug!(function = self.spec.function_name, %refusal, "an extension was refused");
            Done::Reply(replies::refused(&refusal))
        });
        let mut connection = arrival.connection;
        match done {
            Done::Reply(reply) => {
                let sent = Self::drive(&mut self.output, &*clock, deadline, connection.send(&reply)).await;
                if let Some(Ok(())) = sent {
                    self.api.hand_back(connection);
                }
            }
            Done::Parked(number) => {
                let Some(crew) = &mut self.crew else { return };
                crew.park(number, connection);
                if crew.end.is_some() {
                    self.tell_shutdown().await;
                }
            }
        }
    }

    fn decide(&mut self, route: ExtensionRoute, arrival: &Arrival, body: &[u8]) -> Result<Done, Refusal> {
        let headers = arrival.head.extension.as_deref();
        let header = |name: fn(&crate::runtime_api::ExtensionHeaders) -> &Option<String>| {
            headers.and_then(|headers| name(headers).as_deref())
        };
        if self.crew.is_none() {
            // The first in the runtime's process; once that is initialised it is too late for any.
            let mut registry = Registry::new(&[], &*self.entropy);
            if route != ExtensionRoute::Register {
                registry.identify(header(|it| &it.identifier))?;
            }
            if self.state != State::Initialising {
                registry.close();
                registry.register(header(|it| &it.name), None, body, &*self.entropy)?;
            }
            self.employ(registry, Runtime::Begun, PathBuf::new());
        }
        let Self { crew: Some(crew), entropy, spec, process, .. } = self else { return Err(Refusal::Closed) };
        if route == ExtensionRoute::Register {
            let (name, features) = (header(|it| &it.name), header(|it| &it.features));
            let registered = crew.registry.register(name, features, body, &**entropy)?;
            return Ok(Done::Reply(replies::registered(registered, spec)));
        }
        let number = crew.registry.identify(header(|it| &it.identifier))?;
        match route {
            ExtensionRoute::Register | ExtensionRoute::Next => {
                crew.ready(number)?;
                return Ok(Done::Parked(number));
            }
            ExtensionRoute::InitError => {
                crew.registry.init_error(number, header(|it| &it.error_type))?;
            }
            ExtensionRoute::ExitError => {
                crew.registry.exit_error(number, header(|it| &it.error_type))?;
            }
            ExtensionRoute::Telemetry | ExtensionRoute::Logs => {
                let api = if route == ExtensionRoute::Logs { Api::Logs } else { Api::Telemetry };
                let Ok(dial) = process.dial() else { return Ok(Done::Reply(replies::no_telemetry())) };
                let name = crew.registry.all()[number].name.clone();
                let subscription = match Subscription::parse(api, body) {
                    Ok(subscription) => subscription,
                    Err(wrong) => return Ok(Done::Reply(replies::invalid(&wrong))),
                };
                let types = subscription.types.clone();
                crew.telemetry.subscribe(&name, subscription, dial)?;
                let kind = match api {
                    Api::Telemetry => "platform.telemetrySubscription",
                    Api::Logs => "platform.logsSubscription",
                };
                let record = records::subscription(&name, &types);
                crew.telemetry.platform(kind, &record);
                let titles: Vec<_> = types.iter().map(|category| category.title()).collect();
                let word = if api == Api::Logs { "LOGS" } else { "TELEMETRY" };
                let text = format!("{word}\tName: {name}\tState: Subscribed\tTypes: [{}]", titles.join(", "));
                self.say(kind, &record, text);
                return Ok(Done::Reply(replies::subscribed()));
            }
        }
        Ok(Done::Reply(crate::runtime_api::replies::ACCEPTED.to_vec()))
    }

    /// In the function's log.
    fn say(&self, kind: &str, record: &serde_json::Value, text: String) {
        let at = self.clock.now();
        let text = match self.spec.log_format {
            LogFormat::Text => text.into(),
            LogFormat::Json => records::event(at, kind, record),
        };
        self.spec.logs.line(LogLine { at, request: None, text });
    }

    /// Has the runtime begin if it waited for the extensions and all have registered.
    pub(super) fn let_begin(&mut self) {
        if let Some(crew) = &mut self.crew
            && crew.runtime == Runtime::Waits
            && crew.registry.registered()
        {
            crew.runtime = Runtime::Begun;
            self.process.begin();
        }
    }

    /// The runtime is initialised: nobody registers any more.
    pub(super) fn runtime_initialised(&mut self) {
        if let Some(crew) = &mut self.crew
            && crew.runtime != Runtime::Done
        {
            crew.runtime = Runtime::Done;
            crew.registry.close();
            let record = records::init_runtime_done(&self.spec, InitEnd::Success);
            crew.telemetry.platform("platform.initRuntimeDone", &record);
        }
    }

    /// Whether its extensions are initialised too.
    pub(super) fn crew_initialised(&self) -> bool {
        self.crew.as_ref().is_none_or(|crew| crew.registry.initialised())
    }

    /// Tells how its initialisation ended.
    pub(super) fn tell_init(&mut self, end: InitEnd<'_>, took: Duration) {
        let Some(crew) = &mut self.crew else { return };
        if crew.runtime != Runtime::Done {
            crew.runtime = Runtime::Done;
            crew.registry.close();
            let record = records::init_runtime_done(&self.spec, end);
            crew.telemetry.platform("platform.initRuntimeDone", &record);
        }
        let mut said = Vec::new();
        for extension in crew.registry.all() {
            let record = records::extension(extension);
            crew.telemetry.platform("platform.extension", &record);
            let events: Vec<_> = extension.events.names().collect();
            let mut text = format!(
                "EXTENSION\tName: {}\tState: {}\tEvents: [{}]",
                extension.name,
                extension.standing.name(),
                events.join(", ")
            );
            if let Some(error_type) = &extension.error_type {
                text.push_str("\tError Type: ");
                text.push_str(error_type);
            }
            said.push((record, text));
        }
        let record = records::init_report(&self.spec, end, took);
        crew.telemetry.platform("platform.initReport", &record);
        crew.telemetry.close();
        for (record, text) in said {
            self.say("platform.extension", &record, text);
        }
    }

    /// Tells of an invocation.
    pub(super) async fn tell_invoke(&mut self, call: &Call) {
        let Some(crew) = &mut self.crew else { return };
        crew.telemetry.platform("platform.start", &records::start(call, &self.spec));
        let ready = crew.registry.take_ready(|events| events.invoke);
        self.tell(&ready, |event| replies::invoke(call, event)).await;
    }

    /// Tells those that wait that the environment ends.
    pub(super) async fn tell_shutdown(&mut self) {
        let Some(crew) = &mut self.crew else { return };
        let (Some(end), reason) = (crew.end, crew.reason) else { return };
        let ready = crew.registry.take_ready(|events| events.shutdown);
        self.tell(&ready, |event| replies::shutdown(reason, end, event)).await;
    }

    async fn tell(&mut self, numbers: &[usize], event: impl Fn(ExtensionId) -> Vec<u8>) {
        let deadline = self.clock.tick() + limits::RUNTIME_REFUSAL;
        for &number in numbers {
            let Some(crew) = &mut self.crew else { return };
            let parked = crew.parked.get_mut(number).and_then(Option::take);
            let Some(mut connection) = parked.filter(Connection::waits) else { continue };
            let reply = event(ExtensionId::random(&*self.entropy));
            if let Some(Ok(())) = clock::within(&*self.clock, deadline, connection.send(&reply)).await {
                self.api.hand_back(connection);
            }
        }
    }

    /// Tells that the runtime is done with an invocation.
    pub(super) fn tell_runtime_done(&self, call: &Call, outcome: &Outcome, took: Duration) {
        if let Some(crew) = &self.crew {
            let record = records::runtime_done(call, outcome, took);
            crew.telemetry.platform("platform.runtimeDone", &record);
            crew.telemetry.platform("platform.end", &records::end(call));
        }
    }

    /// What runs in it is held, or goes on.
    pub(super) fn tell_motion(&self, motion: Motion) {
        if let Some(crew) = &self.crew {
            crew.telemetry.moves(motion);
        }
    }

    /// Why its extensions have ended it: the first of them to end, if the runtime has not ended before.
    pub(super) fn crew_failure(&self) -> Option<CrewFailure> {
        let crew = self.crew.as_ref()?;
        match self.process.reports().first()? {
            Report::Extension(number, exit) => {
                let extension = crew.registry.get(*number)?;
                let error_type = match extension.standing {
                    Standing::InitError => "Extension.InitError",
                    Standing::ExitError => "Extension.ExitError",
                    Standing::Started | Standing::Registered | Standing::Ready | Standing::Running => {
                        "Extension.Crash"
                    }
                };
                Some(CrewFailure::Left { error_type, exit: *exit })
            }
            Report::NotBegun(failure) => Some(CrewFailure::NotBegun(failure.clone())),
            Report::Runtime(_) | Report::Gone => None,
        }
    }

    /// Whether extensions have to be told of its end, and will be.
    pub(super) fn ends_because(&mut self, reason: ShutdownReason) -> bool {
        match &mut self.crew {
            Some(crew) => {
                crew.reason = reason;
                self.state = State::Over;
                true
            }
            None => false,
        }
    }

    pub(super) fn has_crew_of(&self, kind: Kind) -> bool {
        self.crew.as_ref().is_some_and(|crew| crew.registry.has(kind))
    }
}

/// How extensions have ended an environment.
pub(super) enum CrewFailure {
    Left {
        error_type: &'static str,
        exit: Exit,
    },
    /// The runtime, which waited for them.
    NotBegun(Failure),
}

impl CrewFailure {
    /// As whoever has invoked is told.
    pub(super) fn of_invocation(&self, call: &Call) -> FunctionFailure {
        let (error_type, message) = match self {
            Self::Left { error_type, exit } => (*error_type, exit.plain()),
            Self::NotBegun(failure) => ("Runtime.InvalidEntrypoint", failure.to_string()),
        };
        ending::named(
            error_type,
            &format!("RequestId: {} Error: {message}", call.request),
            FailureOrigin::Platform,
        )
    }
}
