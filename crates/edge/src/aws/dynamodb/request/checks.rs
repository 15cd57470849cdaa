//! Constraints of members, told together as DynamoDB's front end does before it looks at what a request means.

use std::ops::RangeInclusive;

use super::{
    Fault,
    choice::Choice,
    scalar::{Integer, Long},
};

/// Violations that one answer tells.
const TOLD: usize = 10;
/// Characters of a name of a table or an index (Developer Guide, "Quotas").
const NAME: RangeInclusive<usize> = 3..=255;
const PATTERN: &str = "[a-zA-Z0-9_.-]+";
/// Of a table's, index's, stream's or backup's ARN.
const ARN: RangeInclusive<usize> = 37..=1024;

/// A table as a request names it: by its name, or by its ARN, which answers then repeat.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Table(String);

impl Table {
    /// As it was written.
    pub(crate) fn said(&self) -> &str {
        &self.0
    }
}

/// Whether it is `arn:aws:dynamodb:region:account:table/name`.
pub(super) fn is_table_arn(arn: &str) -> bool {
    let mut parts = arn.splitn(6, ':');
    let mut next = || parts.next().unwrap_or_default();
    let (arn, partition, service, region, account) = (next(), next(), next(), next(), next());
    let name = next().strip_prefix("table/").unwrap_or_default();
    arn == "arn"
        && !partition.is_empty()
        && service == "dynamodb"
        && !region.is_empty()
        && !account.is_empty()
        && account.bytes().all(|byte| byte.is_ascii_digit())
        && NAME.contains(&name.len())
        && is_name(name)
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
}

/// What violates a constraint.
#[derive(Debug, Default)]
pub(super) struct Checks(Vec<String>);

impl Checks {
    /// A violation in other words than most.
    pub(super) fn fail(&mut self, violation: impl FnOnce() -> String) {
        if self.0.len() < TOLD {
            self.0.push(violation());
        }
    }

    fn violated(&mut self, value: &str, at: &str, constraint: impl FnOnce() -> String) {
        self.fail(|| format!("Value '{value}' at '{at}' failed to satisfy constraint: {}", constraint()));
    }

    pub(super) fn required<T>(&mut self, at: &str, value: &Option<T>) {
        if value.is_none() {
            self.fail(|| {
                format!("Value null at '{at}' failed to satisfy constraint: Member must not be null")
            });
        }
    }

    /// `value` is how a message shows it.
    fn lengths(
        &mut self,
        at: &str,
        length: usize,
        lengths: RangeInclusive<usize>,
        value: impl Fn() -> String,
    ) {
        if length < *lengths.start() {
            self.violated(&value(), at, || {
                format!("Member must have length greater than or equal to {}", lengths.start())
            });
        }
        if length > *lengths.end() {
            self.violated(&value(), at, || {
                format!("Member must have length less than or equal to {}", lengths.end())
            });
        }
    }

    pub(super) fn length(&mut self, at: &str, value: Option<&String>, lengths: RangeInclusive<usize>) {
        if let Some(value) = value {
            self.lengths(at, value.chars().count(), lengths, || value.clone());
        }
    }

    /// Of a list whose elements are shown as Java shows an object.
    pub(super) fn count(&mut self, at: &str, count: usize, counts: RangeInclusive<usize>, class: &str) {
        self.lengths(at, count, counts, || objects(class, count));
    }

    /// Of a list whose elements are shown in their own way.
    pub(super) fn count_of(
        &mut self,
        at: &str,
        shown: impl Iterator<Item = String> + Clone,
        counts: RangeInclusive<usize>,
    ) {
        let value = || format!("[{}]", shown.clone().collect::<Vec<_>>().join(", "));
        self.lengths(at, shown.clone().count(), counts, value);
    }

    pub(super) fn name(&mut self, at: &str, value: Option<&String>) {
        let Some(value) = value else { return };
        if !is_name(value) {
            self.violated(value, at, || format!("Member must satisfy regular expression pattern: {PATTERN}"));
        }
        self.length(at, Some(value), NAME);
    }

