//! What peers bring by gossip: bounded and counted before gossip keeps anything of it.
//!
//! Every new message enters gossip's caches before it is judged, and stays there for minutes: a peer that
//! made up messages as fast as its line allows would fill the memory with them. So what is over a peer's
//! budget, or cannot be a message of this chain, is dropped here. And because gossip tells of each message
//! only once, here alone it is seen who brings anything at all.

use super::gossip::Gate;
use super::message::{Delivery, Topic};
use crate::limits::{Bucket, Quota};
use libp2p::PeerId;
use libp2p::gossipsub::RawMessage;
use std::collections::HashMap;
use std::time::Duration;

/// Of one peer.
#[derive(Debug, Default)]
struct Brought {
    budgets: [Bucket; Topic::ALL.len()],
    delivery: Delivery,
    /// It has left.
    gone: bool,
}

/// Of all connected peers, and of those that have just left.
#[derive(Debug)]
pub(super) struct Intake {
    gate: Gate,
    peers: HashMap<PeerId, Brought>,
    /// Peers that sent what no node sends, and what.
    foul: Vec<(PeerId, String)>,
}

impl Intake {
    /// Nothing came yet.
    pub(super) fn new(chain_id: u32) -> Self {
        Self { gate: Gate::new(chain_id), peers: HashMap::new(), foul: Vec::new() }
    }

    /// Leaves of a peer's messages what gossip may look at, so long after the beginning.
    pub(super) fn sift(&mut self, peer: PeerId, messages: &mut Vec<RawMessage>, now: Duration) {
        messages.retain(|message| self.admits(peer, message, now));
    }

    fn admits(&mut self, peer: PeerId, message: &RawMessage, now: Duration) -> bool {
        let topic = match self.gate.check(&message.topic, message.data.len()) {
            Ok(topic) => topic,
            Err(error) => {
                // Once a peer: the connection ends by it.
                if self.foul.iter().all(|(other, _)| *other != peer) {
                    self.foul.push((peer, error.to_string()));
                }
                return false;
            }
        };
        let brought = self.peers.entry(peer).or_default();
        brought.gone = false;
        let fits = brought.budgets[topic as usize].take(Quota::of_topic(topic), 1, now).is_ok();
        let counter = match topic {
            _ if !fits => &mut brought.delivery.over,
            Topic::Block => &mut brought.delivery.blocks,
            Topic::Tx => &mut brought.delivery.txs,
        };
        *counter = counter.saturating_add(1);
        fits
    }

    /// Peers that sent what no node sends, since it was last asked.
    pub(super) fn foul(&mut self) -> Vec<(PeerId, String)> {
        std::mem::take(&mut self.foul)
    }

    /// What a peer brought since it was last asked.
    pub(super) fn take(&mut self, peer: &PeerId) -> Delivery {
        self.peers.get_mut(peer).map(|brought| std::mem::take(&mut brought.delivery)).unwrap_or_default()
    }

    /// The last connection to a peer is gone. Its budget stays as long as something of it is in use, for a
    /// peer that comes again; what it brought is of no use any more.
    pub(super) fn gone(&mut self, peer: &PeerId, now: Duration) {
        if let Some(brought) = self.peers.get_mut(peer) {
            (brought.gone, brought.delivery) = (true, Delivery::default());
        }
        let in_use = |(topic, budget): (&Topic, &Bucket)| !budget.is_whole(Quota::of_topic(*topic), now);
        self.peers.retain(|_, brought| !brought.gone || Topic::ALL.iter().zip(&brought.budgets).any(in_use));
    }
}

#[cfg(test)]
mod tests;
