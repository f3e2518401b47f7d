//! Many payments, and many blocks.

use super::metrics::{metric, metrics};
use super::{miner, star};
use starling_primitives::{Address, Amount, TxId};
use starling_rpc::types::{BlockRef, TxSubmission};
use starling_rpc::{ApiError, ClientError, ErrorKind, to_hex};
use starling_tests::{Lab, Node, PATIENCE, Pace, Payer, agree, connect, until, variable, wait};
use std::collections::HashSet;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

const SENDERS: u16 = 200;
/// Payments of each.
const PAYMENTS: u16 = 50;
/// Accounts that payments bring into being.
const NEW_ACCOUNTS: u16 = 400;
/// Payments for which a block is worth its while, as long as more are on their way.
const LEAST_FOR_A_BLOCK: u64 = 150;
/// Payments of one call.
const BATCH: usize = 500;

/// What a client does that is told to wait: it waits as long as it is told.
fn heed(error: &ApiError) {
    let wait = error.values().get("retry_after_ms").and_then(serde_json::Value::as_u64);
    std::thread::sleep(Duration::from_millis(wait.expect("an error of this sort says how long")));
}

/// Submits all, going slower where the node asks for it.
pub(super) fn submit_all(node: &Node, payments: &[String]) -> Vec<TxId> {
    let mut accepted = Vec::new();
    for batch in payments.chunks(BATCH) {
        let mut rest = batch.to_vec();
        let deadline = Instant::now() + PATIENCE;
        while !rest.is_empty() {
            assert!(Instant::now() < deadline, "{} of a batch are not taken", rest.len());
            let results = match wait(node.rpc().tx_submit_many(&rest)) {
                Ok(results) => results,
                Err(ClientError::Refused(error)) if error.kind() == ErrorKind::RateLimited => {
                    heed(&error);
                    continue;
                }
                Err(error) => panic!("{error}"),
            };
            let mut again = Vec::new();
            for (result, hex) in results.into_iter().zip(rest) {
                match result {
                    TxSubmission::Accepted(tx) => accepted.push(tx.txid),
                    TxSubmission::Refused { error } if error.code() == "rate_limited" => {
                        if again.is_empty() {
                            heed(&error);
                        }
                        again.push(hex);
                    }
                    TxSubmission::Refused { error } => panic!("{error}"),
                }
            }
            rest = again;
        }
    }
    accepted
}

/// The ids of all mined transactions, in order.
fn mined(node: &Node) -> Vec<TxId> {
    let block = |height| wait(node.rpc().chain_get_block(BlockRef::Height(height)));
    let blocks = (1..=node.info().height).map(|height| block(height).expect("a mined block is stored"));
    blocks.flat_map(|block| block.txs.into_iter().map(|tx| tx.txid)).collect()
}

#[test]
fn ten_thousand_payments_are_all_mined_once_and_the_accounts_add_up() {
    let mut senders: Vec<Payer> = (0..SENDERS).map(Payer::new).collect();
    let funded: Vec<_> = senders.iter().map(|payer| (payer, "100")).collect();
    let lab = Lab::new(Pace::Asked, &funded);
    let (asked, mining) = (lab.node(&[]), lab.node(&[]));
    connect(&asked, &mining);
    let mut participants: Vec<Address> = senders.iter().map(Payer::address).collect();
    let others = (0..NEW_ACCOUNTS).map(|number| Payer::new(1_000 + number).address());
    participants.extend(others);
    let mut payments = Vec::new();
    for nonce in 0..usize::from(PAYMENTS) {
        for (number, sender) in senders.iter_mut().enumerate() {
            let to = participants[(number * 7 + nonce * 13) % participants.len()];
            payments.push(to_hex(sender.pay(lab.chain(), to, "0.25").bytes()));
        }
    }

    let payout = miner(&lab, 1);
    let accepted = submit_all(&asked, &payments);
    until("every payment has left both pools for blocks", || {
        let left = [&asked, &mining].map(|node| wait(node.rpc().mempool_info()).expect("it answers").count);
        if left[1] >= LEAST_FOR_A_BLOCK || left[0] <= left[1] {
            mining.generate(1, &payout);
        }
        let height = mining.info().height;
        if left == [0, 0] { Ok(()) } else { Err(format!("{left:?} pending at height {height}")) }
    });
    let tip = agree(&[&asked, &mining]);
    let expected: HashSet<TxId> = accepted.iter().copied().collect();
    assert_eq!(expected.len(), payments.len());
    participants.push(Payer::new(10_001).address());
    for node in [&asked, &mining] {
        let mined = mined(node);
        assert_eq!(mined.len(), payments.len());
        assert_eq!(mined.into_iter().collect::<HashSet<_>>(), expected);
        let supply = node.info().supply;
        assert_eq!(supply, lab.supply(tip.height, u64::from(NEW_ACCOUNTS)));
        let balances = participants.iter().map(|account| node.balance(*account));
        assert_eq!(Amount::sum(balances), Some(supply));
    }
}

