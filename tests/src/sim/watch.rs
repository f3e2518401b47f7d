//! What is measured: how fast blocks spread, and what it costs.

use super::world::HostId;
use serde::Serialize;
use starling_consensus::Status;
use starling_node::{Core, TipEvent};
use starling_primitives::BlockId;
use std::time::Duration;

/// How long a block is watched.
const WATCHED_FOR: Duration = Duration::from_secs(120);

/// A block on its way.
struct Spread {
    id: BlockId,
    born: Duration,
    /// When each node had its announcement.
    known: Vec<Option<Duration>>,
    /// When each node had connected it.
    connected: Vec<Option<Duration>>,
}

/// How long something took, over all blocks and nodes, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Percentiles {
    /// The middle.
    pub p50: f64,
    /// Of 100, 95 were faster.
    pub p95: f64,
    /// Of 100, 99 were faster.
    pub p99: f64,
    /// The slowest.
    pub max: f64,
    /// Of all, those that it reached at all while it was watched.
    pub reached: f64,
}

impl Percentiles {
    /// Of these times, where `all` were to be.
    pub(super) fn of(mut times: Vec<Duration>, all: usize) -> Self {
        times.sort_unstable();
        let at = |percent: usize| {
            let last = times.len().saturating_sub(1);
            times.get((times.len() * percent / 100).min(last)).map_or(0.0, |time| time.as_secs_f64() * 1e3)
        };
        let reached = if all == 0 { 1.0 } else { ratio(times.len()) / ratio(all) };
        Self { p50: at(50), p95: at(95), p99: at(99), max: at(100), reached }
    }
}

/// What was seen.
pub(super) struct Watch {
    nodes: usize,
    spreads: Vec<Spread>,
    /// The first that is still watched.
    recent: usize,
    reorganisations: u64,
    deepest: usize,
    bans: Vec<(HostId, HostId)>,
}

impl Watch {
    /// For so many nodes.
    pub(super) fn new(nodes: usize) -> Self {
        Self { nodes, spreads: Vec::new(), recent: 0, reorganisations: 0, deepest: 0, bans: Vec::new() }
    }

    /// A block was made.
    pub(super) fn born(&mut self, id: BlockId, now: Duration) {
        let nobody = vec![None; self.nodes];
        self.spreads.push(Spread { id, born: now, known: nobody.clone(), connected: nobody });
    }

    /// A node may have heard of a block, or connected it.
    pub(super) fn look(&mut self, host: HostId, core: &Core, now: Duration) {
        let at = host.index();
        let old = |spread: &&Spread| now > spread.born + WATCHED_FOR;
        self.recent += self.spreads[self.recent..].iter().take_while(old).count();
        for spread in &mut self.spreads[self.recent..] {
            if spread.connected[at].is_some() {
                continue;
            }
            let Some(info) = core.tree().get(&spread.id) else { continue };
            // Its header may be here before its ids are.
            if info.status != Status::Header || core.net().has_announcement(&spread.id) {
                spread.known[at].get_or_insert(now - spread.born);
            }
            if info.status == Status::Connected {
                spread.connected[at] = Some(now - spread.born);
            }
        }
    }

    /// A node's chain changed.
    pub(super) fn tip(&mut self, change: &TipEvent) {
        if !change.disconnected.is_empty() {
            self.reorganisations += 1;
            self.deepest = self.deepest.max(change.disconnected.len());
        }
    }

    /// A node banned another.
    pub(super) fn banned(&mut self, by: HostId, whom: HostId) {
        self.bans.push((by, whom));
    }

    /// Who banned whom.
    pub(super) fn bans(&self) -> &[(HostId, HostId)] {
        &self.bans
    }

    /// Blocks that were made.
    pub(super) fn blocks(&self) -> usize {
        self.spreads.len()
    }

    /// Changes that took blocks back, over all nodes, and the most blocks of one.
    pub(super) fn reorganisations(&self) -> (u64, usize) {
        (self.reorganisations, self.deepest)
    }

    /// How long announcements took to be known.
    pub(super) fn known(&self) -> Percentiles {
        self.percentiles(|spread| &spread.known)
    }

    /// How long blocks took to be connected.
    pub(super) fn connected(&self) -> Percentiles {
        self.percentiles(|spread| &spread.connected)
    }

    /// The same for all nodes but the one that made the block.
    pub(super) fn connected_elsewhere(&self) -> Percentiles {
        let mut times: Vec<Duration> = Vec::new();
        for spread in &self.spreads {
            let mut own: Vec<Duration> = spread.connected.iter().flatten().copied().collect();
            own.sort_unstable();
            times.extend(own.iter().skip(1).map(|later| *later - own[0]));
        }
        Percentiles::of(times, self.spreads.len() * (self.nodes - 1))
    }

    fn percentiles(&self, of: impl Fn(&Spread) -> &Vec<Option<Duration>>) -> Percentiles {
        let times: Vec<Duration> =
            self.spreads.iter().flat_map(|spread| of(spread).iter().flatten().copied()).collect();
        Percentiles::of(times, self.spreads.len() * self.nodes)
    }
}

/// A count as a number to divide.
pub(super) fn ratio(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}
