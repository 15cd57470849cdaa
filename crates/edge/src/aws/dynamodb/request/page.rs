use sonagi_items::{
    Item,
    expression::{Condition, Projection},
};

use super::{
    checks::Table,
    choice::{Capacity, Select},
};

/// What `Query` and `Scan` ask for alike.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) table: Table,
    pub(crate) index: Option<String>,
    pub(crate) filter: Option<Condition>,
    pub(crate) projection: Option<Projection>,
    /// None where the request says nothing: it depends on the index then.
    pub(crate) select: Option<Select>,
    /// At least 1.
    pub(crate) limit: Option<usize>,
    pub(crate) start: Option<Item>,
    pub(crate) is_consistent: bool,
    pub(crate) capacity: Capacity,
}

/// What is to be answered and what is wanted of each item must fit.
pub(super) fn check_select(
    select: Option<Select>,
    index: Option<&String>,
    attributes: bool,
    projection: bool,
) -> Result<(), &'static str> {
    match (select, attributes, projection) {
        (Some(Select::Specific), false, false) => Err(
            "Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES",
        ),
        (Some(Select::Count), _, true) => {
            Err("Cannot specify the ProjectionExpression when choosing to get only the Count")
        }
        (Some(Select::Count), true, false) => {
            Err("Cannot specify the AttributesToGet when choosing to get only the Count")
        }
        (Some(Select::All), _, true) => {
            Err("Cannot specify the ProjectionExpression when choosing to get ALL_ATTRIBUTES")
        }
        (Some(Select::All), true, false) => {
            Err("Cannot specify the AttributesToGet when choosing to get ALL_ATTRIBUTES")
        }
        (Some(Select::Projected), _, true) => {
            Err("Cannot specify the ProjectionExpression when choosing to get ALL_PROJECTED_ATTRIBUTES")
        }
        (Some(Select::Projected), true, false) => {
            Err("Cannot specify the AttributesToGet when choosing to get ALL_PROJECTED_ATTRIBUTES")
        }
        (Some(Select::Projected), false, false) if index.is_none() => {
            Err("ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName")
        }
        (Some(Select::Specific | Select::Count | Select::All | Select::Projected) | None, _, _) => Ok(()),
    }
}
