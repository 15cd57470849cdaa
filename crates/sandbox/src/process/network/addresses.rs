//! Which addresses a server's environments have.
//!
//! The benchmark range (RFC 2544, 198.18.0.0/15) is routed by nobody, so that it can be in the way of nothing that a
//! function wants to reach. Each server of a machine takes one piece of it.

use std::{collections::VecDeque, net::Ipv4Addr};

use sonagi_model::{limits, network::Addresses};

/// 198.18.0.0/15.
const RANGE: u32 = 0xc612_0000;
/// Bits of a piece: 2,048 addresses.
const PREFIX: u8 = 21;
/// All pieces but the last, which holds the resolver's address.
pub(super) const PIECES: u8 = 63;
/// The resolver, as every environment sees it: the same everywhere, since all environments share one `/etc`.
pub(super) use crate::launcher::RESOLVER;

/// One server's piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece(pub(super) u8);

impl Piece {
    fn first(self) -> u32 {
        RANGE + (u32::from(self.0) << (32 - PREFIX))
    }

    /// `198.18.0.0/21`
    pub(super) fn text(self) -> String {
        format!("{}/{PREFIX}", Ipv4Addr::from(self.first()))
    }

    pub(super) const fn prefix(self) -> u8 {
        PREFIX
    }

    /// The machine, as environments see it.
    pub(super) fn gateway(self) -> Ipv4Addr {
        Ipv4Addr::from(self.first() + 1)
    }

    pub(super) fn address(self, place: Place) -> Ipv4Addr {
        Ipv4Addr::from(self.first() + 2 + u32::from(place.0))
    }

    /// Whether a range of addresses has something in common with it. What is nearly everything, such as a default
    /// route, has not.
    pub(super) fn overlaps(self, address: Ipv4Addr, prefix: u8) -> bool {
        const NEARLY_EVERYTHING: u8 = 7;
        let bits = prefix.min(PREFIX);
        prefix > NEARLY_EVERYTHING && (u32::from(address) ^ self.first()) >> (32 - u32::from(bits)) == 0
    }
}

/// The hardware address that belongs to an address: of those that anybody may give out.
pub(super) fn hardware(address: Ipv4Addr) -> [u8; 6] {
    let [a, b, c, d] = address.octets();
    [0x02, 0, a, b, c, d]
}

/// An environment's number among its server's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place(pub(super) u16);

/// The places that nobody has.
#[derive(Debug)]
pub(super) struct Places {
    free: VecDeque<Place>,
}

impl Default for Places {
    fn default() -> Self {
        Self { free: (0..limits::NETWORK_ENVIRONMENTS).map(Place).collect() }
    }
}

impl Places {
    /// The one that has been free for longest: whatever the kernel still keeps of who had it before is gone soonest.
    pub(super) fn take(&mut self) -> Option<Place> {
        self.free.pop_front()
    }

    pub(super) fn give_back(&mut self, place: Place) {
        self.free.push_back(place);
    }
}

/// The addresses of an operator's that nobody has, each with its number in the row.
#[derive(Debug)]
pub(super) struct Row {
    free: VecDeque<(usize, Ipv4Addr)>,
}

impl Row {
    pub(super) fn of(addresses: Addresses) -> Self {
        Self { free: addresses.iter().take(limits::NETWORK_ADDRESSES).enumerate().collect() }
    }

    /// The one that has been free for longest.
    pub(super) fn take(&mut self) -> Option<(usize, Ipv4Addr)> {
        self.free.pop_front()
    }

    pub(super) fn give_back(&mut self, seat: (usize, Ipv4Addr)) {
        self.free.push_back(seat);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_environment_of_every_server_has_an_address_of_its_own() {
        let mut all: Vec<Ipv4Addr> = Vec::new();
        for piece in (0..PIECES).map(Piece) {
            all.push(piece.gateway());
            let mut places = Places::default();
            while let Some(place) = places.take() {
                let address = piece.address(place);
                assert!(piece.overlaps(address, 32));
                all.push(address);
            }
        }
        assert_eq!(all.len(), usize::from(PIECES) * (1 + usize::from(limits::NETWORK_ENVIRONMENTS)));
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
        assert!(!all.contains(&RESOLVER));
        assert!((0..PIECES).all(|piece| !Piece(piece).overlaps(RESOLVER, 32)));
        let range = |address: &Ipv4Addr| address.octets()[0] == 198 && matches!(address.octets()[1], 18 | 19);
        assert!(all.iter().all(range));
    }

    #[test]
    fn only_so_many_environments_have_an_address_at_once() {
        let mut places = Places::default();
        let taken: Vec<Place> = std::iter::from_fn(|| places.take()).collect();
        assert_eq!(taken.len(), usize::from(limits::NETWORK_ENVIRONMENTS));
        places.give_back(taken[3]);
        places.give_back(taken[1]);
        assert_eq!(places.take(), Some(taken[3]));
    }

    #[test]
    fn an_operators_addresses_are_handed_out_once_each() {
        let addresses =
            |last: [u8; 4]| Addresses { first: [10, 20, 0, 50].into(), last: last.into(), prefix: 16 };
        let mut row = Row::of(addresses([10, 20, 0, 52]));
        let taken: Vec<_> = std::iter::from_fn(|| row.take()).collect();
        assert_eq!(taken.len(), 3);
        assert_eq!(taken[2], (2, Ipv4Addr::new(10, 20, 0, 52)));
        row.give_back(taken[1]);
        assert_eq!(row.take(), Some(taken[1]));
        let mut large = Row::of(addresses([10, 20, 200, 0]));
        assert_eq!(std::iter::from_fn(|| large.take()).count(), limits::NETWORK_ADDRESSES);
    }

    #[test]
    fn a_piece_that_somebody_uses_is_seen() {
        let piece = Piece(1);
        assert_eq!(piece.text(), "198.18.8.0/21");
        assert!(piece.overlaps(Ipv4Addr::new(198, 18, 0, 0), 15));
        assert!(piece.overlaps(Ipv4Addr::new(198, 18, 15, 255), 32));
        assert!(!piece.overlaps(Ipv4Addr::new(198, 18, 16, 0), 24));
        assert!(!piece.overlaps(Ipv4Addr::new(198, 18, 0, 0), 21));
        assert!(!piece.overlaps(Ipv4Addr::UNSPECIFIED, 0));
    }
}
