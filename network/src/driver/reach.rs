//! Whether others can reach us, and where: what listeners, routers, peers and tests say, put together.
//!
//! - What this machine listens on is told where the chain's rules allow it.
//! - What two peers of our choice, of different networks, see us at is worth a test (AutoNAT v2: another node
//!   dials back), and so is what the router says it forwards (`UPnP`). Nobody else's word is: a stranger who
//!   names addresses makes us tell of nothing.
//! - A test that succeeds is believed from one server: its dial arrived here, through whatever stands
//!   between, and the address is one that others agree on.
//! - A connection from outside is the best proof there is.

use super::vetted::ip_of;
use crate::addresses::{Group, Rules};
use crate::peers::without_peer;
use libp2p::core::transport::ListenerId;
use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};
use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

/// Peers whose view of us counts: the latest.
const MAX_VOICES: usize = 32;
/// Networks that have to agree on a chain for everybody.
const AGREEMENT: usize = 2;
/// Addresses that may be tested or told at a time.
const MAX_CANDIDATES: usize = 16;
/// After a test that failed, one more may succeed: the router may be slower than the first server.
const AGAIN_AFTER: Duration = Duration::from_secs(20);
const MAX_TESTS: u8 = 2;
/// Relays that hold a place for us.
pub(super) const MAX_RELAYS: usize = 2;
/// How long a test may be without a result, while there is somebody who could give one.
const NO_RESULT: Duration = Duration::from_secs(60);

/// Whether others can dial us.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reachability {
    /// None while it is not known.
    pub reachable: Option<bool>,
    /// Where they can; at relays, when they cannot directly.
    pub addresses: Vec<Multiaddr>,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Have somebody dial it.
    Test(Multiaddr),
    /// It is ours: say so.
    Tell(Multiaddr),
    /// It is no longer ours.
    Withdraw(Multiaddr),
}

/// What is known of an address that may be ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Candidate {
    /// Tests that were begun.
    tests: u8,
    /// Of them, those that failed.
    failed: u8,
    /// When the last test began, as far as anybody could make it; and when it failed.
    begun_at: Duration,
    failed_at: Duration,
    confirmed: bool,
}

/// All that is known of our addresses.
#[derive(Debug)]
pub(super) struct Reach {
    rules: Rules,
    local: PeerId,
    listening: Vec<Multiaddr>,
    /// Who sees us where, the latest last.
    voices: VecDeque<(Group, PeerId, IpAddr)>,
    mapped: Vec<Multiaddr>,
    relays: Vec<(ListenerId, Multiaddr)>,
    candidates: BTreeMap<Multiaddr, Candidate>,
    now: Duration,
}

impl Reach {
    /// Nothing is known yet.
    pub(super) fn new(rules: Rules, local: PeerId) -> Self {
        Self {
            rules,
            local,
            listening: Vec::new(),
            voices: VecDeque::new(),
            mapped: Vec::new(),
            relays: Vec::new(),
            candidates: BTreeMap::new(),
            now: Duration::ZERO,
        }
    }

    /// We listen there.
    pub(super) fn listens(&mut self, address: Multiaddr) -> Vec<Step> {
        let tell = self.rules.allow(&address).then(|| Step::Tell(address.clone()));
        if !self.listening.contains(&address) && self.listening.len() < MAX_CANDIDATES {
            self.listening.push(address);
        }
        let mut steps: Vec<Step> = tell.into_iter().collect();
        steps.extend(self.look());
        steps
    }

    /// We do not listen there any more.
    pub(super) fn ends(&mut self, address: &Multiaddr) -> Vec<Step> {
        self.listening.retain(|other| other != address);
        let mut steps = vec![Step::Withdraw(address.clone())];
        steps.extend(self.look());
        steps
    }

    /// A peer of our choice sees us there.
    pub(super) fn seen(&mut self, peer: PeerId, at: &Multiaddr, we_are: &Multiaddr) -> Vec<Step> {
        let Some(ip) = ip_of(we_are) else { return Vec::new() };
        let group = Group::of(at);
        let same = |voice: &(Group, PeerId, IpAddr)| {
            voice.1 == peer || (self.rules.public && voice.0 == group && voice.2.is_ipv4() == ip.is_ipv4())
        };
        self.voices.retain(|voice| !same(voice));
        self.voices.push_back((group, peer, ip));
        if self.voices.len() > MAX_VOICES {
            self.voices.pop_front();
        }
        self.look()
    }

    /// The router forwards it to us.
    pub(super) fn mapped(&mut self, address: Multiaddr) -> Vec<Step> {
        if !self.mapped.contains(&address) && self.mapped.len() < MAX_CANDIDATES {
            self.mapped.push(address);
        }
        self.look()
    }

    /// The router no longer does.
    pub(super) fn unmapped(&mut self, address: &Multiaddr) -> Vec<Step> {
        self.mapped.retain(|other| other != address);
        self.look()
    }

    /// A relay holds a place for us.
    pub(super) fn relayed(&mut self, place: ListenerId, address: Multiaddr) {
        let known = self.relays.iter().any(|(_, other)| *other == address);
        if !known && self.relays.len() < MAX_CANDIDATES {
            self.relays.push((place, address));
        }
    }

    /// The relay no longer does.
    pub(super) fn not_relayed(&mut self, place: ListenerId) {
        self.relays.retain(|(other, _)| *other != place);
    }

    /// Which addresses count.
    pub(super) fn rules(&self) -> Rules {
        self.rules
    }

    /// Somebody dialled an address for us.
    pub(super) fn tested(&mut self, address: &Multiaddr, works: bool) -> Vec<Step> {
        let (bare, now) = (without_peer(address), self.now);
        let Some(candidate) = self.candidates.get_mut(&bare) else { return Vec::new() };
        if works {
            candidate.confirmed = true;
            return vec![Step::Tell(bare)];
        }
        candidate.failed = candidate.failed.saturating_add(1).min(candidate.tests);
        candidate.failed_at = now;
        Vec::new()
    }

