//! A request's expressions, with what they are given and all that is checked around them (Developer Guide, "Using expressions
//! in DynamoDB").
//!
//! Twice, as DynamoDB does: [`Given::check_use`] before it looks at anything that the request is about, and
//! [`Given::expressions`] after that.

use std::collections::BTreeMap;

use sonagi_items::{
    expression::{
        Condition, ExpressionError, KeyCondition, KeyConditionError, Projection, Reason, Substitutes, Update,
        Which,
    },
    legacy::{Parameter, check_families},
};

use super::{Fault, kind::Entries, value::Attributes};

/// Bytes of `#name` or `:value`.
const PLACEHOLDER_SIZE: usize = 255;

/// `ExpressionAttributeNames` and `ExpressionAttributeValues`
#[derive(Debug, Default)]
pub(super) struct Given {
    pub(super) names: Option<Entries<String>>,
    pub(super) values: Option<Attributes>,
}

/// A parameter, and whether the request has it.
pub(super) type Asked = (Parameter, bool);

fn present(parameters: &[Asked]) -> impl Iterator<Item = Parameter> {
    parameters.iter().filter(|(_, is_there)| *is_there).map(|(parameter, _)| *parameter)
}

/// No projection has values.
fn for_values(expressions: &[Asked]) -> impl Iterator<Item = &Asked> {
    expressions.iter().filter(|(parameter, _)| *parameter != Parameter::ProjectionExpression)
}

const IDLE_VALUES: &str = "ExpressionAttributeValues can only be specified when using expressions";

/// That a request has parameters of only one of the two kinds.
pub(super) fn check_mixing(expressions: &[Asked], others: &[Asked]) -> Result<(), Fault> {
    check_families(present(expressions).chain(present(others))).map_err(Fault::validation)
}

impl Given {
    /// That names and values are given only with an expression that could use them.
    pub(super) fn check_use(&self, expressions: &[Asked]) -> Result<(), Fault> {
        self.check_names_use(expressions)?;
        if !self.has_idle_values(expressions) {
            return Ok(());
        }
        let absent: Vec<&str> = for_values(expressions).map(|(parameter, _)| parameter.as_str()).collect();
        Err(Fault::validation(format_args!(
            "{IDLE_VALUES}: {} {} null",
            absent.join(" and "),
            if absent.len() == 1 { "is" } else { "are" }
        )))
    }

    /// The same of a query whose conditions on keys are none of its expressions, of which DynamoDB says less.
    pub(super) fn check_use_beside_keys(&self, expressions: &[Asked]) -> Result<(), Fault> {
        self.check_names_use(expressions)?;
        match self.has_idle_values(expressions) {
            true => Err(Fault::validation(IDLE_VALUES)),
            false => Ok(()),
        }
    }

    fn check_names_use(&self, expressions: &[Asked]) -> Result<(), Fault> {
        match self.names.is_some() && present(expressions).next().is_none() {
            true => Err(Fault::validation(
                "ExpressionAttributeNames can only be specified when using expressions",
            )),
            false => Ok(()),
        }
    }

    fn has_idle_values(&self, expressions: &[Asked]) -> bool {
        self.values.is_some() && !for_values(expressions).any(|(_, is_there)| *is_there)
    }

    pub(super) fn expressions(self) -> Result<Expressions, Fault> {
        let names = self.names.map(check_names).transpose()?.unwrap_or_default();
        let values = self.values.map(check_values).transpose()?.unwrap_or_default();
        Ok(Expressions(Substitutes::new(names, values)))
    }
}

