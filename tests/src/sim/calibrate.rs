//! How well the simulator stands for real nodes: the same topology, latencies, payments and blocks once in a
//! simulated world, and once with real processes on this machine whose connections are held back by proxies.

mod proxy;
mod real;

use super::dice::Dice;
use super::host::Host;
use super::run::{chain, mine};
use super::watch::{Percentiles, ratio};
use super::world::{HostId, Settings, World};
use crate::Payer;
use serde::Serialize;
use starling_network::Topic;
use std::sync::Arc;
use std::time::Duration;

/// The greatest difference between the two that is allowed (testing design: simulator).
pub const MAX_OFF: f64 = 0.3;
/// Nodes.
const NODES: u16 = 20;
/// Nodes that each dials.
const OUTBOUND: usize = 5;
/// Blocks.
const ROUNDS: usize = 20;
/// Payments before each.
const PAYMENTS: usize = 60;
/// Time for meshes to form.
const WARM_UP: Duration = Duration::from_secs(20);
/// Time for blocks to get around.
const SPREAD: Duration = Duration::from_secs(4);
/// How often it is looked whether all have the payments, and how long at the most.
const LOOK: Duration = Duration::from_millis(20);
const PATIENCE: Duration = Duration::from_secs(60);
/// What a payment pays, in STAR.
const AMOUNT: &str = "0.1";
/// Lines that hold nobody up: on one machine there is no other bound.
const WORLD: Settings = Settings {
    latency: (Duration::from_millis(20), Duration::from_millis(150)),
    rate: 1_000_000_000,
    rate_of_each: false,
    loss: 0.0,
    silent: 0.0,
    discovery: false,
};

/// What is done, in both worlds.
struct Plan {
    /// Who dials whom, and the time that a packet takes between them.
    links: Vec<(u16, u16, Duration)>,
    /// Where the payments of a round are made, and where its block.
    rounds: Vec<(u16, u16)>,
}

/// What is compared.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Measured {
    /// Milliseconds from the first of a round's payments until all nodes have all of them; the real ones
    /// verify all signatures on one machine, so this is not compared.
    pub paid_ms: Percentiles,
    /// Milliseconds from a block's connection where it was made to that at another node.
    pub connected_ms: Percentiles,
    /// Times that each block's announcement came to a node by gossip.
    pub block_copies: f64,
    /// Times that each payment came to a node by gossip.
    pub payment_copies: f64,
    /// Bytes of gossip messages that a node sent.
    pub gossip_bytes: f64,
}

/// Both worlds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Calibration {
    /// Decides topology and latencies.
    pub seed: u64,
    /// The simulated one.
    pub simulated: Measured,
    /// Real processes.
    pub real: Measured,
    /// The greatest of the differences that count, as a part of the real figure.
    pub off: f64,
}

/// Measures both.
///
/// # Panics
/// When a real node does not start or answer.
#[must_use]
pub fn calibrate(seed: u64) -> Calibration {
    let payers = || (0..ROUNDS).map(|n| Payer::new(u16::try_from(n).expect("few rounds"))).collect();
    let world = World::new(Arc::new(chain(1, &[])), NODES, WORLD, seed);
    let plan = Plan::new(seed, &world);
    let (simulated, real) = (simulate(seed, &plan, payers()), real::measure(&plan, payers()));
    let pairs = |of: fn(&Measured) -> f64| (of(&simulated) - of(&real)).abs() / of(&real).max(f64::EPSILON);
    let figures: [fn(&Measured) -> f64; 5] = [
        |measured| measured.connected_ms.p50,
        |measured| measured.connected_ms.p95,
        |measured| measured.block_copies,
        |measured| measured.payment_copies,
        |measured| measured.gossip_bytes,
    ];
    let off = figures.map(pairs).into_iter().fold(0.0, f64::max);
    Calibration { seed, simulated, real, off }
}

impl Plan {
    fn new(seed: u64, world: &World) -> Self {
        let mut dice = Dice::new(seed ^ 0xca11);
        let mut links: Vec<(u16, u16, Duration)> = Vec::new();
        for from in 0..NODES {
            let others = (0..NODES).filter(|to| *to != from).collect();
            for to in dice.some(others, OUTBOUND) {
                let known = links.iter().any(|(a, b, _)| (*a, *b) == (from, to) || (*a, *b) == (to, from));
                if !known {
                    links.push((from, to, world.latency(HostId(from), HostId(to))));
                }
            }
        }
        let nodes: Vec<u16> = (0..NODES).collect();
        let mut any = || dice.pick(&nodes).copied().expect("there are nodes");
        let rounds = (0..ROUNDS).map(|_| (any(), any())).collect();
        Self { links, rounds }
    }
}

fn simulate(seed: u64, plan: &Plan, mut payers: Vec<Payer>) -> Measured {
    let mut world = World::new(Arc::new(chain(1, &payers)), NODES, WORLD, seed);
    for (from, to, _) in &plan.links {
        world.name(HostId(*from), HostId(*to));
    }
    for id in world.ids() {
        world.start(id);
    }
    world.run_until(WARM_UP);
    let mut paid: Vec<Duration> = Vec::new();
    for ((paying, mining), payer) in plan.rounds.iter().zip(&mut payers) {
        for _ in 0..PAYMENTS {
            let tx = Arc::new(payer.pay(world.chain(), payer.address(), AMOUNT));
            world.call(HostId(*paying), move |core| core.submit_tx(tx).is_ok());
        }
        let begun = world.now;
        while !all_have(&world) && world.now < begun + PATIENCE {
            world.run_until(world.now + LOOK);
        }
        assert!(all_have(&world), "not all have the payments");
        paid.push(world.now - begun);
        mine(&mut world, HostId(*mining));
        world.run_until(world.now + SPREAD);
    }
    let count = |of: &dyn Fn(&super::host::Traffic) -> u64| {
        let sum: u64 = world.hosts.iter().map(|host| of(&host.traffic)).sum();
        usize::try_from(sum).map_or(f64::INFINITY, ratio)
    };
    let copies = |topic: Topic| {
        let at = usize::from(topic == Topic::Tx);
        count(&|traffic| traffic.heard[at]) / count(&|traffic| traffic.first[at]).max(1.0)
    };
    Measured {
        paid_ms: Percentiles::of(paid, ROUNDS),
        connected_ms: world.watch.connected_elsewhere(),
        block_copies: copies(Topic::Block),
        payment_copies: copies(Topic::Tx),
        gossip_bytes: count(&|traffic| traffic.published) / f64::from(NODES),
    }
}

fn all_have(world: &World) -> bool {
    world.up().filter_map(Host::core).all(|core| core.pool().info().count >= PAYMENTS)
}