    /// A stranger came to our end of a connection.
    pub(super) fn came(&mut self, local: &Multiaddr, remote: &Multiaddr) -> Vec<Step> {
        let from_outside = self.rules.allow(remote);
        if !from_outside || self.is_confirmed(local) {
            return Vec::new();
        }
        // Behind a router that forwards, our end has an address that only this house knows.
        let is_ours = |address: &&Multiaddr| *address == local || self.agrees(address, local);
        let mut ours: Vec<Multiaddr> = self.candidates.keys().filter(is_ours).cloned().collect();
        if ours.len() > 1 {
            // At which of them it found us, only it knows.
            ours.retain(|address| address == local);
        }
        let mut steps = Vec::new();
        for address in ours {
            let candidate = self.candidates.entry(address.clone()).or_default();
            if !std::mem::replace(&mut candidate.confirmed, true) {
                steps.push(Step::Tell(address));
            }
        }
        steps
    }

    /// What is due by now, since the start; `helped` when a peer is here that tests addresses.
    pub(super) fn tick(&mut self, now: Duration, helped: bool) -> Vec<Step> {
        self.now = now;
        let mut steps = Vec::new();
        for (address, candidate) in &mut self.candidates {
            if !helped {
                candidate.begun_at = now;
            } else if candidate.failed < candidate.tests && now >= candidate.begun_at + NO_RESULT {
                // Whoever tested is gone, or keeps it to itself.
                candidate.failed += 1;
                candidate.failed_at = now;
            }
            let failed = candidate.tests > 0 && candidate.failed >= candidate.tests;
            let due = failed && now >= candidate.failed_at.saturating_add(AGAIN_AFTER);
            if due && candidate.tests < MAX_TESTS && !candidate.confirmed {
                candidate.tests += 1;
                candidate.begun_at = now;
                // Each address is tested once by the library: with our id at its end, it is another.
                steps.push(Step::Test(address.clone().with(Protocol::P2p(self.local))));
            }
        }
        steps
    }

    /// What is to be said of it.
    pub(super) fn answer(&self) -> Reachability {
        let confirmed = self.candidates.iter().filter(|(_, candidate)| candidate.confirmed);
        let confirmed: Vec<Multiaddr> = confirmed.map(|(address, _)| address.clone()).collect();
        if !confirmed.is_empty() {
            return Reachability { reachable: Some(true), addresses: confirmed };
        }
        let failed = |candidate: &Candidate| candidate.failed >= MAX_TESTS;
        let all_failed = !self.candidates.is_empty() && self.candidates.values().all(failed);
        let relays = self.relays.iter().map(|(_, address)| address.clone()).collect();
        Reachability { reachable: all_failed.then_some(false), addresses: relays }
    }

    /// Whether a relay is to hold a place for us.
    pub(super) fn wants_relay(&self) -> bool {
        self.answer().reachable == Some(false)
    }

    fn is_confirmed(&self, address: &Multiaddr) -> bool {
        self.candidates.get(address).is_some_and(|candidate| candidate.confirmed)
    }

    /// Whether the candidate is a listener of ours as others see it.
    fn agrees(&self, candidate: &Multiaddr, local: &Multiaddr) -> bool {
        ip_of(candidate).is_some_and(|ip| at_ip(local, ip).as_ref() == Some(candidate))
    }

    /// The addresses of ours that enough peers see us at.
    fn agreed(&self) -> Vec<IpAddr> {
        let enough = if self.rules.public { AGREEMENT } else { 1 };
        let mut counts: BTreeMap<IpAddr, usize> = BTreeMap::new();
        for (_, _, ip) in &self.voices {
            *counts.entry(*ip).or_default() += 1;
        }
        counts.into_iter().filter(|(_, count)| *count >= enough).map(|(ip, _)| ip).collect()
    }

    /// Puts together again which addresses may be ours: those gone are withdrawn, those new are tested.
    fn look(&mut self) -> Vec<Step> {
        let mut ours: Vec<Multiaddr> = self.listening.clone();
        ours.extend(self.mapped.iter().cloned());
        for ip in self.agreed() {
            ours.extend(self.listening.iter().filter_map(|address| at_ip(address, ip)));
        }
        ours.retain(|address| self.rules.allow(address));
        let mut steps = Vec::new();
        let gone = self.candidates.keys().filter(|address| !ours.contains(address));
        let gone: Vec<Multiaddr> = gone.cloned().collect();
        for address in gone {
            if self.candidates.remove(&address).is_some_and(|candidate| candidate.confirmed) {
                steps.push(Step::Withdraw(address));
            }
        }
        for address in ours {
            if self.candidates.len() < MAX_CANDIDATES && !self.candidates.contains_key(&address) {
                let begun_at = self.now;
                let candidate = Candidate { tests: 1, begun_at, ..Candidate::default() };
                self.candidates.insert(address.clone(), candidate);
                steps.push(Step::Test(address));
            }
        }
        steps
    }
}

/// A listener's address with another machine's IP of the same family.
fn at_ip(address: &Multiaddr, ip: IpAddr) -> Option<Multiaddr> {
    let mut parts = address.iter();
    let first = match (parts.next()?, ip) {
        (Protocol::Ip4(_), IpAddr::V4(ip)) => Protocol::Ip4(ip),
        (Protocol::Ip6(_), IpAddr::V6(ip)) => Protocol::Ip6(ip),
        _ => return None,
    };
    Some(std::iter::once(first).chain(parts).collect())
}

#[cfg(test)]
mod tests;
