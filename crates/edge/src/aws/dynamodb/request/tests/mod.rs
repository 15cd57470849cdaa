//! What DynamoDB was seen to answer, and that no bytes do harm.

mod constraints;
mod items;
mod streams;
mod tables;
mod values;

use std::fmt::Debug;

use super::Fault;

/// What is wrong with a body.
#[track_caller]
fn refused<T: Debug>(read: Result<T, Fault>, code: &str, message: &str) {
    let fault = read.unwrap_err();
    assert_eq!((fault.code, fault.message.as_str()), (code, message));
}

#[track_caller]
fn invalid<T: Debug>(read: Result<T, Fault>, message: &str) {
    refused(read, Fault::VALIDATION, message);
}

const EMPTY: &str = "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes";
const SEVERAL: &str = "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes";
const PARAMETER: &str = "One or more parameter values were invalid: ";
