//! All groups of schedules.

use std::collections::BTreeMap;

use sonagi_backend::{
    Error as BackendError,
    records::{Direction, after},
};
use sonagi_data::queues::Outbox;
use sonagi_model::limits;

use super::{CLEARING, Group, GroupState, Refusal, Schedule, ScheduleName, Schedules, layout, registry};
use crate::{
    Result,
    timers::{self, Due},
};

impl Schedules {
    /// Makes a group. One of that name that was made with the same client token is no failure.
    pub async fn create_group(
        &self,
        name: &ScheduleName,
        tags: BTreeMap<String, String>,
        token: Option<String>,
    ) -> Result<()> {
        if tags.len() > limits::TAGS {
            return Err(Refusal::TooManyTags.into());
        }
        let now = self.now();
        let (created, modified, state) = (Some(now), Some(now), GroupState::Active);
        let group = Group { name: name.clone(), state, tags, created, modified, app: None, token };
        let body = move |outbox: &mut Outbox<'_>| {
            let t = outbox.transaction();
            if let Some(there) = Group::find(t, &group.name)? {
                let again = group.token.is_some() && there.token == group.token && there.tags == group.tags;
                return Ok(match there.state {
                    GroupState::Active if again => Ok(()),
                    GroupState::Active => Err(Refusal::GroupExists(group.name.clone())),
                    GroupState::Deleting => Err(Refusal::Deleting(group.name.clone())),
                });
            }
            let (from, to) = (layout::GROUPS.to_vec(), after(layout::GROUPS));
            // One is always there.
            let most = limits::SCHEDULE_GROUPS - 1;
            if t.scan(&from..&to, Direction::Forward, most)?.len() >= most {
                return Ok(Err(Refusal::TooManyGroups));
            }
            group.store(t).map(Ok)
        };
        self.change(body).await
    }

    pub async fn get_group(&self, name: &ScheduleName) -> Result<Group> {
        let record = self.events.records().snapshot().get(&layout::group(name)).await?;
        Group::of(name, record.as_deref())?.ok_or_else(|| Refusal::NoGroup(name.clone()).into())
    }

    /// Begins to remove a group and all its schedules.
    pub async fn delete_group(&self, name: &ScheduleName) -> Result<()> {
        if name.is_default() {
            return Err(Refusal::Default.into());
        }
        let now = self.now();
        self.change_group(name, move |outbox, mut group| {
            group.state = GroupState::Deleting;
            group.modified = Some(now);
            let t = outbox.transaction();
            timers::set(t, CLEARING, group.name.as_str(), now)?;
            group.store(t).map(Ok)
        })
        .await
    }

    pub async fn tag_group(&self, name: &ScheduleName, tags: BTreeMap<String, String>) -> Result<()> {
        self.change_group(name, move |outbox, mut group| {
            group.tags.extend(tags.clone());
            if group.tags.len() > limits::TAGS {
                return Ok(Err(Refusal::TooManyTags));
            }
            group.store(outbox.transaction()).map(Ok)
        })
        .await
    }

    pub async fn untag_group(&self, name: &ScheduleName, keys: Vec<String>) -> Result<()> {
        self.change_group(name, move |outbox, mut group| {
            group.tags.retain(|key, _| !keys.contains(key));
            group.store(outbox.transaction()).map(Ok)
        })
        .await
    }

    async fn change_group<F>(&self, name: &ScheduleName, mut body: F) -> Result<()>
    where
        F: FnMut(&mut Outbox<'_>, Group) -> registry::Outcome<()> + Send + 'static,
    {
        let name = name.clone();
        self.change(move |outbox| match Group::find(outbox.transaction(), &name)? {
            None => Ok(Err(Refusal::NoGroup(name.clone()))),
            Some(Group { state: GroupState::Deleting, .. }) => Ok(Err(Refusal::Deleting(name.clone()))),
            Some(group @ Group { state: GroupState::Active, .. }) => body(outbox, group),
        })
        .await
    }
}

/// Removes some schedules of a group that is being deleted, and the group with the last.
pub(crate) fn clear(outbox: &mut Outbox<'_>, due: &Due) -> std::result::Result<(), BackendError> {
    let t = outbox.transaction();
    let Some(name) = ScheduleName::new(&due.key) else { return Ok(()) };
    let from = layout::of_group(&name);
    let found = t.scan(&from..&after(&from), Direction::Forward, limits::SCHEDULES_REMOVED_AT_ONCE)?;
    for record in &found {
        registry::remove(t, &Schedule::decode(&record.value)?)?;
    }
    if found.len() < limits::SCHEDULES_REMOVED_AT_ONCE {
        return t.delete(&layout::group(&name));
    }
    timers::set(t, CLEARING, &due.key, due.at)
}
