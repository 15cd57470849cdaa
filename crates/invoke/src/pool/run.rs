//! One invocation, from its start to its record.

use std::{sync::Arc, time::Duration};

use sonagi_control::Target;
use sonagi_model::{
    RequestId, Tick,
    function::Tracing,
    invocation::{ColdStart, Usage},
};
use sonagi_sandbox::{Call, Environment, Outcome};

use super::Pool;
use crate::{
    Request,
    frontend::Engine,
    metering::Record,
    report::{Beginning, Journal, Report, whole_millis},
    trace::Trace,
};

/// An invocation under way. It is recorded once, whatever becomes of it.
pub(super) struct Run {
    engine: Arc<Engine>,
    pool: Arc<Pool>,
    target: Arc<Target>,
    request: RequestId,
    trace: Trace,
    began: Tick,
    pub(super) timeout: Duration,
    pub(super) deadline: Tick,
    /// If an environment was started for this.
    cold: Option<ColdStart>,
    /// What comes on top of the duration, in the report and in the bill.
    beginning: Beginning,
    state: State,
}

/// What an invocation took.
pub(super) struct Used {
    pub(super) duration: Duration,
    /// Of the processor, where that is known.
    pub(super) cpu: Option<Duration>,
    /// Bytes.
    pub(super) memory_peak: u64,
}

#[derive(PartialEq, Eq)]
enum State {
    Open,
    Recorded,
}

impl Run {
    /// Time runs from here.
    pub(super) fn begin(engine: &Arc<Engine>, pool: &Arc<Pool>, request: &mut Request) -> Self {
        let began = engine.clock.tick();
        let limit = Duration::from_secs(u64::from(request.target.function.timeout));
        let timeout = request.timeout.map_or(limit, |timeout| timeout.min(limit));
        let tracing = request.target.function.tracing;
        let trace = Trace::new(request.trace.take(), tracing, engine.clock.now(), &*engine.entropy);
        Self {
            engine: engine.clone(),
            pool: pool.clone(),
            target: request.target.clone(),
            request: request.request,
            trace,
            began,
            timeout,
            deadline: began + timeout,
            cold: None,
            beginning: Beginning::None,
            state: State::Open,
        }
    }

    /// The environment was started for this, before its time ran.
    pub(super) fn started_cold(&mut self, cold: ColdStart) {
        self.cold = Some(cold);
        self.beginning = Beginning::of(&cold);
    }

    /// An environment was started for this and failed, and what follows is within its time.
    pub(super) fn started_in_vain(&mut self, cold: ColdStart) {
        self.cold = Some(cold);
    }

    pub(super) fn call(&self, request: Request) -> Call {
        let left = self.deadline - self.engine.clock.tick();
        Call {
            request: request.request,
            arn: request.arn,
            input: request.input,
            deadline: self.deadline,
            deadline_wall: self.engine.clock.now() + left,
            trace: self.trace.header.clone(),
            client_context: request.client_context,
            cognito_identity: request.cognito_identity,
        }
    }

    /// So much time was used before the environment got the event.
    pub(super) fn spent(&self) -> Duration {
        self.engine.clock.tick() - self.began
    }

    /// Writes what the platform says at the end, and the record; the environment's extensions are told, if it has some.
    pub(super) fn end(
        mut self,
        journal: &Journal,
        environment: Option<&dyn Environment>,
        outcome: Outcome,
        used: Used,
    ) {
        let Used { duration, cpu, memory_peak } = used;
        // What it took to stop it is not the function's time.
        let duration = if outcome == Outcome::TimedOut { self.timeout } else { duration };
        let usage = self.usage(Used { duration, cpu, memory_peak });
        let trace = (self.target.function.tracing == Tracing::Active).then_some(&self.trace);
        let report = Report {
            duration,
            billed: usage.billed,
            memory: usage.memory,
            memory_peak: usage.memory_peak,
            beginning: self.beginning,
            outcome: &outcome,
        };
        journal.end(self.engine.clock.now(), self.request, trace, &report);
        if let Some(environment) = environment {
            environment.report(&|| report.record(&self.request, Some(&self.trace)));
        }
        self.record(outcome, usage);
    }

    fn usage(&self, used: Used) -> Usage {
        let Used { duration, cpu, memory_peak } = used;
        let billed = duration + self.beginning.billed();
        Usage {
            duration,
            billed: whole_millis(billed).max(1),
            memory: self.target.function.memory,
            memory_peak: u32::try_from(memory_peak.div_ceil(1 << 20)).unwrap_or(u32::MAX),
            cpu,
            cold_start: self.cold,
        }
    }

    fn record(&mut self, outcome: Outcome, usage: Usage) {
        self.state = State::Recorded;
        let record = Record {
            app: self.target.app.clone(),
            function: self.target.function.lambda_name.clone(),
            version: self.target.version,
            release: self.target.release,
            request: self.request,
            at: self.engine.clock.now(),
            outcome,
            usage,
        };
        self.engine.metering.record(self.pool.meter(), record);
    }
}

impl Drop for Run {
    /// The platform went down under it: what it used is recorded all the same.
    fn drop(&mut self) {
        if self.state == State::Open {
            let usage = self.usage(Used { duration: self.spent(), cpu: None, memory_peak: 0 });
            self.record(Outcome::Fault("Sandbox.Stopped".into()), usage);
        }
    }
}
