//! Who makes room when too many have come (network design: Peers; the order is Bitcoin Core's).
//!
//! Whoever opens connections by the hundred must not push honest peers out. So those are spared that an
//! attacker can hardly imitate: the near, those that told of blocks and transactions first, the old, and some
//! of each network. Of the rest, the youngest of the most crowded network goes.

use super::{Peers, Slot};
use crate::addresses::Group;
use libp2p::PeerId;
use starling_primitives::sha256;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

/// Places for those who came to us.
pub(super) const INBOUND: usize = 40;
/// Further places for those who are far behind.
pub(super) const NEWCOMERS: usize = 8;
/// How far a newcomer is behind, blocks.
const FAR_BEHIND: u32 = 144;
/// A peer that has not said where it stands counts as any other after this.
const UNDECIDED_FOR: Duration = Duration::from_secs(10);
/// Peers spared for their networks, for being near, for their transactions, for their blocks.
const SPARED_NETWORKS: usize = 4;
const SPARED_NEAR: usize = 8;
const SPARED_TXS: usize = 4;
const SPARED_BLOCKS: usize = 4;

#[derive(Clone, Debug)]
struct Guest {
    id: PeerId,
    group: Group,
    since: Duration,
    latency: Option<Duration>,
    last_tx: Option<Duration>,
    last_block: Option<Duration>,
}

impl Peers {
    /// One of those who came to us said where it stands.
    pub(crate) fn place_guest(&mut self, id: &PeerId, our_height: u32) {
        let Some(peer) = self.get(id).filter(|peer| peer.slot.is_inbound()) else { return };
        let behind = peer.status.is_some_and(|it| it.height.saturating_add(FAR_BEHIND) < our_height);
        let slot = match peer.slot {
            Slot::Newcomer if behind => Slot::Newcomer,
            _ if behind && self.count(Slot::Newcomer) < NEWCOMERS => Slot::Newcomer,
            _ => Slot::Inbound,
        };
        self.set_slot(id, slot);
    }

    /// Who of those that came to us has to go, if there are too many. `just_came` stays if anybody else can
    /// go.
    pub(crate) fn crowded_out(
        &self,
        secret: u64,
        just_came: Option<PeerId>,
        now: Duration,
    ) -> Option<PeerId> {
        let is_guest = |slot: Slot| slot.is_inbound();
        let guests = self.iter().filter(|(_, peer)| is_guest(peer.slot)).count();
        let decided = |peer: &super::Peer| {
            peer.slot == Slot::Inbound && (peer.status.is_some() || now >= peer.since + UNDECIDED_FOR)
        };
        let regular = self.iter().filter(|(_, peer)| decided(peer)).count();
        if guests <= INBOUND + NEWCOMERS && regular <= INBOUND {
            return None;
        }
        let others = self.iter().filter(|(id, peer)| peer.slot == Slot::Inbound && Some(**id) != just_came);
        let guest = |(id, peer): (&PeerId, &super::Peer)| Guest {
            id: *id,
            group: peer.group,
            since: peer.since,
            latency: peer.latency,
            last_tx: peer.last_tx,
            last_block: peer.last_block,
        };
        let chosen = choose(others.map(guest).collect(), secret);
        chosen.or(just_came)
    }
}

/// Of these, the one that can best be spared.
fn choose(mut guests: Vec<Guest>, secret: u64) -> Option<PeerId> {
    let keyed = |group: &Group| sha256(format!("{secret}{group}").as_bytes());
    spare(&mut guests, SPARED_NETWORKS, |guest| Reverse(keyed(&guest.group)));
    spare(&mut guests, SPARED_NEAR, |guest| guest.latency.unwrap_or(Duration::MAX));
    spare(&mut guests, SPARED_TXS, |guest| Reverse(guest.last_tx));
    spare(&mut guests, SPARED_BLOCKS, |guest| Reverse(guest.last_block));
    let half = guests.len() / 2;
    spare(&mut guests, half, |guest| guest.since);
    let mut crowds: BTreeMap<String, Vec<&Guest>> = BTreeMap::new();
    for guest in &guests {
        crowds.entry(guest.group.to_string()).or_default().push(guest);
    }
    let youngest = |crowd: &[&Guest]| crowd.iter().map(|guest| guest.since).max();
    let crowd = crowds.values().max_by_key(|crowd| (crowd.len(), youngest(crowd)))?;
    crowd.iter().max_by_key(|guest| guest.since).map(|guest| guest.id)
}

/// Takes the first `count` in the order of `key` off the list.
fn spare<K: Ord>(guests: &mut Vec<Guest>, count: usize, key: impl Fn(&Guest) -> K) {
    guests.sort_by_cached_key(|guest| (key(guest), guest.id));
    guests.drain(..count.min(guests.len()));
}

#[cfg(test)]
mod tests;
