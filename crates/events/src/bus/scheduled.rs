//! Rules with a schedule: each has a timer while it is enabled.

use sonagi_backend::{Error as BackendError, Transaction};
use sonagi_data::queues::Outbox;
use sonagi_expressions::schedule::{Dialect, Expression, Span, Zone};
use sonagi_model::{RequestId, Timestamp};

use super::{
    Buses, Rule, RuleName,
    dispatch::Journey,
    event::{Event, Parts},
    routes::Plan,
    store::damaged,
};
use crate::{
    BusName,
    timers::{self, Due},
};

/// The kind of these timers. A rule's name is a timer's key: all are on the default bus.
pub(crate) const TIMERS: &str = "rules";

/// Sets the rule's timer to what comes after `now`, or removes it.
pub(super) fn set(t: &mut dyn Transaction, rule: &Rule, now: Timestamp) -> Result<(), BackendError> {
    match next(rule, now)? {
        Some(due) => timers::set(t, TIMERS, rule.name.as_str(), due),
        None => remove(t, &rule.name),
    }
}

pub(super) fn remove(t: &mut dyn Transaction, rule: &RuleName) -> Result<(), BackendError> {
    timers::remove(t, TIMERS, rule.as_str())
}

fn next(rule: &Rule, after: Timestamp) -> Result<Option<Timestamp>, BackendError> {
    let Some(schedule) = rule.schedule.as_deref().filter(|_| rule.state.is_enabled()) else {
        return Ok(None);
    };
    let schedule = Expression::parse(schedule, Dialect::Rule).map_err(|_| damaged("a rule's schedule"))?;
    Ok(schedule.next_after(after, &Zone::UTC, Span { start: rule.since, end: None }))
}

impl Buses {
    /// A rule's time has come: its targets get an event (EventBridge User Guide, "Creating a rule that runs on a
    /// schedule"). Of times that were missed while no server ran, the first is made up for.
    pub(crate) fn fire(&self, outbox: &mut Outbox<'_>, due: &Due) -> Result<(), BackendError> {
        let bus = BusName::default_bus();
        let routes = self.routes(outbox.transaction(), &bus)?;
        let Some(route) = RuleName::new(&due.key).and_then(|name| routes.of_rule(&name)) else {
            return Ok(());
        };
        set(outbox.transaction(), &route.rule, due.now)?;
        let parts = Parts {
            id: RequestId::random(&**self.events().entropy()).to_string(),
            source: "aws.events",
            kind: "Scheduled Event",
            detail: "{}",
            resources: std::slice::from_ref(&route.arn),
            time: due.at,
            received: due.now,
            trace: None,
        };
        let event = Event::new(parts, self.events().config()).map_err(|_| damaged("a scheduled event"))?;
        let plan = Plan { archives: Vec::new(), deliveries: route.deliveries(&event).collect() };
        self.dispatch(outbox, &event, &plan, &mut Journey::begins(1))
    }
}
