//! The end of an environment that has extensions ("Lambda execution environment lifecycle", "Shutdown phase").
//!
//! ```text
//!  the runtime: SIGTERM ─► its time ─► SIGKILL     the extensions: SHUTDOWN ─► the rest of the time ─► SIGKILL to all
//! ```

use std::sync::Arc;

use sonagi_model::{clock, limits};

use super::{environment::ProcessEnvironment, reports::Report};
use crate::{
    extensions::{Kind, replies::ShutdownReason, telemetry::Motion},
    runtime_api::Route,
};

impl ProcessEnvironment {
    /// Has extensions end in their own time, of which they have little; without any there is nothing to do.
    pub(super) async fn shut_down_crew(&mut self, reason: ShutdownReason) {
        let Some(crew) = &mut self.crew else { return };
        if crew.end.is_some() {
            return;
        }
        crew.reason = reason;
        let (for_runtime, for_all) = match crew.registry.has(Kind::External) {
            true => (limits::EXTENSION_SHUTDOWN_RUNTIME, limits::EXTENSION_SHUTDOWN),
            false => (limits::EXTENSION_SHUTDOWN_INTERNAL, limits::EXTENSION_SHUTDOWN_INTERNAL),
        };
        crew.telemetry.hurry();
        let clock = Arc::clone(&self.clock);
        let (began, end) = (clock.tick(), clock.now() + for_all);
        self.process.resume();
        self.tell_motion(Motion::Runs);
        if !self.runtime_is_gone() {
            self.process.terminate();
            let gone = self.until(Self::runtime_is_gone);
            if clock::within(&*clock, began + for_runtime, gone).await.is_none() {
                self.process.kill_runtime();
            }
        }
        if let Some(crew) = &mut self.crew {
            crew.end = Some(end);
        }
        self.tell_shutdown().await;
        let _ = clock::within(&*clock, began + for_all, self.until(Self::crew_is_gone)).await;
        self.output.drain();
    }

    /// Serves the extensions until this is so.
    async fn until(&mut self, is_so: fn(&Self) -> bool) {
        while !is_so(self) {
            let arrival = tokio::select! {
                arrival = self.api.arrival() => arrival,
                () = self.process.report() => continue,
                never = self.output.pass_on() => match never {},
            };
            match arrival.head.route {
                Route::Extension(route) => self.extension(route, arrival).await,
                // Nothing is asked of the runtime any more.
                Route::Next
                | Route::Response(_)
                | Route::Error(_)
                | Route::InitError
                | Route::Restore
                | Route::RestoreError
                | Route::Assignment
                | Route::Unknown => {}
            }
        }
    }

    fn runtime_is_gone(&self) -> bool {
        if !self.has_crew_of(Kind::External) {
            return self.process.has_ended();
        }
        self.process.reports().iter().any(|report| match report {
            Report::Runtime(_) | Report::NotBegun(_) | Report::Gone => true,
            Report::Extension(..) => false,
        })
    }

    /// Whether those have ended that were told of the end.
    fn crew_is_gone(&self) -> bool {
        let Some(crew) = &self.crew else { return true };
        let reports = self.process.reports();
        let has_left = |number: usize| {
            reports.iter().any(|report| match report {
                Report::Extension(left, _) => *left == number,
                Report::Gone => true,
                Report::Runtime(_) | Report::NotBegun(_) => false,
            })
        };
        let told = crew.registry.all().iter().enumerate().filter(|(_, extension)| extension.events.shutdown);
        told.into_iter().all(|(number, _)| has_left(number))
    }
}
