//! Values against the constraints of the model, with AWS's words for what is wrong: all of it at once.

use sonagi_model::limits;

use super::{Refusal, ScheduleName};

/// What is wrong so far.
#[derive(Debug, Default)]
pub struct Check(Vec<String>);

const NAME: &str = "^[0-9a-zA-Z-_.]+$";

impl Check {
    pub fn done(self) -> Result<(), Refusal> {
        match self.0.len() {
            0 => Ok(()),
            1 => Err(Refusal::Invalid(format!("1 validation error detected: {}", self.0.concat()))),
            count => {
                Err(Refusal::Invalid(format!("{count} validation errors detected: {}", self.0.join("; "))))
            }
        }
    }

    fn fails(&mut self, member: &str, value: &str, constraint: &str) {
        let value: String = value.chars().take(256).collect();
        self.0.push(format!("Value '{value}' at '{member}' failed to satisfy constraint: {constraint}"));
    }

    pub fn required<'a, T>(&mut self, member: &str, value: &'a Option<T>) -> Option<&'a T> {
        if value.is_none() {
            let text = "failed to satisfy constraint: Member must not be null";
            self.0.push(format!("Value null at '{member}' {text}"));
        }
        value.as_ref()
    }

    /// A name of a schedule or a group.
    pub fn name(&mut self, member: &str, value: &str) -> Option<ScheduleName> {
        self.length(member, value, 1, limits::SCHEDULE_NAME_SIZE);
        let name = ScheduleName::new(value);
        if name.is_none() && !value.is_empty() && !value.bytes().all(is_of_name) {
            self.pattern(member, value, NAME);
        }
        name
    }

    /// What names begin with.
    pub fn prefix(&mut self, member: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.name(member, value);
        }
    }

    pub fn length(&mut self, member: &str, value: &str, least: usize, most: usize) {
        let length = value.chars().count();
        if length < least {
            let constraint = format!("Member must have length greater than or equal to {least}");
            self.fails(member, value, &constraint);
        } else if length > most {
            self.fails(member, value, &format!("Member must have length less than or equal to {most}"));
        }
    }

    pub fn pattern(&mut self, member: &str, value: &str, pattern: &str) {
        self.fails(member, value, &format!("Member must satisfy regular expression pattern: {pattern}"));
    }

    pub fn range(&mut self, member: &str, value: i64, least: i64, most: i64) {
        let constraint = if value < least {
            format!("Member must have value greater than or equal to {least}")
        } else if value > most {
            format!("Member must have value less than or equal to {most}")
        } else {
            return;
        };
        self.fails(member, &value.to_string(), &constraint);
    }

    /// The one of `choices` that the value names.
    pub fn one_of<T: Copy>(&mut self, member: &str, value: &str, choices: &[(&str, T)]) -> Option<T> {
        let found = choices.iter().find(|(name, _)| *name == value).map(|(_, choice)| *choice);
        if found.is_none() {
            let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            self.fails(member, value, &format!("Member must satisfy enum value set: [{}]", names.join(", ")));
        }
        found
    }

    pub fn token(&mut self, value: Option<&str>) {
        let Some(value) = value else { return };
        self.length("clientToken", value, 1, 64);
        if !value.is_empty()
            && !value.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        {
            self.pattern("clientToken", value, "^[a-zA-Z0-9-_]+$");
        }
    }
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}
