//! What environments are connected by where the server is root: a bridge of its own, the operator's bridges, and rules.

use std::{
    io,
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use sonagi_model::network::{Addresses, NamedNetwork, Networks, Way};

use super::{
    Grant, Inside, NoNetwork, Walls,
    addresses::{Piece, Place, Places, RESOLVER, Row},
    claim::{self, Claim},
    dns::{Askers, Names, Serving},
    failed,
    links::{self, Namespace, Owner, Port},
    netlink::Socket,
    policy::Policy,
    rules::{self, Element, Member, Membership, Resolving},
    wall,
};

/// The bridge, its rules and its resolver. Dropping it removes them.
#[derive(Debug)]
pub(super) struct Ground {
    claim: Claim,
    program: PathBuf,
    bridge: u32,
    declared: Arc<Networks>,
    places: Mutex<Places>,
    /// For each declared network; empty but for those with addresses of their own.
    rows: Vec<Mutex<Row>>,
    names: Arc<Names>,
    /// Taken away before the bridge's address is.
    serving: Option<Serving>,
}

impl Ground {
    pub(super) fn open(
        program: PathBuf,
        declared: Arc<Networks>,
        names: Arc<Names>,
    ) -> Result<Self, NoNetwork> {
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
        let row = |network: &NamedNetwork| match &network.way {
            Way::Translated { .. } => Mutex::new(Row::of(NOBODYS)),
            Way::Bridge { addresses, .. } => Mutex::new(Row::of(*addresses)),
        };
        let rows = declared.0.iter().map(row).collect();
        let mut ground =
            Self { claim, program, bridge, declared, places: Mutex::default(), rows, names, serving: None };
        let resolving = ground.listen().map_err(failed("listen for the questions of environments"))?;
        rules::load(&ground.program, &rules::text(piece, resolving, &ground.declared))
            .map_err(failed("load the rules for environments' packets"))?;
        // Last: nothing is passed on before the rules are in force. These are settings of our own interface only.
        set(&name, "ipv4", "forwarding", "1").map_err(failed("have the bridge forward"))?;
        set(&name, "ipv4", "send_redirects", "0").map_err(failed("set up the bridge"))?;
        // Absent where the kernel has no IPv6.
        let _ = set(&name, "ipv6", "disable_ipv6", "1");
        Ok(ground)
    }

    fn listen(&mut self) -> io::Result<Resolving> {
        let gateway = self.piece().gateway();
        let udp = std::net::UdpSocket::bind((gateway, 0))?;
        let tcp = std::net::TcpListener::bind((gateway, 0))?;
        let resolving = Resolving { udp: udp.local_addr()?.port(), tcp: tcp.local_addr()?.port() };
        self.serving = Some(self.names.serve(udp, tcp, Askers::Addresses)?);
        Ok(resolving)
    }

    /// Connects a namespace.
    pub(super) fn attach(
        this: &Arc<Self>,
        grant: Grant,
        namespace: Namespace<'_>,
        inside: Inside,
    ) -> Result<Connection, NoNetwork> {
        let named = match grant {
            Grant::Internet | Grant::InternetIfPossible => None,
            Grant::Named(number) => this.declared.0.get(number).map(|network| (number, network)),
        };
        match named {
            Some((number, network)) => match &network.way {
                Way::Translated { .. } => this.attach_here(Some((number, network)), namespace, inside),
                Way::Bridge { bridge, addresses, gateway } => {
                    let there = There { number, network, bridge, addresses: *addresses, gateway: *gateway };
                    this.attach_there(&there, namespace, inside)
                }
            },
            None => this.attach_here(None, namespace, inside),
        }
    }

    /// To our own bridge.
    fn attach_here(
        self: &Arc<Self>,
        named: Option<(usize, &NamedNetwork)>,
        namespace: Namespace<'_>,
        inside: Inside,
    ) -> Result<Connection, NoNetwork> {
        let place = self.places.lock().unwrap_or_else(PoisonError::into_inner).take();
        let place = place.ok_or(NoNetwork::Full)?;
        let mut connection = Connection::new(self, Seat::Here(place));
        let piece = self.piece();
        let address = piece.address(place);
        let name = rules::port(piece, place);
        let port =
            make_port(&Port { name: &name, bridge: self.bridge, address, owner: Owner::Server, namespace })?;
        let mut elements = vec![Element::member(Member { port, address })];
        if let Some((number, network)) = named {
            elements.push(Element::of_network(number, address));
            self.names.direct(address, dns(network));
        }
        connection.enter(elements)?;
        let routes =
            Socket::over(inside.routes).map_err(failed("ask the kernel about an environment's network"))?;
        links::set_up_inside(&routes, address, piece.gateway())
            .map_err(failed("give an environment its address"))?;
        Ok(connection)
    }

    /// To a bridge of the operator's.
    fn attach_there(
        self: &Arc<Self>,
        there: &There<'_>,
        namespace: Namespace<'_>,
        inside: Inside,
    ) -> Result<Connection, NoNetwork> {
        let There { number, network, bridge, addresses, gateway } = *there;
        let row = self.rows.get(number).ok_or(NoNetwork::Full)?;
        let seat = row.lock().unwrap_or_else(PoisonError::into_inner).take();
        let full = || NoNetwork::NoAddress { network: network.name.to_string(), count: addresses.count() };
        let (index, address) = seat.ok_or_else(full)?;
        let mut connection = Connection::new(self, Seat::There(number, (index, address)));
        let route = Socket::route().map_err(failed("ask the kernel about the network"))?;
        let found = links::index(&route, bridge).map_err(failed("look for a network's bridge"))?;
        let found = found.ok_or_else(|| NoNetwork::Lacking(super::survey::no_bridge(bridge)))?;
        // Before it is connected: from then on packets come.
        match inside.walls {
            Walls::ToRaise(filter) => Socket::over(filter)
                .and_then(|filter| wall::raise(&filter, &Policy::named(network, &[])))
                .map_err(failed("load the rules of an environment's network"))?,
            Walls::Raised => {}
            Walls::Impossible => return Err(NoNetwork::Lacking(super::survey::NO_FILTER.into())),
        }
        let name = rules::other_port(self.piece(), number, index);
        let port =
            make_port(&Port { name: &name, bridge: found, address, owner: Owner::Operator, namespace })?;
        connection.enter(vec![
            Element::member(Member { port, address }),
            Element::of_network(number, address),
            Element::of_bridge(number, address),
        ])?;
        let routes =
            Socket::over(inside.routes).map_err(failed("ask the kernel about an environment's network"))?;
        links::set_up_among_others(&routes, (address, addresses.prefix), gateway, RESOLVER)
            .map_err(failed("give an environment its address"))?;
        let serving = self.names.serve(inside.udp.into(), inside.tcp.into(), Askers::One(dns(network)));
        connection.serving = Some(serving.map_err(failed("listen for an environment's questions"))?);
        Ok(connection)
    }

    fn piece(&self) -> Piece {
        self.claim.piece
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        drop(self.serving.take());
        let removed = Socket::route().and_then(|socket| claim::remove(&socket, &self.program, self.piece()));
        if let Err(error) = removed {
            tracing::warn!(%error, "the bridge of environments stays behind; the next server removes it");
        }
    }
}

/// Of a network without addresses of its own: none is taken from it.
const NOBODYS: Addresses =
    Addresses { first: Ipv4Addr::UNSPECIFIED, last: Ipv4Addr::UNSPECIFIED, prefix: 32 };

/// A network that has a bridge of its own.
#[derive(Debug, Clone, Copy)]
struct There<'a> {
    number: usize,
    network: &'a NamedNetwork,
    bridge: &'a str,
    addresses: Addresses,
    gateway: Option<Ipv4Addr>,
}

