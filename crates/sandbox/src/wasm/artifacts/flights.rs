//! What is being compiled right now, and what was refused lately.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sonagi_model::{Tick, limits};
use tokio::sync::watch;

use super::{Refusal, folder::Key, line::Ticket};

/// One compilation: the same code for a function with less memory may be refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Flight {
    pub(super) key: Key,
    /// MiB.
    pub(super) memory: u32,
}

type Outcome = Option<Result<(), Refusal>>;

#[derive(Debug, Default)]
pub(super) struct Flights(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    under_way: HashMap<Flight, UnderWay>,
    refused: HashMap<Flight, (Tick, String)>,
    /// The refused ones, oldest first.
    order: VecDeque<Flight>,
}

#[derive(Debug)]
struct UnderWay {
    outcome: watch::Receiver<Outcome>,
    /// Its number in the line.
    ticket: u64,
}

/// The one who compiles. Dropping it without a word says that it was ended.
#[derive(Debug)]
pub(super) struct Pilot {
    flights: Arc<Flights>,
    flight: Flight,
    outcome: watch::Sender<Outcome>,
}

/// One who waits.
#[derive(Debug)]
pub(super) struct Passenger {
    outcome: watch::Receiver<Outcome>,
    pub(super) ticket: u64,
}

pub(super) enum Boarding {
    Refused(Refusal),
    Joined(Passenger),
    Started(Pilot, Passenger, Ticket),
}

impl Flights {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Joins the flight, or starts it with the ticket that `enter` gets.
    pub(super) fn board(
        self: &Arc<Self>,
        flight: Flight,
        now: Tick,
        enter: impl FnOnce() -> Result<Ticket, Refusal>,
    ) -> Boarding {
        let mut state = self.state();
        if let Some((until, text)) = state.refused.get(&flight)
            && now < *until
        {
            return Boarding::Refused(Refusal::Invalid(text.clone()));
        }
        if let Some(UnderWay { outcome, ticket }) = state.under_way.get(&flight) {
            return Boarding::Joined(Passenger { outcome: outcome.clone(), ticket: *ticket });
        }
        let ticket = match enter() {
            Ok(ticket) => ticket,
            Err(refusal) => return Boarding::Refused(refusal),
        };
        let (sender, outcome) = watch::channel(None);
        let number = ticket.number();
        state.under_way.insert(flight, UnderWay { outcome: outcome.clone(), ticket: number });
        let pilot = Pilot { flights: Arc::clone(self), flight, outcome: sender };
        Boarding::Started(pilot, Passenger { outcome, ticket: number }, ticket)
    }
}

impl Pilot {
    pub(super) fn land(self, result: Result<(), Refusal>, now: Tick) {
        if let Err(Refusal::Invalid(text)) = &result {
            self.flights.state().remember(self.flight, now, text.clone());
        }
        // Nobody may be waiting any more.
        let _ = self.outcome.send(Some(result));
    }
}

impl Drop for Pilot {
    fn drop(&mut self) {
        self.flights.state().under_way.remove(&self.flight);
    }
}

impl Passenger {
    /// None: it was ended before it was done.
    pub(super) async fn arrive(mut self) -> Outcome {
        match self.outcome.wait_for(Option::is_some).await {
            Ok(outcome) => outcome.clone(),
            Err(_) => None,
        }
    }
}

impl State {
    fn remember(&mut self, flight: Flight, now: Tick, text: String) {
        if self.refused.insert(flight, (now + limits::COMPILE_REFUSAL, text)).is_some() {
            self.order.retain(|other| *other != flight);
        }
        self.order.push_back(flight);
        while self.order.len() > limits::COMPILE_REFUSALS {
            if let Some(oldest) = self.order.pop_front() {
                self.refused.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use sonagi_model::{
        Digest,
        function::{WasiVersion, WasmStart},
    };

    use super::{
        super::{Urgency, line::Line},
        *,
    };

    fn flight(number: usize) -> Flight {
        let component = Digest::of(&number.to_le_bytes());
        Flight { key: Key { component, wasi: WasiVersion::P2, start: WasmStart::Fresh }, memory: 128 }
    }

    fn board(flights: &Arc<Flights>, number: usize, now: Tick) -> Boarding {
        let line = Line::new(1, 1);
        flights.board(flight(number), now, || {
            line.enter(Urgency::Waiting).map_err(|_| Refusal::Busy("full".into()))
        })
    }

    fn refuse(flights: &Arc<Flights>, number: usize, now: Tick) {
        let Boarding::Started(pilot, ..) = board(flights, number, now) else { panic!("it is under way") };
        pilot.land(Err(Refusal::Invalid("no".into())), now);
    }

    #[tokio::test]
    async fn those_who_want_the_same_wait_for_one() {
        let flights = Arc::new(Flights::default());
        let now = Tick::default();
        let Boarding::Started(pilot, first, _ticket) = board(&flights, 1, now) else { panic!("not started") };
        let Boarding::Joined(second) = board(&flights, 1, now) else { panic!("not joined") };
        pilot.land(Ok(()), now);
        assert!(matches!(first.arrive().await, Some(Ok(()))));
        assert!(matches!(second.arrive().await, Some(Ok(()))));
        assert!(matches!(board(&flights, 1, now), Boarding::Started(..)));
    }

    #[tokio::test]
    async fn a_flight_that_was_ended_is_known_as_such() {
        let flights = Arc::new(Flights::default());
        let Boarding::Started(pilot, first, _ticket) = board(&flights, 1, Tick::default()) else { panic!() };
        drop(pilot);
        assert!(first.arrive().await.is_none());
    }

    #[test]
    fn a_refusal_is_remembered_for_a_while() {
        let flights = Arc::new(Flights::default());
        let now = Tick::default();
        refuse(&flights, 1, now);
        assert!(matches!(board(&flights, 1, now), Boarding::Refused(Refusal::Invalid(_))));
        assert!(matches!(board(&flights, 1, now + limits::COMPILE_REFUSAL), Boarding::Started(..)));
    }

    #[test]
    fn so_many_refusals_are_remembered_and_no_more() {
        let flights = Arc::new(Flights::default());
        let now = Tick::default();
        for number in 0..=limits::COMPILE_REFUSALS {
            refuse(&flights, number, now);
        }
        assert!(matches!(board(&flights, 0, now), Boarding::Started(..)));
        assert!(matches!(board(&flights, 1, now), Boarding::Refused(_)));
        assert_eq!(flights.state().refused.len(), limits::COMPILE_REFUSALS);
    }
}
