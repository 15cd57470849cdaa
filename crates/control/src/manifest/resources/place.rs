//! Names of things as ARNs.

use sonagi_model::resource::ResourceKind;

use super::super::Context;

/// Whose and where everything is.
#[derive(Clone, Copy)]
pub(in super::super) struct Place<'a>(pub(in super::super) &'a Context);

/// The bus that is there without being made.
pub(in super::super) const DEFAULT_BUS: &str = "default";

impl Place<'_> {
    pub(in super::super) fn arn(&self, kind: ResourceKind, name: &str) -> String {
        match kind {
            ResourceKind::Queue => self.of("sqs", name),
            // That of a subscription ends with an id that is given when it is made.
            ResourceKind::Topic | ResourceKind::Subscription => self.of("sns", name),
            ResourceKind::Bus => self.of("events", &format!("event-bus/{name}")),
            ResourceKind::Rule => self.of("events", &format!("rule/{name}")),
            ResourceKind::Archive => self.of("events", &format!("archive/{name}")),
            ResourceKind::ScheduleGroup => self.of("scheduler", &format!("schedule-group/{name}")),
            ResourceKind::Schedule => self.of("scheduler", &format!("schedule/{name}")),
        }
    }

    /// `name` may have a qualifier.
    pub(in super::super) fn function(&self, name: &str) -> String {
        self.of("lambda", &format!("function:{name}"))
    }

    /// `bus` is its name or its ARN.
    pub(in super::super) fn rule(&self, bus: Option<&str>, name: &str) -> String {
        match bus.map(|bus| bus.rsplit('/').next().unwrap_or(bus)) {
            None | Some(DEFAULT_BUS) => self.arn(ResourceKind::Rule, name),
            Some(bus) => self.arn(ResourceKind::Rule, &format!("{bus}/{name}")),
        }
    }

    pub(in super::super) fn queue_url(&self, name: &str) -> String {
        format!("{}/{}/{name}", self.0.endpoint.trim_end_matches('/'), self.0.account)
    }

    fn of(&self, service: &str, rest: &str) -> String {
        format!("arn:aws:{service}:{}:{}:{rest}", self.0.region, self.0.account)
    }
}
