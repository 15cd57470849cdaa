//! Which of the machine's servers has which piece of the addresses.
//!
//! A server holds a piece by a socket with the piece's name (`unix(7)`, "Abstract sockets"): such names belong to a
//! network namespace, as the addresses do, and are free again when their holder has ended, however it ended. What the
//! holder had made is then still there; the next server removes it.

use std::{
    io,
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixDatagram},
    },
    path::Path,
};

use super::{
    addresses::{PIECES, Piece},
    links,
    netlink::Socket,
    rules,
};

/// A piece, for as long as this lives.
#[derive(Debug)]
pub(super) struct Claim {
    pub(super) piece: Piece,
    _held: UnixDatagram,
}

/// None: another server has it.
fn hold(piece: Piece) -> io::Result<Option<Claim>> {
    let name = SocketAddr::from_abstract_name(format!("sonagi-network-{}", piece.0))?;
    match UnixDatagram::bind_addr(&name) {
        Ok(held) => Ok(Some(Claim { piece, _held: held })),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Ok(None),
        Err(error) => Err(error),
    }
}

/// A piece that nobody has, and whose addresses nobody on this machine uses.
pub(super) fn take(socket: &Socket) -> io::Result<Option<Claim>> {
    let used = links::ranges(socket)?;
    for piece in (0..PIECES).map(Piece) {
        if used.iter().any(|&(address, prefix)| piece.overlaps(address, prefix)) {
            continue;
        }
        if let Some(claim) = hold(piece)? {
            return Ok(Some(claim));
        }
    }
    Ok(None)
}

/// Removes what servers that have ended left behind.
pub(super) fn collect(socket: &Socket, program: &Path) -> io::Result<()> {
    let bridges = links::names(socket)?;
    for piece in (0..PIECES).map(Piece).filter(|piece| bridges.contains(&rules::bridge(*piece))) {
        if let Some(claim) = hold(piece)? {
            remove(socket, program, claim.piece)?;
        }
    }
    Ok(())
}

/// The rules first: what is left without them must not be left connected, and a bridge that is there tells that there
/// is something to remove.
pub(super) fn remove(socket: &Socket, program: &Path, piece: Piece) -> io::Result<()> {
    links::set_down(socket, &rules::bridge(piece))?;
    rules::load(program, &rules::forgotten(piece))?;
    links::remove(socket, &rules::bridge(piece))
}
