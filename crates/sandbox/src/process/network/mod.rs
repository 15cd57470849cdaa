//! A network, for environments whose functions are granted one: the internet, or one that the operator has declared.
//!
//! ```text
//!   environment's namespace                   the machine, where the server is root
//!   eth0 198.18.0.2/32 ══ pair ══ sgn0-0 ─┐
//!   eth0 198.18.0.3/32 ══ pair ══ sgn0-1 ─┴─ bridge sonagi0, 198.18.0.1/21 ─► rules ─► masquerade ─► the internet
//!                                               └─► resolver ─► the machine's resolvers
//!   eth0 10.20.0.50/24 ══ pair ══ sgb0-0-0 ── rules ── the operator's bridge
//!
//!                                             where it is an ordinary user's
//!   eth0 198.18.0.100  ══ tap ═════════════ pasta or slirp4netns
//! ```
//!
//! A virtual machine's monitor has a namespace like an environment's, and the machine is behind it ([`Wire`]).
//!
//! Start reading at [`Networks::attach`]; `ground` is root's way and `helper` the other. Always true here:
//! - nothing of the machine's is changed before the first environment needs it, and nothing that is not this server's
//!   own: its bridge, its ports, its two tables of rules; all are removed at its end, or by the next server's start;
//! - an environment reaches what it is granted and the resolver, never this machine, unless an operator declares one of
//!   its addresses, nor another environment; and nothing reaches it but answers;
//! - an environment's program runs when all of that is in force, and not before.

mod addresses;
mod claim;
mod dns;
mod ground;
mod helper;
mod links;
mod namespace;
mod netlink;
mod policy;
mod resolvers;
mod rules;
mod survey;
mod wall;
mod wire;

use std::{
    collections::HashMap,
    io,
    os::fd::OwnedFd,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sonagi_model::{
    Clock, Tick,
    function::Network,
    limits,
    network::{NamedNetwork, Networks as Declared, Range, UnknownNetwork},
};

use dns::{Askers, Names};
use ground::Ground;
use helper::Tether;
pub(super) use links::Namespace;
pub(crate) use namespace::in_a_new_one as in_a_new_namespace;
use netlink::Socket;
use policy::Policy;
use survey::{Tools, Wanted};
pub use wire::Wire;

use super::launcher::LauncherProgram;

/// Why an environment has no network.
#[derive(Debug, thiserror::Error)]
pub enum NoNetwork {
    /// What the machine lacks, and what to do about it.
    #[error("functions cannot be given the network that they ask for: {0}")]
    Lacking(String),
    #[error("{} environments with a network are there already", limits::NETWORK_ENVIRONMENTS)]
    Full,
    #[error("all {count} addresses of the network {network} are in use")]
    NoAddress { network: String, count: usize },
    #[error("{doing}: {cause}")]
    Machine { doing: &'static str, cause: io::Error },
}

fn failed(doing: &'static str) -> impl Fn(io::Error) -> NoNetwork {
    move |cause| NoNetwork::Machine { doing, cause }
}

/// What gives functions the internet on this machine, or what it lacks to.
pub fn internet() -> Result<&'static str, String> {
    survey::fit(Wanted::Internet).map(|tools| tools.name())
}

/// The same of a network that is declared.
pub fn named(network: &NamedNetwork) -> Result<&'static str, String> {
    survey::fit(Wanted::Named(network)).map(|tools| tools.name())
}

/// What an environment is to be connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Grant {
    Internet,
    /// The same where the machine can give it.
    InternetIfPossible,
    /// By its place among those that are declared.
    Named(usize),
}

/// What comes out of a namespace that is to be connected: the launcher passes it, but for a machine's.
#[derive(Debug)]
pub(super) struct Inside {
    /// About its interfaces, addresses and routes.
    routes: OwnedFd,
    /// At the resolver's address.
    udp: OwnedFd,
    tcp: OwnedFd,
    walls: Walls,
}

/// The rules in a namespace, where those of the machine do not see all of its packets.
#[derive(Debug)]
enum Walls {
    /// Over this socket.
    ToRaise(OwnedFd),
    /// Others are in force, which say the same and more.
    Raised,
    /// The kernel has no packet filter.
    Impossible,
}

