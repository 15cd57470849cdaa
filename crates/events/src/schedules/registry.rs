//! All schedules: making, finding, changing and removing them.

use sonagi_backend::{Error as BackendError, Transaction};
use sonagi_data::queues::Outbox;
use sonagi_model::Timestamp;

use super::{
    Group, GroupState, Refusal, Schedule, ScheduleName, Settings, State, TIMES, damaged, firing, layout,
    timing::{self, Timing},
};
use crate::{Events, Result, timers};

/// What schedules there are, and what may be done with them. Cheap to clone.
#[derive(Clone)]
pub struct Schedules {
    pub(super) events: Events,
}

pub(super) type Outcome<T> = std::result::Result<std::result::Result<T, Refusal>, BackendError>;

impl Events {
    pub fn schedules(&self) -> Schedules {
        Schedules { events: self.clone() }
    }
}

impl Schedules {
    /// Makes a schedule. One of that name that was made with the same client token, and is the same, is no failure.
    pub async fn create(
        &self,
        group: &ScheduleName,
        name: &ScheduleName,
        settings: Settings,
        token: Option<String>,
    ) -> Result<()> {
        let now = self.now();
        firing::check(self.events.config(), &settings.target)?;
        timing::check_dialect(&settings)?;
        timing::check(&settings, None, now)?;
        let schedule = Schedule {
            group: group.clone(),
            name: name.clone(),
            settings,
            created: now,
            modified: now,
            token,
            since: now,
            next: None,
            app: None,
        };
        let body = move |outbox: &mut Outbox<'_>| create(outbox.transaction(), schedule.clone(), now);
        self.change(body).await
    }

    /// Makes a schedule another; all that `settings` does not say is as if it was never said.
    pub async fn update(&self, group: &ScheduleName, name: &ScheduleName, settings: Settings) -> Result<()> {
        let now = self.now();
        firing::check(self.events.config(), &settings.target)?;
        timing::check_dialect(&settings)?;
        let (group, name) = (group.clone(), name.clone());
        let body = move |outbox: &mut Outbox<'_>| {
            let t = outbox.transaction();
            let Some(schedule) = Schedule::find(t, &layout::timer(&group, &name))? else {
                return Ok(Err(Refusal::NoSchedule(name.clone())));
            };
            if let Err(refusal) = timing::check(&settings, Some(&schedule.settings), now) {
                return Ok(Err(refusal));
            }
            alter(t, schedule, settings.clone(), now)
        };
        self.change(body).await
    }

    pub async fn get(&self, group: &ScheduleName, name: &ScheduleName) -> Result<Schedule> {
        let snapshot = self.events.records().snapshot();
        match snapshot.get(&layout::schedule(&layout::timer(group, name))).await? {
            Some(record) => Ok(Schedule::decode(&record)?),
            None => Err(Refusal::NoSchedule(name.clone()).into()),
        }
    }

    pub async fn delete(&self, group: &ScheduleName, name: &ScheduleName) -> Result<()> {
        let (group, name) = (group.clone(), name.clone());
        let body = move |outbox: &mut Outbox<'_>| {
            let t = outbox.transaction();
            let Some(schedule) = Schedule::find(t, &layout::timer(&group, &name))? else {
                return Ok(Err(Refusal::NoSchedule(name.clone())));
            };
            remove(t, &schedule).map(Ok)
        };
        self.change(body).await
    }

    pub(super) fn now(&self) -> Timestamp {
        self.events.clock().now()
    }

    /// Runs `body` as one transaction. A refusal changes nothing.
    pub(super) async fn change<T, F>(&self, mut body: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Outbox<'_>) -> Outcome<T> + Send + 'static,
    {
        Ok(self.events.queues().transact(move |outbox| body(outbox)).await??)
    }
}

pub(super) fn create(t: &mut dyn Transaction, mut schedule: Schedule, now: Timestamp) -> Outcome<()> {
    if let Some(there) = Schedule::find(t, &schedule.timer())? {
        let again = schedule.token.is_some() && there.token == schedule.token;
        return Ok(if again && there.settings == schedule.settings {
            Ok(())
        } else {
            Err(Refusal::Exists(schedule.name))
        });
    }
    match Group::find(t, &schedule.group)? {
        None => return Ok(Err(Refusal::NoGroup(schedule.group))),
        Some(Group { state: GroupState::Deleting, .. }) => return Ok(Err(Refusal::Deleting(schedule.group))),
        Some(Group { state: GroupState::Active, .. }) => {}
    }
    let count = count(t)?;
    if count >= sonagi_model::limits::SCHEDULES {
        return Ok(Err(Refusal::TooMany));
    }
    if let Err(refusal) = begin(t, &mut schedule, now)? {
        return Ok(Err(refusal));
    }
    t.put(layout::COUNT, &(count + 1).to_be_bytes())?;
    schedule.store(t)?;
    Ok(Ok(()))
}

/// Gives a schedule other settings. One that runs at the same times as before goes on as it was.
pub(super) fn alter(
    t: &mut dyn Transaction,
    mut schedule: Schedule,
    settings: Settings,
    now: Timestamp,
) -> Outcome<()> {
    let runs_as_before = schedule.runs_as(&settings);
    schedule.settings = settings;
    schedule.modified = now;
    if !runs_as_before {
        schedule.since = now;
        if let Err(refusal) = begin(t, &mut schedule, now)? {
            return Ok(Err(refusal));
        }
    }
    schedule.store(t)?;
    Ok(Ok(()))
}

/// Sets a schedule's next time, and its timer, as seen from now.
fn begin(t: &mut dyn Transaction, schedule: &mut Schedule, now: Timestamp) -> Outcome<()> {
    let timing = match Timing::of(schedule) {
        Ok(timing) => timing,
        Err(refusal) => return Ok(Err(refusal)),
    };
    schedule.next = match schedule.settings.state {
        State::Enabled => timing.first(now),
        State::Disabled => None,
    };
    match schedule.next {
        Some(next) => timers::set(t, TIMES, &schedule.timer(), timing.runs(next))?,
        None => timers::remove(t, TIMES, &schedule.timer())?,
    }
    Ok(Ok(()))
}

pub(super) fn remove(t: &mut dyn Transaction, schedule: &Schedule) -> std::result::Result<(), BackendError> {
    let timer = schedule.timer();
    timers::remove(t, TIMES, &timer)?;
    t.delete(&layout::schedule(&timer))?;
    let left = count(t)?.saturating_sub(1);
    t.put(layout::COUNT, &left.to_be_bytes())
}

fn count(t: &mut dyn Transaction) -> std::result::Result<u64, BackendError> {
    match t.get(layout::COUNT)? {
        Some(record) => {
            let bytes = record.as_ref().try_into().map_err(|_| damaged("the number of schedules"))?;
            Ok(u64::from_be_bytes(bytes))
        }
        None => Ok(0),
    }
}
