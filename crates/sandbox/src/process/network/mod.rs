//! The internet, for environments whose functions are granted it.
//!
//! ```text
//!   environment's namespace                   the machine
//!   eth0 198.18.0.2/32 ══ pair ══ sgn0-0 ─┐
//!   eth0 198.18.0.3/32 ══ pair ══ sgn0-1 ─┴─ bridge sonagi0, 198.18.0.1/21 ─► rules ─► masquerade ─► the internet
//!                                               └─► resolver ─► the machine's resolvers
//! ```
//!
//! Start reading at [`Networks::attach`]. Always true here:
//! - nothing of the machine's is changed before the first environment needs it, and nothing that is not this server's
//!   own: its bridge, its ports, its two tables of rules; all are removed at its end, or by the next server's start;
//! - an environment reaches public addresses and the resolver, never this machine, its networks or another environment,
//!   and nothing reaches it but answers;
//! - an environment's program runs when all of that is in force, and not before.

mod addresses;
mod claim;
mod dns;
mod links;
mod netlink;
mod resolvers;
mod rules;
mod survey;

use std::{
    io,
    os::fd::OwnedFd,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sonagi_model::{Clock, limits};

use addresses::{Piece, Place, Places};
use claim::Claim;
use dns::Forwarder;
use links::Port;
use netlink::Socket;
use rules::{Member, Membership};

/// Why an environment has no network.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoNetwork {
    /// What the machine lacks, and what to do about it.
    #[error("functions cannot be given the internet: {0}")]
    Lacking(String),
    #[error("{} environments with a network are there already", limits::NETWORK_ENVIRONMENTS)]
    Full,
    #[error("{doing}: {cause}")]
    Machine { doing: &'static str, cause: io::Error },
}

fn failed(doing: &'static str) -> impl Fn(io::Error) -> NoNetwork {
    move |cause| NoNetwork::Machine { doing, cause }
}

/// What this machine lacks to give functions the internet; none if it can.
pub fn lacking() -> Option<String> {
    survey::fit().err()
}

/// All that a server's environments are connected by; made when the first one needs it.
#[derive(Debug)]
pub(super) struct Networks {
    clock: Arc<dyn Clock>,
    open: Mutex<State>,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Closed,
    Open(Arc<Internet>),
    /// It could not be opened; who does not insist goes without from then on.
    Failed,
}

impl Networks {
    /// Removes what servers that ended left behind.
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        if let Ok(program) = survey::tools()
            && let Err(error) = Socket::route().and_then(|socket| claim::collect(&socket, &program))
        {
            tracing::warn!(%error, "what an earlier server left of its network stays behind");
        }
        Self { clock, open: Mutex::default() }
    }

    /// Connects the namespace of process `pid`, in which `inside` is a socket about its routes. Blocks for a moment.
    pub(super) fn attach(&self, pid: i32, inside: OwnedFd) -> Result<Attachment, NoNetwork> {
        survey::forwards().map_err(NoNetwork::Lacking)?;
        Internet::attach(&self.opened()?, pid, inside)
    }

    /// The same for an environment that does without where the machine cannot give it.
    pub(super) fn attach_if_possible(
        &self,
        pid: i32,
        inside: OwnedFd,
    ) -> Result<Option<Attachment>, NoNetwork> {
        if matches!(&*self.state(), State::Failed) {
            return Ok(None);
        }
        match self.attach(pid, inside) {
            Err(NoNetwork::Lacking(_)) => Ok(None),
            Err(error @ NoNetwork::Machine { .. }) if matches!(&*self.state(), State::Failed) => {
                tracing::warn!(%error, "functions that may have the internet run without");
                Ok(None)
            }
            attached => attached.map(Some),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn opened(&self) -> Result<Arc<Internet>, NoNetwork> {
        let mut state = self.state();
        if let State::Open(internet) = &*state {
            return Ok(Arc::clone(internet));
        }
        let opened = Internet::open(Arc::clone(&self.clock)).map(Arc::new);
        *state = match &opened {
            Ok(internet) => State::Open(Arc::clone(internet)),
            Err(NoNetwork::Lacking(_) | NoNetwork::Full) => State::Closed,
            Err(NoNetwork::Machine { .. }) => State::Failed,
        };
        opened
    }
}

/// The bridge, its rules and its resolver. Dropping it removes them.
#[derive(Debug)]
struct Internet {
    claim: Claim,
    program: PathBuf,
    bridge: u32,
    places: Mutex<Places>,
    /// Taken away before the bridge's address is.
    forwarder: Option<Forwarder>,
}

impl Internet {
    fn open(clock: Arc<dyn Clock>) -> Result<Self, NoNetwork> {
        let program = survey::fit().map_err(NoNetwork::Lacking)?;
        let socket = Socket::route().map_err(failed("ask the kernel about the network"))?;
        // One that has ended since this one began.
        claim::collect(&socket, &program)
            .map_err(failed("remove what another server left of its network"))?;
        let claim = claim::take(&socket).map_err(failed("find addresses for environments"))?;
        let claim = claim.ok_or_else(|| {
            NoNetwork::Lacking(
                "all of 198.18.0.0/15, from which environments have addresses, is in use".into(),
            )
        })?;
        let piece = claim.piece;
        let name = rules::bridge(piece);
        // One of the kernel's own making, without rules, is not to be found: whatever has the name is not ours.
        let bridge = links::make_bridge(&socket, &name, piece.gateway(), piece.prefix())
            .map_err(failed("make a bridge for environments"))?;
        let mut internet = Self { claim, program, bridge, places: Mutex::default(), forwarder: None };
        let forwarder = Forwarder::start(piece.gateway(), resolvers::FILE.into(), clock)
            .map_err(failed("listen for the questions of environments"))?;
        let resolving = forwarder.resolving;
        internet.forwarder = Some(forwarder);
        rules::load(&internet.program, &rules::text(piece, resolving))
            .map_err(failed("load the rules for environments' packets"))?;
        // Last: nothing is passed on before the rules are in force. These are settings of our own interface only.
        set(&name, "ipv4", "forwarding", "1").map_err(failed("have the bridge forward"))?;
        set(&name, "ipv4", "send_redirects", "0").map_err(failed("set up the bridge"))?;
        // Absent where the kernel has no IPv6.
        let _ = set(&name, "ipv6", "disable_ipv6", "1");
        Ok(internet)
    }

    fn attach(this: &Arc<Self>, pid: i32, inside: OwnedFd) -> Result<Attachment, NoNetwork> {
        let place = this.places.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut attachment =
            Attachment { internet: Arc::clone(this), place: place.ok_or(NoNetwork::Full)?, port: None };
        let piece = this.piece();
        let address = piece.address(attachment.place);
        let name = rules::port(piece, attachment.place);
        let port = Port { name: &name, bridge: this.bridge, address, pid };
        let route = Socket::route().map_err(failed("ask the kernel about the network"))?;
        let made = match links::make_port(&route, &port) {
            // Of an environment that has ended, and that the kernel has not cleared away yet.
            Err(error) if error.raw_os_error() == Some(libc::EEXIST) => {
                links::remove(&route, &name).and_then(|()| links::make_port(&route, &port))
            }
            made => made,
        };
        let index = made.map_err(failed("connect an environment to the bridge"))?;
        let member = Member { port: index, address };
        let filter = Socket::filter().map_err(failed("ask the kernel about packet filters"))?;
        rules::change(&filter, piece, member, Membership::Begins)
            .map_err(failed("tell the rules about an environment"))?;
        attachment.port = Some(index);
        let inside = Socket::over(inside).map_err(failed("ask the kernel about an environment's network"))?;
        links::set_up_inside(&inside, address, piece.gateway())
            .map_err(failed("give an environment its address"))?;
        Ok(attachment)
    }

    fn piece(&self) -> Piece {
        self.claim.piece
    }
}

impl Drop for Internet {
    fn drop(&mut self) {
        drop(self.forwarder.take());
        let removed = Socket::route().and_then(|socket| claim::remove(&socket, &self.program, self.piece()));
        if let Err(error) = removed {
            tracing::warn!(%error, "the bridge of environments stays behind; the next server removes it");
        }
    }
}

/// A setting of one interface.
fn set(interface: &str, family: &str, name: &str, value: &str) -> io::Result<()> {
    std::fs::write(format!("/proc/sys/net/{family}/conf/{interface}/{name}"), value)
}

/// One environment's connection. Dropping it, after the environment's end, frees its address.
#[derive(Debug)]
pub(super) struct Attachment {
    internet: Arc<Internet>,
    place: Place,
    /// Of the machine's end, once the rules know it.
    port: Option<u32>,
}

impl Drop for Attachment {
    fn drop(&mut self) {
        let internet = &self.internet;
        let address = internet.piece().address(self.place);
        if let Some(port) = self.port {
            let member = Member { port, address };
            let gone = Socket::filter()
                .and_then(|filter| rules::change(&filter, internet.piece(), member, Membership::Ends));
            if let Err(error) = gone {
                tracing::warn!(%error, %address, "the rules keep an environment that has ended");
            }
        }
        // The pair goes with the environment's namespace.
        let _ = Socket::route().and_then(|route| links::forget(&route, internet.bridge, address));
        internet.places.lock().unwrap_or_else(PoisonError::into_inner).give_back(self.place);
    }
}
