//! The real processes.

use super::{AMOUNT, LOOK, Measured, NODES, PATIENCE, PAYMENTS, Plan, ROUNDS, SPREAD, WARM_UP, proxy};
use crate::sim::watch::Percentiles;
use crate::{Lab, Node, Pace, Payer, http, until, wait};
use starling_primitives::BlockId;
use starling_rpc::to_hex;
use starling_rpc::types::{Event, Head};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// When a node had connected a block.
type Seen = (u16, BlockId, Instant);

pub(super) fn measure(plan: &Plan, mut payers: Vec<Payer>) -> Measured {
    let lab = Lab::new(Pace::Asked, &payers.iter().map(|payer| (payer, "1000")).collect::<Vec<_>>());
    let nodes: Vec<Node> = (0..NODES).map(|_| lab.node(&["--metrics", "127.0.0.1:0"])).collect();
    for (from, to, latency) in &plan.links {
        let target = nodes[usize::from(*to)].peer_port();
        let proxy = wait(proxy::start(target, *latency)).expect("a port is free");
        let address = format!("/ip4/{}/tcp/{}", proxy.ip(), proxy.port());
        wait(nodes[usize::from(*from)].rpc().net_add(&address)).expect("an address can be added");
    }
    let links: usize = 2 * plan.links.len();
    until("all links stand", || {
        let peers = |node: &Node| wait(node.rpc().net_info()).expect("a running node answers").peers;
        let sum: u32 = nodes.iter().map(peers).sum();
        if usize::try_from(sum).is_ok_and(|sum| sum >= links) {
            Ok(())
        } else {
            Err(format!("{sum} of {links}"))
        }
    });
    let (sender, mut seen) = mpsc::unbounded_channel();
    for (node, n) in nodes.iter().zip(0..) {
        let (mut heads, sender) =
            (wait(node.rpc().subscribe_heads()).expect("a subscription"), sender.clone());
        let listen = async move {
            while let Some(Ok(event)) = heads.next().await {
                let Event::Item(Head { id, .. }) = event else { continue };
                if sender.send((n, id, Instant::now())).is_err() {
                    return;
                }
            }
        };
        wait(async {
            drop(tokio::spawn(listen));
        });
    }
    std::thread::sleep(WARM_UP);
    let before = Counters::of(&nodes);
    let mut paid: Vec<Duration> = Vec::new();
    for ((paying, mining), payer) in plan.rounds.iter().zip(&mut payers) {
        let to = payer.address();
        let txs: Vec<_> = (0..PAYMENTS).map(|_| to_hex(payer.pay(lab.chain(), to, AMOUNT).bytes())).collect();
        let begun = Instant::now();
        wait(nodes[usize::from(*paying)].rpc().tx_submit_many(&txs)).expect("right payments");
        while !all_have(&nodes) && begun.elapsed() < PATIENCE {
            std::thread::sleep(LOOK);
        }
        assert!(all_have(&nodes), "not all have the payments");
        paid.push(begun.elapsed());
        nodes[usize::from(*mining)].generate(1, &payer.text(lab.chain()));
        std::thread::sleep(SPREAD);
    }
    let counters = Counters::of(&nodes);
    let mut all: Vec<Seen> = Vec::new();
    while let Ok(one) = seen.try_recv() {
        all.push(one);
    }
    let grown = |name: &str, topic: &str| counters.get(name, topic) - before.get(name, topic);
    let copies = |topic: &str| {
        grown("topic_msg_recv_counts_unfiltered", topic) / grown("topic_msg_recv_counts", topic).max(1.0)
    };
    let bytes = grown("topic_msg_sent_bytes", "block/1") + grown("topic_msg_sent_bytes", "tx/1");
    Measured {
        paid_ms: Percentiles::of(paid, ROUNDS),
        connected_ms: spread(all),
        block_copies: copies("block/1"),
        payment_copies: copies("tx/1"),
        gossip_bytes: bytes / f64::from(NODES),
    }
}

fn all_have(nodes: &[Node]) -> bool {
    let pool = |node: &Node| wait(node.rpc().mempool_info()).expect("a running node answers");
    nodes.iter().all(|node| usize::try_from(pool(node).count).is_ok_and(|count| count >= PAYMENTS))
}

/// How long blocks took from the first node that had them to the others.
fn spread(all: Vec<Seen>) -> Percentiles {
    let mut blocks: BTreeMap<String, Vec<Instant>> = BTreeMap::new();
    for (_, id, at) in all {
        blocks.entry(id.to_string()).or_default().push(at);
    }
    let mut times: Vec<Duration> = Vec::new();
    for at in blocks.values_mut() {
        at.sort_unstable();
        times.extend(at.iter().skip(1).map(|later| *later - at[0]));
    }
    let all = blocks.len() * usize::from(NODES - 1);
    Percentiles::of(times, all)
}

/// Sums over all nodes of libp2p's counters, by name and topic.
struct Counters(BTreeMap<(String, String), f64>);

impl Counters {
    fn of(nodes: &[Node]) -> Self {
        let mut sums = BTreeMap::new();
        for node in nodes {
            let url = node.ready().metrics.as_deref().expect("metrics are served");
            let address = url.trim_start_matches("http://").trim_end_matches("/metrics");
            let address: SocketAddr = address.parse().expect("an address");
            let said = http::exchange(address, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
            for line in said.lines() {
                let Some(line) = line.strip_prefix("libp2p_gossipsub_") else { continue };
                let Some((name, value)) = line.rsplit_once(' ') else { continue };
                let Some((name, labels)) = name.split_once('{') else { continue };
                let Some(topic) = labels.split('/').rev().nth(1) else { continue };
                let value: f64 = value.parse().expect("a number");
                *sums.entry((name.to_owned(), format!("{topic}/1"))).or_default() += value;
            }
        }
        Self(sums)
    }

    fn get(&self, name: &str, topic: &str) -> f64 {
        self.0.get(&(format!("{name}_total"), topic.to_owned())).copied().unwrap_or(0.0)
    }
}
