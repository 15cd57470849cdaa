//! Where what was written before there were expressions becomes what expressions become, one function for a parameter.
//! Each is asked at the point at which DynamoDB checks what the parameter means, which is before it looks at the table.
//!
//! None of them can be converted yet: a request that has such a parameter is refused rather than understood in part.

use sonagi_items::expression::{Condition, KeyCondition, Update};

use super::{
    Fault,
    legacy::{AttributeCondition, AttributeUpdate, Expected, Filter},
};

fn unsupported(parameter: &str) -> Fault {
    Fault::validation(format_args!("Unsupported input parameter: {parameter}"))
}

/// Of `PutItem`, `UpdateItem` and `DeleteItem`.
pub(super) fn expected(_: &Expected) -> Result<Condition, Fault> {
    Err(unsupported("Expected"))
}

/// Of `UpdateItem`.
pub(super) fn attribute_updates(_: &[(String, AttributeUpdate)]) -> Result<Update, Fault> {
    Err(unsupported("AttributeUpdates"))
}

/// Of `Query`; there may be any number of them.
pub(super) fn key_conditions(_: &[(String, AttributeCondition)]) -> Result<KeyCondition, Fault> {
    Err(unsupported("KeyConditions"))
}

/// Of `Query`.
pub(super) fn query_filter(_: &Filter) -> Result<Condition, Fault> {
    Err(unsupported("QueryFilter"))
}

/// Of `Scan`.
pub(super) fn scan_filter(_: &Filter) -> Result<Condition, Fault> {
    Err(unsupported("ScanFilter"))
}