fn check_names(Entries(names): Entries<String>) -> Result<BTreeMap<String, String>, Fault> {
    const NAMES: &str = "ExpressionAttributeNames";
    if names.is_empty() {
        return Err(Fault::validation(format_args!("{NAMES} must not be empty")));
    }
    for (placeholder, _) in &names {
        if placeholder.len() > PLACEHOLDER_SIZE {
            let size = placeholder.len();
            return Err(Fault::validation(format_args!(
                "{NAMES} contains invalid key: The expression attribute map contains a key that is too long; size of key: \
                 {size}"
            )));
        }
        check_placeholder(NAMES, placeholder, '#')?;
    }
    match names.iter().find(|(_, name)| name.is_empty()) {
        Some((placeholder, _)) => Err(Fault::validation(format_args!(
            "{NAMES} contains invalid value: Empty attribute name for key {placeholder}"
        ))),
        None => Ok(names.into_iter().collect()),
    }
}

fn check_values(values: Attributes) -> Result<sonagi_items::Item, Fault> {
    const VALUES: &str = "ExpressionAttributeValues";
    if values.is_empty() {
        return Err(Fault::validation(format_args!("{VALUES} must not be empty")));
    }
    for placeholder in values.names() {
        if placeholder.len() > PLACEHOLDER_SIZE {
            return Err(Fault::validation(format_args!(
                "{VALUES} contains invalid key: The expression attribute map contains a key that is too long;"
            )));
        }
        check_placeholder(VALUES, placeholder, ':')?;
    }
    values.for_expressions()
}

fn check_placeholder(of: &str, placeholder: &str, mark: char) -> Result<(), Fault> {
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    match placeholder.strip_prefix(mark).is_some_and(is_name) {
        true => Ok(()),
        false => Err(Fault::validation(format_args!(
            "{of} contains invalid key: Syntax error; key: \"{placeholder}\""
        ))),
    }
}

/// Reads the expressions of one request, which share what they are given.
pub(super) struct Expressions(Substitutes);

impl Expressions {
    pub(super) fn condition(&self, text: Option<&String>, of: Which) -> Result<Option<Condition>, Fault> {
        text.map(|text| Condition::parse(text, of, &self.0)).transpose().map_err(|error| told(&error))
    }

    pub(super) fn key_condition(&self, text: Option<&String>) -> Result<Option<KeyCondition>, Fault> {
        text.map(|text| KeyCondition::parse(text, &self.0)).transpose().map_err(|error| match error {
            KeyConditionError::Expression(error) => told(&error),
            KeyConditionError::Operator(_)
            | KeyConditionError::NestedOperation
            | KeyConditionError::FirstOperand(_)
            | KeyConditionError::SeveralNames
            | KeyConditionError::NestedName
            | KeyConditionError::NoName
            | KeyConditionError::Twice => Fault::validation(error),
        })
    }

    pub(super) fn projection(&self, text: Option<&String>) -> Result<Option<Projection>, Fault> {
        text.map(|text| Projection::parse(text, &self.0)).transpose().map_err(|error| told(&error))
    }

    pub(super) fn update(&self, text: Option<&String>) -> Result<Option<Update>, Fault> {
        text.map(|text| Update::parse(text, &self.0)).transpose().map_err(|error| told(&error))
    }

    /// That all that was given was used.
    pub(super) fn done(self) -> Result<(), Fault> {
        for (of, unused) in [("Names", self.0.unused_names()), ("Values", self.0.unused_values())] {
            if !unused.is_empty() {
                return Err(Fault::validation(format_args!(
                    "Value provided in ExpressionAttribute{of} unused in expressions: keys: {{{}}}",
                    unused.join(", ")
                )));
            }
        }
        Ok(())
    }
}

/// Only of conditions and filters DynamoDB says how long they are.
fn told(error: &ExpressionError) -> Fault {
    let is_silent = match error.of {
        Which::Condition | Which::Filter => false,
        Which::KeyCondition | Which::Projection | Which::Update => true,
    };
    if is_silent && matches!(error.reason, Reason::TooLong(_)) {
        return Fault::validation(format_args!(
            "Invalid {}: Expression size has exceeded the maximum allowed size;",
            error.of
        ));
    }
    Fault::validation(error)
}
