//! Who brings anything by gossip.
//!
//! A peer that takes part in the mesh and passes nothing on keeps a good standing in gossip, for nothing it
//! sent was wrong (CVE-2022-47547). What each peer brought is counted, copies included, and whoever brings
//! next to nothing while others bring much loses its place in the mesh. It is no fault: where two peers say
//! the same, one is always late. Only peers in the meshes of both topics are compared: one in the mesh of
//! blocks alone brings next to nothing beside those that bring payments.

use super::bans::Sums;
use super::score::Fading;
use super::{Peers, Slot};
use crate::driver::{Delivery, Topic};
use libp2p::PeerId;
use std::time::Duration;

/// How long a peer has to be in both meshes before it is judged.
const TRIAL: Duration = Duration::from_secs(300);
/// Messages that the middle one of the others must have brought.
const ENOUGH: f64 = 16.0;
/// Part of what the others bring below which a peer brings next to nothing, and above which it is believed
/// again.
const SILENT_BELOW: f64 = 0.02;
const HEARD_ABOVE: f64 = 0.05;
/// Peers of both meshes below which nobody can be compared.
const LEAST_PEERS: usize = 4;
/// What gossip is told of a silent peer: enough to leave the mesh, too little to be cut off.
const SILENT_SCORE: i8 = -5;
/// How long a peer of our choice may be silent.
pub(super) const SILENT_FOR: Duration = Duration::from_secs(20 * 60);
/// Messages over the budget within one report from which on it is no accident.
const FLOOD: u32 = 1_000;

/// What was brought by one peer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Brought {
    messages: Fading,
    in_mesh_since: Option<Duration>,
    /// Whether gossip brings it our blocks by itself, as of the last report.
    pub(super) in_block_mesh: bool,
    pub(super) silent_since: Option<Duration>,
    flooded: bool,
    /// It was found silent before it came; gossip does not know.
    untold: bool,
}

impl Brought {
    /// What is remembered of a peer that comes.
    pub(super) fn before(sums: &Sums, now: Duration) -> Self {
        let silent_since = sums.silent.then_some(now);
        let (messages, untold) = (sums.messages, sums.silent);
        Self { messages, in_mesh_since: None, in_block_mesh: false, silent_since, flooded: false, untold }
    }

    /// What is worth remembering: how much it brought, and whether that was next to nothing.
    pub(super) fn sum(&self) -> (Fading, bool) {
        (self.messages, self.silent_since.is_some())
    }
}

/// What follows from a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    /// Gossip is to hold this of the peer.
    Appraise(PeerId, i8),
    /// The peer sent more than it may.
    Over(PeerId),
    /// It does so on and on.
    Floods(PeerId),
}

impl Peers {
    /// Takes a report of what each peer brought lately.
    pub(crate) fn delivered(&mut self, list: &[(PeerId, Delivery)], now: Duration) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (id, delivery) in list {
            let Some(peer) = self.connected.get_mut(id) else { continue };
            let brought = &mut peer.brought;
            brought.messages.add_unbounded(f64::from(delivery.blocks) + f64::from(delivery.txs), now);
            let in_all = delivery.in_mesh == [true; Topic::ALL.len()];
            brought.in_mesh_since = if in_all { brought.in_mesh_since.or(Some(now)) } else { None };
            brought.in_block_mesh = delivery.in_mesh[Topic::Block as usize];
            if std::mem::take(&mut brought.untold) {
                findings.push(Finding::Appraise(*id, SILENT_SCORE));
            }
            let floods = delivery.over >= FLOOD;
            if delivery.over > 0 {
                // Once may be our own fault: what waited while we slept comes all at once.
                let twice = brought.flooded && floods;
                findings.push(if twice { Finding::Floods(*id) } else { Finding::Over(*id) });
            }
            brought.flooded = floods;
        }
        if !self.link_is_down(now) {
            self.look_for_silent(now, &mut findings);
        }
        findings
    }

    fn look_for_silent(&mut self, now: Duration, findings: &mut Vec<Finding>) {
        let on_trial = |brought: &Brought| brought.in_mesh_since.is_some_and(|since| now >= since + TRIAL);
        let of_all = self.connected.values().filter(|peer| on_trial(&peer.brought));
        let mut of_all: Vec<f64> = of_all.map(|peer| peer.brought.messages.now(now)).collect();
        of_all.sort_by(f64::total_cmp);
        let middle = of_all.get(of_all.len() / 2).copied().unwrap_or(0.0);
        let comparable = of_all.len() >= LEAST_PEERS && middle >= ENOUGH;
        for (id, peer) in &mut self.connected {
            let messages = peer.brought.messages.now(now);
            let brought = &mut peer.brought;
            let still_syncing = peer.slot == Slot::Newcomer || peer.behind_since.is_some();
            let again = brought.silent_since.is_some_and(|since| now >= since + SILENT_FOR);
            if again && peer.slot != Slot::Full {
                // Outside the mesh it could never show that it has changed.
                (brought.silent_since, brought.in_mesh_since) = (None, None);
                findings.push(Finding::Appraise(*id, 0));
            } else if comparable && !still_syncing && on_trial(brought) && messages < SILENT_BELOW * middle {
                if brought.silent_since.is_none() {
                    brought.silent_since = Some(now);
                    findings.push(Finding::Appraise(*id, SILENT_SCORE));
                }
            } else if comparable && brought.silent_since.is_some() && messages >= HEARD_ABOVE * middle {
                brought.silent_since = None;
                findings.push(Finding::Appraise(*id, 0));
            }
        }
    }

    /// How long a peer of our choice has been silent.
    pub(super) fn silent_for(peer: &super::Peer, now: Duration) -> Duration {
        let since = peer.brought.silent_since.filter(|_| peer.slot == Slot::Full);
        since.map_or(Duration::ZERO, |since| now.saturating_sub(since))
    }
}

#[cfg(test)]
mod tests;