fn make_port(port: &Port<'_>) -> Result<u32, NoNetwork> {
    let route = Socket::route().map_err(failed("ask the kernel about the network"))?;
    let made = match links::make_port(&route, port) {
        // Of an environment that has ended, and that the kernel has not cleared away yet.
        Err(error) if error.raw_os_error() == Some(libc::EEXIST) => {
            links::remove(&route, port.name).and_then(|()| links::make_port(&route, port))
        }
        made => made,
    };
    made.map_err(failed("connect an environment to the bridge"))
}

/// Whom a network's names are asked of, if not of whom the machine asks.
pub(super) fn dns(network: &NamedNetwork) -> Option<Arc<[IpAddr]>> {
    (!network.dns.is_empty()).then(|| network.dns.clone().into())
}

/// A setting of one interface.
fn set(interface: &str, family: &str, name: &str, value: &str) -> io::Result<()> {
    std::fs::write(format!("/proc/sys/net/{family}/conf/{interface}/{name}"), value)
}

#[derive(Debug, Clone, Copy)]
enum Seat {
    Here(Place),
    /// In which network's row.
    There(usize, (usize, Ipv4Addr)),
}

/// One environment's connection. Dropping it, after the environment's end, frees its address.
#[derive(Debug)]
pub(in crate::process) struct Connection {
    ground: Arc<Ground>,
    seat: Seat,
    /// What the rules know of it.
    elements: Vec<Element>,
    serving: Option<Serving>,
}

impl Connection {
    fn new(ground: &Arc<Ground>, seat: Seat) -> Self {
        Self { ground: Arc::clone(ground), seat, elements: Vec::new(), serving: None }
    }

    /// Tells the rules about it.
    fn enter(&mut self, elements: Vec<Element>) -> Result<(), NoNetwork> {
        let filter = Socket::filter().map_err(failed("ask the kernel about packet filters"))?;
        rules::change(&filter, self.ground.piece(), &elements, Membership::Begins)
            .map_err(failed("tell the rules about an environment"))?;
        self.elements = elements;
        Ok(())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        drop(self.serving.take());
        let ground = &self.ground;
        if !self.elements.is_empty() {
            let gone = Socket::filter()
                .and_then(|filter| rules::change(&filter, ground.piece(), &self.elements, Membership::Ends));
            if let Err(error) = gone {
                tracing::warn!(%error, "the rules keep an environment that has ended");
            }
        }
        // The pair goes with the environment's namespace.
        match self.seat {
            Seat::Here(place) => {
                let address = ground.piece().address(place);
                ground.names.direct(address, None);
                let _ = Socket::route().and_then(|route| links::forget(&route, ground.bridge, address));
                ground.places.lock().unwrap_or_else(PoisonError::into_inner).give_back(place);
            }
            Seat::There(number, seat) => {
                // Sooner than that: it is the operator's bridge.
                let name = rules::other_port(ground.piece(), number, seat.0);
                let _ = Socket::route().and_then(|route| links::remove(&route, &name));
                if let Some(row) = ground.rows.get(number) {
                    row.lock().unwrap_or_else(PoisonError::into_inner).give_back(seat);
                }
            }
        }
    }
}
