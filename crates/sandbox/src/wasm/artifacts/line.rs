//! The line before the compiler: so many children at once, and whom somebody waits for goes ahead.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

use super::Urgency;

#[derive(Debug, Clone)]
pub(super) struct Line(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    /// Turns that nobody has.
    free: usize,
    room: usize,
    waiting: VecDeque<Place>,
    background: VecDeque<Place>,
    next: u64,
}

#[derive(Debug)]
struct Place {
    number: u64,
    turn: oneshot::Sender<Turn>,
}

/// The right to run one child; the next one has it when this is dropped.
#[derive(Debug)]
pub(super) struct Turn(Option<Line>);

/// A place in the line. Dropping it leaves the line.
#[derive(Debug)]
pub(super) struct Ticket {
    line: Line,
    number: u64,
    turn: oneshot::Receiver<Turn>,
}

/// Too many stand there already.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

impl Line {
    /// `turns` at once, and `room` that wait.
    pub(super) fn new(turns: usize, room: usize) -> Self {
        let (waiting, background) = Default::default();
        Self(Arc::new(Mutex::new(State { free: turns, room, waiting, background, next: 0 })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn enter(&self, urgency: Urgency) -> Result<Ticket, Full> {
        let mut state = self.state();
        let (sender, turn) = oneshot::channel();
        let number = state.next;
        state.next += 1;
        if state.free > 0 {
            state.free -= 1;
            drop(state);
            // The receiver is right here.
            let _ = sender.send(Turn(Some(self.clone())));
        } else if state.waiting.len() + state.background.len() >= state.room {
            return Err(Full);
        } else {
            let place = Place { number, turn: sender };
            match urgency {
                Urgency::Waiting => state.waiting.push_back(place),
                Urgency::Background => state.background.push_back(place),
            }
        }
        Ok(Ticket { line: self.clone(), number, turn })
    }

    /// Somebody waits for it now: it goes ahead of all that is done in the background.
    pub(super) fn promote(&self, number: u64) {
        let mut state = self.state();
        if let Some(at) = state.background.iter().position(|place| place.number == number)
            && let Some(place) = state.background.remove(at)
        {
            state.waiting.push_back(place);
        }
    }

    /// Hands the turn to the next one who is still there.
    fn pass(&self) {
        loop {
            let next = {
                let mut state = self.state();
                match state.waiting.pop_front() {
                    Some(place) => Some(place),
                    None => state.background.pop_front(),
                }
                .or_else(|| {
                    state.free += 1;
                    None
                })
            };
            let Some(place) = next else { return };
            match place.turn.send(Turn(Some(self.clone()))) {
                Ok(()) => return,
                // It left just now; its turn must not be passed on twice.
                Err(mut turn) => drop(turn.0.take()),
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(line) = self.0.take() {
            line.pass();
        }
    }
}

impl Ticket {
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    pub(super) async fn turn(mut self) -> Turn {
        match (&mut self.turn).await {
            Ok(turn) => turn,
            // The line holds the sender until it sends.
            Err(_) => std::future::pending().await,
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut state = self.line.state();
        state.waiting.retain(|place| place.number != self.number);
        state.background.retain(|place| place.number != self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready(ticket: &mut Ticket) -> Option<Turn> {
        ticket.turn.try_recv().ok()
    }

    #[test]
    fn whom_somebody_waits_for_goes_ahead() {
        let line = Line::new(1, 10);
        let mut first = line.enter(Urgency::Background).unwrap();
        let turn = ready(&mut first).unwrap();
        let mut background = line.enter(Urgency::Background).unwrap();
        let mut promoted = line.enter(Urgency::Background).unwrap();
        let mut waiting = line.enter(Urgency::Waiting).unwrap();
        line.promote(promoted.number());
        drop(turn);
        let turn = ready(&mut waiting).unwrap();
        assert!(ready(&mut promoted).is_none());
        drop(turn);
        let turn = ready(&mut promoted).unwrap();
        assert!(ready(&mut background).is_none());
        drop(turn);
        assert!(ready(&mut background).is_some());
    }

    #[test]
    fn who_leaves_loses_no_turn() {
        let line = Line::new(1, 10);
        let mut first = line.enter(Urgency::Waiting).unwrap();
        let turn = ready(&mut first).unwrap();
        let gone = line.enter(Urgency::Waiting).unwrap();
        let mut last = line.enter(Urgency::Waiting).unwrap();
        drop(gone);
        drop(turn);
        assert!(ready(&mut last).is_some());
        // A turn that arrived and was never taken goes on as well.
        drop(line.enter(Urgency::Waiting).unwrap());
        drop((first, last));
        assert!(ready(&mut line.enter(Urgency::Waiting).unwrap()).is_some());
    }

    #[test]
    fn the_line_has_an_end() {
        let line = Line::new(1, 2);
        let _tickets: Vec<_> = (0..3).map(|_| line.enter(Urgency::Waiting).unwrap()).collect();
        assert_eq!(line.enter(Urgency::Background).unwrap_err(), Full);
    }
}