impl Inside {
    /// Takes the last of `files`, which are behind `listeners` others.
    pub(super) fn of(files: &mut Vec<OwnedFd>, listeners: usize) -> Option<Self> {
        let mut own = files.drain(listeners.min(files.len())..);
        let (routes, udp, tcp) = (own.next()?, own.next()?, own.next()?);
        Some(Self { routes, udp, tcp, walls: own.next().map_or(Walls::Impossible, Walls::ToRaise) })
    }
}

/// Whose environment is to be connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    Process,
    Machine,
}

/// One environment's connection. Dropping it, after the environment's end, gives back what it took.
#[derive(Debug)]
pub(super) enum Attachment {
    Ground { _connection: ground::Connection },
    Helper { _connection: helper::Connection },
}

/// All that a server's environments are connected by; made when the first one needs it.
#[derive(Debug)]
pub struct Networks {
    clock: Arc<dyn Clock>,
    declared: Arc<Declared>,
    /// None: there are virtual machines alone, which take root.
    tether: Option<Tether>,
    open: Mutex<State>,
    names: Mutex<Option<Arc<Names>>>,
    surveys: Mutex<HashMap<Grant, Survey>>,
}

/// What was found, and when.
#[derive(Debug)]
struct Survey {
    at: Tick,
    found: Result<Tools, String>,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Closed,
    Open(Arc<Ground>),
    /// It could not be opened; who does not insist goes without from then on.
    Failed,
}

impl Networks {
    /// Removes what servers that ended left behind.
    pub(super) fn new(clock: Arc<dyn Clock>, declared: Arc<Declared>, launcher: &LauncherProgram) -> Self {
        let tether = Tether { program: launcher.program.clone(), arguments: launcher.arguments.clone() };
        Self { tether: Some(tether), ..Self::of_machines(clock, declared) }
    }

    /// For virtual machines alone; where there are processes too, both have one: [`super::ProcessDriver::networks`].
    pub fn of_machines(clock: Arc<dyn Clock>, declared: Arc<Declared>) -> Self {
        if survey::is_root()
            && let Ok(program) = survey::of_root()
            && let Err(error) = Socket::route().and_then(|socket| claim::collect(&socket, &program))
        {
            tracing::warn!(%error, "what an earlier server left of its network stays behind");
        }
        Self {
            clock,
            declared,
            tether: None,
            open: Mutex::default(),
            names: Mutex::default(),
            surveys: Mutex::default(),
        }
    }

    /// Whether this machine can give a function what it insists on reaching.
    ///
    /// # Errors
    /// What is not there, and what to do about it.
    pub(crate) fn check(&self, network: &Network, whose: Whose) -> Result<(), String> {
        match self.grant(network).map_err(|error| error.to_string())? {
            Some(grant @ (Grant::Internet | Grant::Named(_))) => match self.lacking(grant, whose) {
                Some(help) => Err(NoNetwork::Lacking(help).to_string()),
                None => Ok(()),
            },
            Some(Grant::InternetIfPossible) | None => Ok(()),
        }
    }

    /// What an environment that is started now is to be connected to: what its function insists on, or what can be.
    pub(crate) fn granted(&self, network: &Network, whose: Whose) -> Result<Option<Grant>, UnknownNetwork> {
        Ok(self.grant(network)?.filter(|&grant| {
            grant != Grant::InternetIfPossible || self.lacking(Grant::InternetIfPossible, whose).is_none()
        }))
    }

    /// What a function's environments are to be connected to; nothing for [`Network::None`].
    fn grant(&self, network: &Network) -> Result<Option<Grant>, UnknownNetwork> {
        let named = self.declared.of(network)?;
        let number = named.and_then(|named| self.declared.0.iter().position(|one| one.name == named.name));
        Ok(match network {
            Network::None => None,
            Network::Internet => Some(Grant::Internet),
            Network::InternetIfPossible => Some(Grant::InternetIfPossible),
            Network::Named(_) | Network::Vpc(_) => number.map(Grant::Named),
        })
    }

    /// What this machine lacks to give it; remembered for [`limits::NETWORK_SURVEY`].
    fn lacking(&self, grant: Grant, whose: Whose) -> Option<String> {
        match (self.survey(grant), whose) {
            (Err(help), _) => Some(help),
            (Ok(Tools::Root(_) | Tools::Helper(_)), Whose::Process) => None,
            (Ok(tools), Whose::Machine) => wire::lacking(&tools),
        }
    }

