//! How an address is dialled.

use libp2p::multiaddr::Protocol;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::{Multiaddr, PeerId};

/// A dial of these addresses, the first of which answers. Over TCP it leaves from a port of its own: with the
/// listening port reused, two nodes that dial each other at the same moment meet in one connection in which
/// both are the dialler, and it fails.
pub(super) fn dial_options(peer: Option<PeerId>, addresses: Vec<Multiaddr>) -> Option<DialOpts> {
    let is_tcp = |part: Protocol<'_>| matches!(part, Protocol::Tcp(_));
    let tcp = addresses.iter().any(|address| address.iter().any(is_tcp));
    if let Some(peer) = peer {
        let options = DialOpts::peer_id(peer).condition(PeerCondition::DisconnectedAndNotDialing);
        let options = options.addresses(addresses);
        return Some(if tcp { options.allocate_new_port().build() } else { options.build() });
    }
    let options = DialOpts::unknown_peer_id().address(addresses.into_iter().next()?);
    Some(if tcp { options.allocate_new_port().build() } else { options.build() })
}