#[test]
fn a_node_that_joins_two_thousand_blocks_late_and_is_killed_once_syncs_from_two_peers() {
    const PAID_BLOCKS: u32 = 1_600;
    let (mut alice, bob) = (Payer::new(1), Payer::new(2));
    let lab = Lab::new(Pace::Asked, &[(&alice, "1000")]);
    let (one, other) = (lab.node(&[]), lab.node(&[]));
    let payout = miner(&lab, 1);
    one.generate(300, &payout);
    connect(&other, &one);
    for _ in 0..PAID_BLOCKS {
        one.submit(&alice.pay(lab.chain(), bob.address(), "0.5"));
        one.generate(1, &payout);
    }
    one.generate(300, &payout);
    let tip = agree(&[&one, &other]);
    assert_eq!(tip.height, 600 + PAID_BLOCKS);

    let served = || [&one, &other].map(bodies_served);
    let before = served();
    let [first, second] = [&one, &other].map(|node| node.as_bootstrap().map(str::to_owned));
    let mut late = lab.node(&[&first[0], &first[1], &second[0], &second[1]]);
    late.until_height(1);
    late.kill();
    late.restart();
    assert_eq!(agree(&[&late, &one]).tip, tip.tip);
    until("the late node knows that it is synced", || {
        let info = late.info();
        if info.synced && info.target_height == tip.height { Ok(()) } else { Err(format!("{info:?}")) }
    });
    assert_eq!(late.balance(bob.address()), star("800"));
    assert_eq!(late.info().supply, lab.supply(tip.height, 1));
    let after = served();
    assert!(after.iter().zip(before).all(|(after, before)| *after > before), "{before:?} {after:?}");
}

/// Bytes of bodies that a node has sent.
fn bodies_served(node: &Node) -> u64 {
    let traffic = wait(node.rpc().net_info()).expect("a running node answers").traffic;
    let bodies = traffic.into_iter().filter(|row| row.protocol.contains("bodies"));
    bodies.map(|row| row.bytes_out).sum()
}

/// Those who pay at a steady rate.
const STEADY_SENDERS: u16 = 1_000;
/// How often all of them together, each second: `STARLING_LOAD_RATE` says otherwise.
const USUAL_RATE: u32 = 500;
/// They do not all come at the same moment: so many in one call.
const AT_ONCE: usize = 5;
/// How long: `STARLING_LOAD_SECONDS` says otherwise.
const USUAL_SECONDS: u32 = 10;
/// Seconds after which it is told how memory grows.
const SETTLED_AFTER: u32 = 120;
/// What a node may have in memory with 192 MiB: a quarter more.
const MAX_RESIDENT: f64 = 1.25 * 192.0 * 1_048_576.0;

/// Places that a node has in the meshes of both topics together.
fn places_in_meshes(node: &Node) -> f64 {
    metric(node, "libp2p_gossipsub_mesh_peer_counts")
}

/// Waits until each has a place with each: what is sent before comes all at once with the first heartbeat.
fn until_in_meshes(nodes: &[Node]) {
    until("each node is in meshes of both topics", || {
        let places: Vec<_> = nodes.iter().map(places_in_meshes).collect();
        if places.iter().all(|places| *places >= 8.0) { Ok(()) } else { Err(format!("{places:?}")) }
    });
}

fn resident(nodes: &[Node]) -> Vec<f64> {
    nodes.iter().map(|node| metric(node, "starling_process_resident_bytes")).collect()
}

/// Where the memory of each node is, in MiB, for whoever looks for growth.
fn tell_memory(second: u32, nodes: &[Node]) {
    for (at, node) in nodes.iter().enumerate() {
        let status = wait(node.rpc().node_status()).expect("a running node answers");
        let mib = |bytes: u64| bytes >> 20;
        let memory = status.memory;
        eprintln!(
            "after {second} s node {at}: {} MiB; database {}, accounts {}, tree {}, mempool {}",
            mib(status.resident_bytes.unwrap_or_default()),
            mib(memory.database),
            mib(memory.accounts),
            mib(memory.tree),
            mib(memory.mempool)
        );
    }
}

/// How many verdicts took up to so long, the quickest first, but for those on what came while blocks were
/// being connected.
fn verdicts(node: &Node) -> String {
    let name = "starling_network_verdicts_total{connecting=\"false\",within=";
    let of = |within: &str| metric(node, &format!("{name}\"{within}\""));
    ["0.001", "0.005", "0.02", "0.1", "1", "more"].map(of).map(|count| count.to_string()).join("/")
}