    pub(super) fn arn(&mut self, at: &str, value: Option<&String>) {
        self.length(at, value, ARN);
    }

    pub(super) fn integer(
        &mut self,
        at: &str,
        value: Option<Integer>,
        range: RangeInclusive<i64>,
    ) -> Option<i64> {
        self.range(at, value.map(|Integer(value)| value), range)
    }

    pub(super) fn long(&mut self, at: &str, value: Option<Long>, range: RangeInclusive<i64>) -> Option<i64> {
        self.range(at, value.map(|Long(value)| value), range)
    }

    fn range(&mut self, at: &str, value: Option<i64>, range: RangeInclusive<i64>) -> Option<i64> {
        let value = value?;
        if value < *range.start() {
            self.violated(&value.to_string(), at, || {
                format!("Member must have value greater than or equal to {}", range.start())
            });
        }
        if value > *range.end() {
            self.violated(&value.to_string(), at, || {
                format!("Member must have value less than or equal to {}", range.end())
            });
        }
        Some(value)
    }

    pub(super) fn choice<T: Choice>(&mut self, at: &str, word: Option<&String>) -> Option<T> {
        let word = word?;
        let choice = T::of(word);
        if choice.is_none() {
            self.violated(word, at, || {
                let words: Vec<&str> = T::WORDS.iter().map(|(word, _)| *word).collect();
                format!("Member must satisfy enum value set: [{}]", words.join(", "))
            });
        }
        choice
    }

    pub(super) fn done(self) -> Result<(), Fault> {
        match self.0.len() {
            0 => Ok(()),
            1 => Err(Fault::validation(format_args!("1 validation error detected: {}", self.0[0]))),
            count => Err(Fault::validation(format_args!(
                "{count} validation errors detected: {}",
                self.0.join("; ")
            ))),
        }
    }

    /// The table of an operation on items. DynamoDB looks at it before all else, and tells nothing else with it.
    pub(super) fn table(name: Option<String>) -> Result<Table, Fault> {
        let mut checks = Self::default();
        let table = checks.nested_table("tableName", name);
        checks.done().map(|()| table)
    }

    /// Of an operation on tables, which says in other words that it must be there.
    pub(super) fn control_table(name: Option<String>) -> Result<Table, Fault> {
        let name = name.ok_or_else(|| {
            Fault::validation("The parameter 'TableName' is required but was not present in the request")
        })?;
        let mut checks = Self::default();
        checks.control_name("tableName", Some(&name));
        checks.done().map(|()| Table(name))
    }

    /// A name or an ARN, if it is there.
    pub(super) fn control_name(&mut self, at: &str, name: Option<&String>) {
        if !name.is_some_and(|name| is_table_arn(name)) {
            self.name(at, name);
        }
    }

    /// A table of one of several requests.
    pub(super) fn nested_table(&mut self, at: &str, name: Option<String>) -> Table {
        self.required(at, &name);
        match name.as_deref() {
            None => {}
            // The model wants one letter, as it could be an ARN.
            Some("") => self.lengths(at, 0, 1..=usize::MAX, String::new),
            Some(arn) if is_table_arn(arn) => {}
            Some(_) => self.name(at, name.as_ref()),
        }
        Table(name.unwrap_or_default())
    }
}

/// A table's name as the key of a batch's map: told by the caller if it is none.
pub(super) fn batch_table(name: &str) -> Option<Table> {
    (is_table_arn(name) || is_name(name) && NAME.contains(&name.len())).then(|| Table(name.to_owned()))
}

/// What is said of a batch's map whose key is no table's name.
pub(super) const BATCH_TABLE: &str = "Map keys must satisfy constraint: [Member must have length less than or equal to 255, \
     Member must have length greater than or equal to 3, Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+]";

/// A list as Java shows objects that have no text of their own: by their class and a number.
pub(super) fn objects(class: &str, count: usize) -> String {
    let shown: Vec<String> =
        (1..=count).map(|index| format!("com.amazonaws.dynamodb.v20120810.{class}@{index:x}")).collect();
    format!("[{}]", shown.join(", "))
}
