//! What came of a run.

use super::check::Failure;
use super::watch::{Percentiles, ratio};
use super::world::World;
use serde::Serialize;
use std::time::Duration;

/// What came of a run, to be printed.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Which scenario.
    pub scenario: &'static str,
    /// Its seed.
    pub seed: u64,
    /// How many nodes.
    pub nodes: usize,
    /// Seconds of virtual time.
    pub virtual_seconds: f64,
    /// Things that happened, and the hash of all of them.
    pub events: u64,
    /// The same for the same scenario, seed and number of nodes.
    pub history: String,
    /// Height of the tip.
    pub height: u32,
    /// Blocks that were made.
    pub blocks: usize,
    /// Changes that took blocks back, over all nodes.
    pub reorganisations: u64,
    /// The most blocks that one of them took back.
    pub deepest: usize,
    /// Payments that were taken, and that were refused.
    pub payments: (u64, u64),
    /// Nodes that died.
    pub crashes: u64,
    /// Seconds after a division until all had one tip.
    pub agreed_after_s: Option<f64>,
    /// Milliseconds until a node had a block's announcement.
    pub known_ms: Percentiles,
    /// Milliseconds until a node had connected a block.
    pub connected_ms: Percentiles,
    /// Times that a message over 1 KiB came again, for each first time.
    pub duplicates: f64,
    /// The same of announcements in short.
    pub short_duplicates: f64,
    /// Bytes that a node sent, on average.
    pub bytes_each: f64,
    /// Of these, gossip.
    pub gossip_bytes_each: f64,
    /// Nodes that banned another.
    pub bans: usize,
    /// Nodes with fewer peers of their choice than they want and could have.
    pub unfilled: usize,
    /// Nodes that pass nothing on and were found out by somebody.
    pub found_silent: usize,
    /// What did not hold.
    pub failures: Vec<String>,
}

impl Report {
    pub(super) fn of(world: &World, scenario: &'static str, seed: u64, failures: Vec<Failure>) -> Self {
        let traffic = |f: fn(&super::host::Traffic) -> u64| -> f64 {
            let sum: u64 = world.hosts.iter().map(|host| f(&host.traffic)).sum();
            usize::try_from(sum).map_or(f64::INFINITY, |sum| ratio(sum >> 10) * 1024.0)
        };
        // For each kind of message, how many came beside the first of its name.
        let again = |kind: usize| -> f64 {
            let copies = || world.hosts.iter().map(|host| host.traffic.copies[kind]);
            let (all, first) =
                (copies().map(|copies| copies.0).sum::<u64>(), copies().map(|copies| copies.1).sum());
            let count = |number: u64| usize::try_from(number).map_or(f64::INFINITY, ratio);
            count(all - first) / count(first).max(1.0)
        };
        let nodes = ratio(world.hosts.len());
        let (reorganisations, deepest) = world.watch.reorganisations();
        let said = |failure: Failure| {
            format!("at {:.3} s, node {}: {}", failure.at.as_secs_f64(), failure.host.0, failure.what)
        };
        Self {
            scenario,
            seed,
            nodes: world.hosts.len(),
            virtual_seconds: world.now.as_secs_f64(),
            events: world.history.events(),
            history: world.history.hash(),
            height: world
                .up()
                .filter_map(|host| host.core())
                .map(|core| core.ledger().tip().height)
                .max()
                .unwrap_or(0),
            blocks: world.watch.blocks(),
            reorganisations,
            deepest,
            payments: (0, 0),
            crashes: 0,
            agreed_after_s: None,
            known_ms: world.watch.known(),
            connected_ms: world.watch.connected(),
            duplicates: again(0),
            short_duplicates: again(1),
            bytes_each: traffic(|traffic| traffic.sent) / nodes,
            gossip_bytes_each: traffic(|traffic| traffic.gossip_sent) / nodes,
            bans: world.watch.bans().len(),
            unfilled: 0,
            found_silent: world.checks.found_silent(),
            failures: failures.into_iter().map(said).collect(),
        }
    }

    pub(super) fn with(
        mut self,
        payments: (u64, u64),
        crashes: u64,
        agreed: Option<Duration>,
        unfilled: usize,
    ) -> Self {
        (self.payments, self.crashes, self.unfilled) = (payments, crashes, unfilled);
        self.agreed_after_s = agreed.map(|time| time.as_secs_f64());
        self
    }

    /// The command that does all of it once more.
    #[must_use]
    pub fn replay(&self) -> String {
        replay(self.scenario, self.seed, self.nodes)
    }
}

fn replay(scenario: &str, seed: u64, nodes: usize) -> String {
    format!("starling-sim {scenario} --seed {seed} --nodes {nodes}")
}

/// Says how to have a run once more, if it ends in a panic.
pub(super) struct Told(String);

impl Told {
    /// Of this run.
    pub(super) fn new(scenario: &str, seed: u64, nodes: u16) -> Self {
        Self(replay(scenario, seed, nodes.into()))
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("once more: {}", self.0);
        }
    }
}
