//! A group of schedules, as it is kept.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sonagi_backend::{Error as BackendError, Transaction};
use sonagi_model::{AccountId, AppName, Region, Timestamp};

use super::{ScheduleName, damaged, layout};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum GroupState {
    Active,
    Deleting,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    pub name: ScheduleName,
    pub state: GroupState,
    pub tags: BTreeMap<String, String>,
    /// None of the group that is always there.
    pub created: Option<Timestamp>,
    pub modified: Option<Timestamp>,
    /// The app that declares it, or none: then it was made through an API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<AppName>,
    /// The `ClientToken` of its creation.
    pub(super) token: Option<String>,
}

impl Group {
    pub(super) fn new(name: ScheduleName) -> Self {
        let (tags, token) = (BTreeMap::new(), None);
        Self { name, state: GroupState::Active, tags, created: None, modified: None, app: None, token }
    }

    pub fn arn(&self, account: &AccountId, region: &Region) -> String {
        format!("arn:aws:scheduler:{region}:{account}:schedule-group/{}", self.name)
    }

    pub(super) fn find(t: &mut dyn Transaction, name: &ScheduleName) -> Result<Option<Self>, BackendError> {
        let record = t.get(&layout::group(name))?;
        Self::of(name, record.as_deref())
    }

    /// A group of that name with that record; the one that is always there needs none.
    pub(super) fn of(name: &ScheduleName, record: Option<&[u8]>) -> Result<Option<Self>, BackendError> {
        match record {
            Some(record) => Self::decode(record).map(Some),
            None => Ok(name.is_default().then(|| Self::new(name.clone()))),
        }
    }

    pub(super) fn decode(record: &[u8]) -> Result<Self, BackendError> {
        serde_json::from_slice(record).map_err(|_| damaged("a group of schedules"))
    }

    pub(super) fn store(&self, t: &mut dyn Transaction) -> Result<(), BackendError> {
        let record = serde_json::to_vec(self).map_err(|_| damaged("a group of schedules"))?;
        t.put(&layout::group(&self.name), &record)
    }
}