    fn survey(&self, grant: Grant) -> Result<Tools, String> {
        let now = self.clock.tick();
        let mut surveys = self.surveys.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = surveys.get(&grant)
            && now.since(known.at) < limits::NETWORK_SURVEY
        {
            return known.found.clone();
        }
        let found = survey::fit(match grant {
            Grant::Internet | Grant::InternetIfPossible => Wanted::Internet,
            Grant::Named(number) => match self.declared.0.get(number) {
                Some(network) => Wanted::Named(network),
                None => return Err("the network is not declared".into()),
            },
        });
        surveys.insert(grant, Survey { at: now, found: found.clone() });
        found
    }

    /// Connects a namespace; none: it does without, since it does not insist. Blocks for a moment.
    pub(super) fn attach(
        &self,
        grant: Grant,
        namespace: Namespace<'_>,
        inside: Inside,
    ) -> Result<Option<Attachment>, NoNetwork> {
        match grant {
            Grant::Internet | Grant::Named(_) => self.connect(grant, namespace, inside).map(Some),
            Grant::InternetIfPossible if matches!(&*self.state(), State::Failed) => Ok(None),
            Grant::InternetIfPossible => match self.connect(grant, namespace, inside) {
                Err(NoNetwork::Lacking(_)) => Ok(None),
                Err(error @ NoNetwork::Machine { .. }) if matches!(&*self.state(), State::Failed) => {
                    tracing::warn!(%error, "functions that may have the internet run without");
                    Ok(None)
                }
                attached => attached.map(Some),
            },
        }
    }

    fn connect(
        &self,
        grant: Grant,
        namespace: Namespace<'_>,
        inside: Inside,
    ) -> Result<Attachment, NoNetwork> {
        match self.survey(grant).map_err(NoNetwork::Lacking)? {
            Tools::Root(program) => {
                let ground = self.opened(program)?;
                Ground::attach(&ground, grant, namespace, inside)
                    .map(|_connection| Attachment::Ground { _connection })
            }
            Tools::Helper(program) => {
                let (Some(tether), Namespace::Process(pid)) = (&self.tether, namespace) else {
                    return Err(NoNetwork::Lacking(wire::NOT_ROOT.into()));
                };
                let own = Socket::route().and_then(|socket| links::own(&socket));
                let own: Vec<Range> = own
                    .map_err(failed("ask the kernel for this machine's addresses"))?
                    .into_iter()
                    .map(Range::one)
                    .collect();
                let network = self.named(grant);
                let policy =
                    network.map_or_else(|| Policy::internet(&own), |network| Policy::named(network, &own));
                let names = self.names()?;
                let askers = Askers::One(network.and_then(ground::dns));
                let connected =
                    helper::attach(&program, tether, &policy, (&names, askers), (pid, inside), &*self.clock);
                if connected.is_err() && grant == Grant::InternetIfPossible {
                    // The next one would do no better.
                    *self.state() = State::Failed;
                }
                connected.map(|_connection| Attachment::Helper { _connection })
            }
        }
    }

    fn named(&self, grant: Grant) -> Option<&NamedNetwork> {
        match grant {
            Grant::Internet | Grant::InternetIfPossible => None,
            Grant::Named(number) => self.declared.0.get(number),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn names(&self) -> Result<Arc<Names>, NoNetwork> {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(names) = &*names {
            return Ok(Arc::clone(names));
        }
        let started = Names::start(resolvers::FILE.into(), Arc::clone(&self.clock))
            .map_err(failed("start what resolves names for environments"))?;
        Ok(Arc::clone(names.insert(Arc::new(started))))
    }

    fn opened(&self, program: std::path::PathBuf) -> Result<Arc<Ground>, NoNetwork> {
        let names = self.names()?;
        let mut state = self.state();
        if let State::Open(ground) = &*state {
            return Ok(Arc::clone(ground));
        }
        let opened = Ground::open(program, Arc::clone(&self.declared), names).map(Arc::new);
        *state = match &opened {
            Ok(ground) => State::Open(Arc::clone(ground)),
            Err(NoNetwork::Lacking(_) | NoNetwork::Full | NoNetwork::NoAddress { .. }) => State::Closed,
            Err(NoNetwork::Machine { .. }) => State::Failed,
        };
        opened
    }
}
