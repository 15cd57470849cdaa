//! The ways to name a function.

use crate::Result;

/// A function's name as callers write it: `name`, `account:function:name`, `function:name` or a whole ARN, each
/// with or without `:qualifier`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionReference {
    pub region: Option<String>,
    pub account: Option<String>,
    pub name: String,
    pub qualifier: Option<String>,
}

impl FunctionReference {
    pub fn parse(text: &str) -> Result<Self> {
        let _ = text;
        unimplemented!()
    }
}
