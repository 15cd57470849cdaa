//! A native function that tries to get out of its sandbox, or to hurt its neighbours.
//!
//! It is its package's `bootstrap` and speaks the Runtime API by itself. An event names one attempt and what to aim
//! at; the answer says what came of it, for every way that the attempt was made:
//!
//! ```json
//! {"attempt": "mount", "outcome": "refused", "errors": ["EPERM"], "ways": {"tmpfs": "EPERM", "proc": "EPERM"}}
//! ```
//!
//! `probe.py` makes the same attempts from Python, under the same names. Nothing is tried outside of a process
//! namespace of its own: some of it would end the machine.

mod api;
mod attempt;
mod bombs;
mod files;
mod kernel;
mod namespaces;
mod network;
mod privileges;
mod processes;
mod sys;

use serde_json::{Value, json};

use attempt::{Attempt, Named};

const ATTEMPTS: [&[Named]; 6] = [
    files::ATTEMPTS,
    processes::ATTEMPTS,
    network::ATTEMPTS,
    namespaces::ATTEMPTS,
    privileges::ATTEMPTS,
    kernel::ATTEMPTS,
];

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some(bombs::SPIN) => bombs::spin(),
        // By hand: one event.
        Some(event) => {
            let answer = handle(&serde_json::from_str(event).unwrap_or(Value::Null));
            let _ = std::io::Write::write_all(&mut std::io::stdout(), format!("{answer}\n").as_bytes());
        }
        None => api::serve(handle),
    }
}

fn handle(event: &Value) -> Value {
    let name = event["attempt"].as_str().unwrap_or_default();
    // It is where the host's processes are: nothing of this may be tried there.
    let own = std::fs::read_link("/proc/self/ns/pid").map(|link| link.display().to_string()).ok();
    if own.as_deref().is_some_and(|own| event["host"].as_str().is_none_or(|host| own == host)) {
        return json!({ "attempt": name, "outcome": "unsafe", "errors": [], "ways": {} });
    }
    if let Some((_, make)) = ATTEMPTS.into_iter().flatten().find(|(known, _)| *known == name) {
        let mut attempt = Attempt::new(event);
        make(&mut attempt);
        return attempt.answer(name);
    }
    match bombs::BOMBS.iter().find(|(known, _)| *known == name) {
        Some((_, go_off)) => go_off(event),
        None => json!({ "attempt": name, "outcome": "unknown" }),
    }
}
