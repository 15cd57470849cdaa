//! Showing that something goes on: a spinner for a person, lines for a log, nothing for a machine.

use std::{
    io::{self, IsTerminal as _},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};

use crate::output::Shape;

/// How often a spinner turns.
const TURN: Duration = Duration::from_millis(90);

/// Characters of a tool's output line that are shown.
const DETAIL_WIDTH: usize = 100;

/// What is under way now.
pub(crate) struct Progress {
    bar: ProgressBar,
    mode: Mode,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Spinner,
    Lines,
    Silent,
}

impl Progress {
    pub(crate) fn new(shape: Shape) -> Self {
        let mode = match shape {
            Shape::Json => Mode::Silent,
            Shape::Human if io::stderr().is_terminal() => Mode::Spinner,
            Shape::Human => Mode::Lines,
        };
        let bar = if mode == Mode::Spinner { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        let style = ProgressStyle::with_template("{spinner} {msg} {elapsed:.dim}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        bar.enable_steady_tick(TURN);
        Self { bar, mode }
    }

    /// Something new is under way.
    pub(crate) fn step(&self, message: &str) {
        match self.mode {
            Mode::Spinner => self.bar.set_message(message.to_owned()),
            Mode::Lines => eprintln!("{message}"),
            Mode::Silent => {}
        }
    }

    /// More of what is under way, for who watches: a person with a terminal.
    pub(crate) fn detail(&self, message: &str) {
        if self.mode == Mode::Spinner {
            let short: String = message.chars().take(DETAIL_WIDTH).collect();
            self.bar.set_message(short);
        }
    }

    /// A line that stays.
    pub(crate) fn note(&self, message: &str) {
        match self.mode {
            Mode::Spinner => self.bar.suspend(|| eprintln!("{message}")),
            Mode::Lines => eprintln!("{message}"),
            Mode::Silent => {}
        }
    }

    pub(crate) fn done(&self) {
        self.bar.finish_and_clear();
    }
}
