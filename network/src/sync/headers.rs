//! Headers: one peer with more work than our best header is asked for all it has, 2,000 at a time, until it
//! sends fewer; a second one after 15 seconds without progress. Who announces a block on an unknown parent is
//! asked too.

use crate::driver::{Protocol, RequestId};
use crate::peers::Penalty;
use crate::protocol::{ChainView, HeadersOutcome, Hub, Miss, Report};
use crate::wire::{MAX_HEADERS, MAX_LOCATOR_IDS, Question};
use libp2p::PeerId;
use starling_primitives::{BlockId, Header};
use std::collections::BTreeMap;
use std::time::Duration;

/// Time without progress after which a second peer is asked.
const PATIENCE: Duration = Duration::from_secs(15);
/// Time without progress after which a peer is given up.
const GIVE_UP: Duration = Duration::from_secs(60);
/// Peers asked because they have more work, at a time.
const MAX_SYNC_PEERS: usize = 2;
/// Peers asked at a time, up to which one that announced a block on an unknown parent is asked as well.
const MAX_LEGS: usize = 8;
/// A peer that sends fewer headers a second than this, for so long, is no longer trusted to be the only one:
/// others may be faster.
const SLOW: u32 = 400;
const SLOW_FOR: Duration = Duration::from_secs(60);
/// Pause before a peer that failed is asked again.
const REST: Duration = Duration::from_secs(10);

/// What one peer is being asked.
#[derive(Debug)]
struct Leg {
    peer: PeerId,
    /// On its way, with the ids we named.
    request: Option<(RequestId, Vec<BlockId>)>,
    /// The core judges a batch.
    checking: bool,
    /// The last header it sent, and whether that batch was full.
    last: Option<(BlockId, bool)>,
    progress: Duration,
    begun: Duration,
    /// Headers that it sent.
    sent: u32,
    /// Height of the last one.
    height: u32,
    /// Only because it announced a block: such a leg takes nothing from the sync.
    announced: bool,
}

/// The header sync.
#[derive(Debug, Default)]
pub(crate) struct Headers {
    legs: Vec<Leg>,
    /// Tips that peers claimed and that led nowhere; asked again when they claim another.
    exhausted: BTreeMap<PeerId, BlockId>,
    resting: BTreeMap<PeerId, Duration>,
}

impl Headers {
    /// The peer that headers come from, and the height of the last one it sent.
    pub(crate) fn from(&self) -> Option<(PeerId, u32)> {
        self.legs.first().map(|leg| (leg.peer, leg.height))
    }

    /// Asks whoever should be asked now.
    pub(crate) fn step(&mut self, hub: &mut Hub, view: &dyn ChainView) {
        let now = hub.now;
        self.resting.retain(|_, until| *until > now);
        let given_up = |leg: &Leg| now.saturating_sub(leg.progress) >= GIVE_UP && !leg.checking;
        for leg in self.legs.iter().filter(|leg| given_up(leg)) {
            self.resting.insert(leg.peer, now + GIVE_UP);
        }
        self.legs.retain(|leg| !given_up(leg));
        let stuck = |leg: &Leg| now.saturating_sub(leg.progress) >= PATIENCE && !leg.checking;
        let syncing = || self.legs.iter().filter(|leg| !leg.announced);
        if syncing().count() < MAX_SYNC_PEERS
            && syncing().all(|leg| stuck(leg) || leg.is_slow(now))
            && let Some(peer) = self.candidate(hub, view)
        {
            for leg in syncing().filter(|leg| stuck(leg)) {
                hub.penalise(&leg.peer, Penalty::Rank, "sends no headers");
            }
            self.begin(peer, false, now);
        }
        for leg in self.legs.iter_mut().filter(|leg| leg.request.is_none() && !leg.checking) {
            let locator = locator(leg.last, view);
            let question = Question::Headers { max: MAX_HEADERS, locator: locator.clone() };
            leg.request = hub.ask(&leg.peer, &question).map(|id| (id, locator));
        }
    }

    /// Asks this peer: it announced a block whose parent is not known. While we are far behind, one peer is
    /// enough.
    pub(crate) fn fetch_from(&mut self, peer: PeerId, synced: bool, now: Duration) {
        let most = if synced { MAX_LEGS } else { 1 };
        let free = !self.resting.contains_key(&peer) && self.legs.iter().all(|leg| leg.peer != peer);
        if free && self.legs.len() < most {
            self.begin(peer, synced, now);
        }
    }

