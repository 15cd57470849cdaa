//! Schedules and groups, a page at a time.

use sonagi_backend::records::{Direction, after};
use sonagi_model::limits;

use super::{Group, Schedule, ScheduleName, Schedules, State, layout};
use crate::Result;

/// Which schedules are listed.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub group: Option<ScheduleName>,
    /// What their names begin with.
    pub prefix: Option<String>,
    pub state: Option<State>,
    /// [`Page::next`] of the page before.
    pub after: Option<String>,
    pub most: usize,
}

/// A part of what was asked for, in the order of names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Where the next page begins, if there is more. A page may have fewer items than were asked for, or none.
    pub next: Option<String>,
}

impl Schedules {
    pub async fn list(&self, filter: &Filter) -> Result<Page<Schedule>> {
        let prefix = filter.prefix.as_deref().unwrap_or_default();
        let all = match &filter.group {
            Some(group) => {
                self.get_group(group).await?;
                [&layout::of_group(group), prefix.as_bytes()].concat()
            }
            None => layout::SCHEDULES.to_vec(),
        };
        let from = match &filter.after {
            // The least key behind that one.
            Some(after) => {
                layout::schedule(after).into_iter().chain([0]).collect::<Vec<_>>().max(all.clone())
            }
            None => all.clone(),
        };
        let snapshot = self.events.records().snapshot();
        let found = snapshot.scan(&from..&after(&all), Direction::Forward, limits::SCHEDULES_SCANNED).await?;
        let mut page = Page { items: Vec::new(), next: None };
        let mut looked = 0;
        for record in &found {
            if page.items.len() >= filter.most {
                break;
            }
            let schedule = Schedule::decode(&record.value)?;
            looked += 1;
            page.next = Some(schedule.timer());
            let fits = schedule.name.as_str().starts_with(prefix)
                && filter.state.is_none_or(|state| state == schedule.settings.state);
            if fits {
                page.items.push(schedule);
            }
        }
        if looked == found.len() && found.len() < limits::SCHEDULES_SCANNED {
            page.next = None;
        }
        Ok(page)
    }

    /// `after`: [`Page::next`] of the page before.
    pub async fn list_groups(
        &self,
        prefix: &str,
        after_name: Option<&str>,
        most: usize,
    ) -> Result<Page<Group>> {
        let (from, to) = (layout::GROUPS.to_vec(), after(layout::GROUPS));
        let snapshot = self.events.records().snapshot();
        let found = snapshot.scan(&from..&to, Direction::Forward, limits::SCHEDULE_GROUPS).await?;
        let mut groups = Vec::new();
        for record in &found {
            groups.push(Group::decode(&record.value)?);
        }
        let default = ScheduleName::default();
        if let Err(place) = groups.binary_search_by(|group| group.name.cmp(&default)) {
            groups.insert(place, Group::new(default));
        }
        let wanted = |group: &Group| {
            let name = group.name.as_str();
            name.starts_with(prefix) && after_name.is_none_or(|after| name > after)
        };
        groups.retain(wanted);
        let more = groups.len() > most;
        groups.truncate(most);
        let next = groups.last().filter(|_| more).map(|group| group.name.to_string());
        Ok(Page { items: groups, next })
    }
}
