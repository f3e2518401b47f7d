//! Statuses: each new peer's at once, then every ten seconds in one direction or the other, so that a node
//! that slept or missed an announcement notices that it is behind.

use super::Hub;
use crate::driver::RequestId;
use crate::peers::Penalty;
use crate::wire::{Question, Status};
use libp2p::PeerId;
use starling_primitives::GenesisId;
use std::collections::BTreeMap;
use std::time::Duration;

/// Pause between two statuses of a peer.
const REFRESH: Duration = Duration::from_secs(10);
/// The same when there is a hint that it is out of date.
const SOON: Duration = Duration::from_secs(1);

/// When whose status is asked.
#[derive(Debug)]
pub(crate) struct Greetings {
    genesis: GenesisId,
    due: BTreeMap<PeerId, Duration>,
    open: BTreeMap<RequestId, PeerId>,
}

impl Greetings {
    pub(crate) fn new(genesis: GenesisId) -> Self {
        Self { genesis, due: BTreeMap::new(), open: BTreeMap::new() }
    }

    /// A peer has come.
    pub(crate) fn meet(&mut self, peer: PeerId, now: Duration) {
        self.due.insert(peer, now);
    }

    /// The peer has moved on since its last status.
    pub(crate) fn soon(&mut self, peer: &PeerId, now: Duration) {
        if let Some(due) = self.due.get_mut(peer) {
            *due = (*due).min(now + SOON);
        }
    }

    /// Asks those whose time has come.
    pub(crate) fn step(&mut self, hub: &mut Hub, ours: Status) {
        let now = hub.now;
        for (peer, due) in self.due.iter_mut().filter(|(_, due)| **due <= now) {
            if let Some(id) = hub.ask(peer, &Question::Status(ours)) {
                self.open.insert(id, *peer);
                *due = now + REFRESH;
            }
        }
    }

    /// An answer, or none: whose it is.
    pub(crate) fn answered(&mut self, id: RequestId) -> Option<PeerId> {
        self.open.remove(&id)
    }

    /// A peer said where it stands; `ours` is where we do.
    pub(crate) fn heard(&mut self, peer: PeerId, status: Status, ours: &Status, hub: &mut Hub) {
        if status.genesis != self.genesis {
            let reason = format!("is on another chain: its genesis is {}", status.genesis);
            hub.book.remove(&peer);
            return hub.penalise(&peer, Penalty::Ban, &reason);
        }
        hub.peers.set_status(&peer, status, ours, hub.now);
        self.due.insert(peer, hub.now + REFRESH);
    }

    /// The peer is gone.
    pub(crate) fn gone(&mut self, peer: &PeerId) {
        self.due.remove(peer);
        self.open.retain(|_, asked| asked != peer);
    }
}
