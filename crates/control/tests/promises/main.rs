//! What control promises, over the embedded backend.

mod aliases;
mod catalog;
mod functions;
mod packages;
mod permissions;
mod releases;
mod support;