/// How often a node got each message of a topic by gossip, its own counted once more.
fn copies(node: &Node, topic: &str) -> f64 {
    let sheet = metrics(node);
    let sum = |name: &str| -> f64 {
        let name = format!("libp2p_gossipsub_topic_msg_{name}_total");
        sheet.iter().filter(|(line, _)| line.starts_with(&name) && line.contains(topic)).map(|(_, n)| n).sum()
    };
    let own = sum("published");
    (sum("recv_counts_unfiltered") + own) / (sum("recv_counts") + own).max(1.0)
}

#[test]
fn five_hundred_payments_a_second_into_one_of_five_nodes_are_all_mined() {
    let seconds: u32 = variable("STARLING_LOAD_SECONDS").unwrap_or(USUAL_SECONDS);
    let rate = variable("STARLING_LOAD_RATE").map_or(USUAL_RATE, NonZeroU32::get);
    let mut payers: Vec<Payer> = (0..STEADY_SENDERS).map(Payer::new).collect();
    let lab = Lab::new(Pace::Mined, &payers.iter().map(|payer| (payer, "1000")).collect::<Vec<_>>());
    let flags = ["--metrics", "127.0.0.1:0", "--memory", "192MiB"];
    let nodes: Vec<Node> = (0..5).map(|_| lab.node(&flags)).collect();
    for (at, node) in nodes.iter().enumerate() {
        nodes[..at].iter().for_each(|other| connect(node, other));
    }
    until_in_meshes(&nodes);
    nodes[4].mine(&miner(&lab, 1));
    let to = Payer::new(5_000).address();
    let (begun, mut accepted, mut settled) = (Instant::now(), HashSet::new(), resident(&nodes));
    let calls_a_second = rate.div_ceil(u32::try_from(AT_ONCE).expect("few"));
    let mut calls = (0..payers.len()).step_by(AT_ONCE).cycle();
    for second in 0..seconds {
        for (next, from) in (1..=calls_a_second).zip(calls.by_ref()) {
            let pay = |payer: &mut Payer| to_hex(payer.pay(lab.chain(), to, "0.01").bytes());
            let payments: Vec<String> = payers[from..from + AT_ONCE].iter_mut().map(pay).collect();
            accepted.extend(submit_all(&nodes[0], &payments));
            let next = Duration::from_secs(1) * next / calls_a_second;
            std::thread::sleep((Duration::from_secs(second.into()) + next).saturating_sub(begun.elapsed()));
        }
        if second <= SETTLED_AFTER {
            settled = resident(&nodes);
        }
        if second > 0 && second % 60 == 0 {
            tell_memory(second, &nodes);
        }
    }
    let took = begun.elapsed();
    let at_the_end = resident(&nodes);
    until("all payments are mined, or a reason is told", || {
        let pending = |node: &Node| wait(node.rpc().mempool_info()).expect("a running node answers").count;
        let counts: Vec<_> = nodes.iter().map(pending).collect();
        if counts.iter().all(|count| *count == 0) { Ok(()) } else { Err(format!("{counts:?}")) }
    });
    nodes[4].rest();
    agree(&nodes.iter().collect::<Vec<_>>());
    let sent = usize::try_from(seconds * calls_a_second).expect("few") * AT_ONCE;
    assert_eq!(accepted.len(), sent);
    let mined: HashSet<TxId> = mined(&nodes[1]).into_iter().collect();
    assert!(accepted.iter().all(|txid| mined.contains(txid)), "{} of {sent} are mined", mined.len());
    let growth = settled.iter().zip(&at_the_end).map(|(before, after)| after / before - 1.0);
    let growth = growth.fold(f64::MIN, f64::max);
    let copies = ["block/1", "tx/1"].map(|topic| {
        let of = |node| format!("{:.1}", copies(node, topic));
        nodes.iter().map(of).collect::<Vec<_>>().join(", ")
    });
    // Nobody's gossip has given up: each is in a mesh with all others, of both topics.
    until_in_meshes(&nodes);
    let in_time: Vec<String> = nodes.iter().map(verdicts).collect();
    eprintln!(
        "{sent} payments in {:.0} s, all mined; memory grew by {:.1} % at the most; copies of \
         announcements {}, of payments {}; verdicts within 1, 5, 20, 100, 1000 ms and more: {}",
        took.as_secs_f64(),
        100.0 * growth,
        copies[0],
        copies[1],
        in_time.join(", ")
    );
    assert!(at_the_end.iter().all(|bytes| *bytes < MAX_RESIDENT), "{at_the_end:?}");
}
