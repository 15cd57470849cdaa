//! What wakes functions, so far as it is pure: which events are wanted, what is made of them, and when it is time.
//!
//! Start reading at [`Pattern`](pattern::Pattern), [`Transformer`](transform::Transformer) or
//! [`Expression`](schedule::Expression). Always true here: text that people wrote is parsed once, with an error that
//! names the place of the mistake; what was parsed answers in time that is linear in what it is asked about; nothing
//! reads a clock.

mod json;
pub mod pattern;
pub mod schedule;
pub mod transform;
