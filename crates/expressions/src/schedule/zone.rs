use jiff::tz::{TimeZone, TimeZoneDatabase};

/// A time zone by its IANA name, from the database that the program holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone(TimeZone);

/// No such zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{name:?} is no time zone: it wants a name of the IANA time zone database, like Europe/Berlin or UTC"
)]
pub struct UnknownZone {
    name: String,
}

impl Zone {
    pub const UTC: Self = Self(TimeZone::UTC);

    /// Looks a zone up, in any case of its letters (EventBridge Scheduler API, `ScheduleExpressionTimezone`).
    pub fn parse(name: &str) -> Result<Self, UnknownZone> {
        let known = TimeZoneDatabase::bundled().get(name).map(Self);
        known.map_err(|_| UnknownZone { name: name.chars().take(NAME_SHOWN).collect() })
    }

    /// The name in the database's own letters.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    pub(super) fn rules(&self) -> &TimeZone {
        &self.0
    }
}

/// Characters of a wrong name that an error repeats.
const NAME_SHOWN: usize = 64;