    /// An answer, or none.
    pub(crate) fn answered(&mut self, id: RequestId, result: Result<Vec<Header>, Miss>, hub: &mut Hub) {
        let asked = |leg: &Leg| leg.request.as_ref().is_some_and(|(open, _)| *open == id);
        let Some(at) = self.legs.iter().position(asked) else { return };
        let leg = &mut self.legs[at];
        let Some((_, locator)) = leg.request.take() else { return };
        match result {
            Ok(headers) if headers.is_empty() => self.exhaust(at, hub),
            Ok(headers) => {
                if !follows(&headers, &locator) {
                    let peer = self.legs.remove(at).peer;
                    hub.penalise(&peer, Penalty::Ban, "headers that do not follow what was asked for");
                    return;
                }
                let last = headers.last().map_or(BlockId::ZERO, Header::id);
                let height = headers.last().map_or(0, Header::height);
                leg.last = Some((last, headers.len() == usize::from(MAX_HEADERS)));
                leg.checking = true;
                leg.height = height;
                leg.sent = leg.sent.saturating_add(u32::try_from(headers.len()).unwrap_or(u32::MAX));
                hub.peers.raise_height(&leg.peer, height);
                hub.report(Report::Headers { peer: leg.peer, headers });
            }
            Err(Miss::RateLimited) => {}
            Err(Miss::NotHere) => self.exhaust(at, hub),
            Err(Miss::Failed) => {
                let peer = self.legs.remove(at).peer;
                self.resting.insert(peer, hub.now + REST);
            }
        }
    }

    /// The core's word on the last batch of a peer.
    pub(crate) fn checked(&mut self, peer: PeerId, outcome: HeadersOutcome, hub: &mut Hub) {
        let Some(at) = self.legs.iter().position(|leg| leg.peer == peer && leg.checking) else { return };
        let leg = &mut self.legs[at];
        leg.checking = false;
        match outcome {
            HeadersOutcome::Accept { new } => {
                if new > 0 {
                    leg.progress = hub.now;
                    hub.peers.reward(&peer, 1.0, hub.now);
                }
                if leg.last.is_none_or(|(_, full)| !full) {
                    self.exhaust(at, hub);
                }
            }
            HeadersOutcome::Again { after } => {
                leg.last = Some((after, true));
                leg.progress = hub.now;
            }
            HeadersOutcome::Ignore => self.exhaust(at, hub),
            HeadersOutcome::Reject(penalty) => {
                self.exhaust(at, hub);
                hub.penalise(&peer, penalty, "sent an invalid header");
            }
        }
    }

    /// The peer is gone.
    pub(crate) fn gone(&mut self, peer: &PeerId) {
        self.legs.retain(|leg| leg.peer != *peer);
        self.exhausted.remove(peer);
        self.resting.remove(peer);
    }

    fn begin(&mut self, peer: PeerId, announced: bool, now: Duration) {
        self.legs.push(Leg {
            peer,
            request: None,
            checking: false,
            last: None,
            progress: now,
            begun: now,
            sent: 0,
            height: 0,
            announced,
        });
    }

    /// The peer has no more for us until it claims another tip.
    fn exhaust(&mut self, at: usize, hub: &Hub) {
        let peer = self.legs.remove(at).peer;
        if let Some(status) = hub.peers.get(&peer).and_then(|peer| peer.status) {
            self.exhausted.insert(peer, status.tip);
        }
    }

    fn candidate(&self, hub: &mut Hub, view: &dyn ChainView) -> Option<PeerId> {
        let best = view.best_header_work();
        let fit = |id: &PeerId| {
            let status = hub.peers.get(id).and_then(|peer| peer.status)?;
            let more = status.work > best && self.exhausted.get(id) != Some(&status.tip);
            let free = !self.resting.contains_key(id) && self.legs.iter().all(|leg| leg.peer != *id);
            (more && free && hub.can_ask(id, Protocol::Headers, 1)).then_some(*id)
        };
        let fit: Vec<PeerId> = hub.peers.iter().filter_map(|(id, _)| fit(id)).collect();
        hub.pick(&fit).copied()
    }
}

impl Leg {
    /// Whether it has been so slow for so long that others may be faster.
    fn is_slow(&self, now: Duration) -> bool {
        let took = now.saturating_sub(self.begun);
        took >= SLOW_FOR && u64::from(self.sent) < u64::from(SLOW) * took.as_secs()
    }
}

/// Whether the headers hang together and begin after one of the ids we named.
fn follows(headers: &[Header], locator: &[BlockId]) -> bool {
    let linked = headers.windows(2).all(|pair| pair[1].parent() == pair[0].id());
    linked && headers.first().is_some_and(|first| locator.contains(&first.parent()))
}

/// The ids to name: the last header of the peer, then our own chain, genesis always among them.
fn locator(last: Option<(BlockId, bool)>, view: &dyn ChainView) -> Vec<BlockId> {
    let own = view.locator();
    let genesis = own.last().copied();
    let mut locator: Vec<BlockId> = last.map(|(id, _)| id).into_iter().collect();
    let room = usize::from(MAX_LOCATOR_IDS) - locator.len();
    let cut = own.len() > room;
    locator.extend(own.into_iter().take(if cut { room - 1 } else { room }));
    locator.extend(genesis.filter(|_| cut));
    locator
}

#[cfg(test)]
mod tests;
