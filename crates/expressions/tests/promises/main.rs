//! What the crate promises, from outside.
#![expect(clippy::unwrap_used, reason = "a test ends where something is wrong")]

mod pattern_mistakes;
mod pattern_operators;
mod pattern_policies;
mod pattern_properties;
mod pattern_structure;
mod schedule;
mod schedule_properties;
mod transform;
