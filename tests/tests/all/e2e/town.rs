//! Twenty nodes in network namespaces of their own. It needs root and ten minutes or more, so it runs only
//! where it is asked for: `STARLING_TOWN` is the number of seconds that the town is divided, and
//! `STARLING_TOWN_BLOCKS` how many blocks, of a payment each, its halves mine in that time beside the usual.

use super::load::submit_all;
use super::metrics::metrics;
use super::miner;
use starling_primitives::BlockId;
use starling_rpc::to_hex;
use starling_tests::{Lab, Node, PATIENCE, Pace, Payer, Town, agree, until, variable, wait};
use std::time::{Duration, Instant};

const HOUSES: u8 = 20;
const MEGABITS: u32 = 20;
/// Blocks whose way is timed.
const BLOCKS: u32 = 20;
/// Those that are announced with 64 KiB, and their payments.
const LARGE_BLOCKS: u32 = 5;
const LARGE: usize = 2_040;
const PAYERS: u16 = 500;
/// The pause between two.
const PAUSE: Duration = Duration::from_millis(1_200);
/// Time between two blocks of each half while the town is divided.
const APART: Duration = Duration::from_secs(20);

/// What a node logs: when it hears of a block and when it has connected it, too.
const LOGGED: &str = "info,starling_node::core=debug";

/// Full slots and all peers of a node.
fn peers(node: &Node) -> (usize, usize) {
    let peers = wait(node.rpc().net_peers()).expect("a running node answers");
    (peers.iter().filter(|peer| peer.slot == "full").count(), peers.len())
}

/// Milliseconds that news takes to a house: from 20 to 150.
fn delay(house: u8) -> u32 {
    20 + u32::from(house) * 37 % 131
}

fn all_have_peers(nodes: &[&Node]) -> Duration {
    let begun = Instant::now();
    until("all have eight full peers, or all others", || {
        let counts: Vec<_> = nodes.iter().map(|node| peers(node)).collect();
        let enough = |(full, all): &(usize, usize)| *full >= 8 || *all + 1 >= nodes.len();
        if counts.iter().all(enough) { Ok(()) } else { Err(format!("{counts:?}")) }
    });
    begun.elapsed()
}

/// Times of blocks from the first node that connected them until each other hears of them, and until it has
/// connected them, by their logs, in milliseconds, sorted: so many blocks of so many payments each, which all
/// have in their pools before. Not over midnight.
fn spread(
    lab: &Lab,
    nodes: &[&Node],
    payers: &mut [Payer],
    (blocks, payments): (u32, usize),
) -> [Vec<f64>; 2] {
    let mut mined = Vec::new();
    for n in 0..blocks {
        let at = usize::try_from(n).expect("few") * 7 % nodes.len();
        let to = Payer::new(5_000).address();
        let pay = |n: usize, payers: &mut [Payer]| {
            to_hex(payers[n % payers.len()].pay(lab.chain(), to, "0.01").bytes())
        };
        let hex: Vec<String> = (0..payments).map(|n| pay(n, payers)).collect();
        submit_all(nodes[at], &hex);
        until("all have the payments", || {
            let count = |node: &&Node| wait(node.rpc().mempool_info()).expect("a running node answers").count;
            let counts: Vec<_> = nodes.iter().map(count).collect();
            let all = u64::try_from(payments).expect("few");
            if counts.iter().all(|count| *count == all) { Ok(()) } else { Err(format!("{counts:?}")) }
        });
        mined.extend(nodes[at].generate(1, &miner(lab, 1)));
        std::thread::sleep(PAUSE);
    }
    agree(nodes);
    let (mut heard, mut connected) = (Vec::new(), Vec::new());
    for id in &mined {
        let mut at: Vec<f64> = nodes.iter().filter_map(|node| logged(node, "connected", id)).collect();
        assert_eq!(at.len(), nodes.len(), "a block reached everybody");
        at.sort_by(f64::total_cmp);
        connected.extend(at.iter().skip(1).map(|later| later - at[0]));
        let told = nodes.iter().filter_map(|node| logged(node, "announced", id));
        heard.extend(told.map(|later| later - at[0]));
    }
    assert!(heard.len() > connected.len() / 2, "most hear of a block before they ask for headers");
    heard.sort_by(f64::total_cmp);
    connected.sort_by(f64::total_cmp);
    [heard, connected]
}

/// When a node logged this of a block: milliseconds since midnight.
fn logged(node: &Node, what: &str, id: &BlockId) -> Option<f64> {
    let (log, entry) = (node.log(), format!(": {what} block={id} "));
    let line = log.lines().find(|line| line.contains(&entry))?;
    let (_, rest) = line.split_once('T').expect("a log line begins with the time");
    let (time, _) = rest.split_once('Z').expect("in UTC");
    let parts = time.split(':').map(|part| part.parse::<f64>().expect("a number"));
    Some(1_000.0 * parts.fold(0.0, |sum, part| 60.0 * sum + part))
}

/// Announcements that all nodes have got, in full and in short.
fn copies(nodes: &[&Node]) -> [f64; 2] {
    let all: Vec<_> = nodes.iter().flat_map(|node| metrics(node)).collect();
    let sum = |name: &str, of: &str| -> f64 {
        all.iter().filter(|(line, _)| line.starts_with(name) && line.contains(of)).map(|(_, n)| n).sum()
    };
    let gossip = sum("libp2p_gossipsub_topic_msg_recv_counts_unfiltered_total", "block/1");
    // Questions and answers count, and each has one.
    let short = sum("starling_network_messages_total{protocol=\"compact/1\"", "\"in\"") / 2.0;
    [gossip, short]
}

/// Mines as many blocks in each half as `STARLING_TOWN_BLOCKS` says, and one in a hundred more in the second.
fn mine_apart(lab: &Lab, halves: [&Node; 2], payers: &mut [Payer]) {
    let blocks: usize = variable("STARLING_TOWN_BLOCKS").unwrap_or_default();
    let (ours, theirs) = payers.split_at_mut(usize::from(PAYERS) / 2);
    for (node, payers, blocks) in [(halves[0], ours, blocks), (halves[1], theirs, blocks + blocks / 100)] {
        for n in 0..blocks {
            let payer = &mut payers[n % usize::from(PAYERS / 2)];
            node.submit(&payer.pay(lab.chain(), Payer::new(5_000).address(), "0.01"));
            node.generate(1, &miner(lab, 2));
        }
    }
}

#[test]
fn twenty_nodes_in_namespaces_find_each_other_and_outlive_a_division() {
    let Some(apart) = variable("STARLING_TOWN") else {
        eprintln!("skipped: STARLING_TOWN=SECONDS is not set (it needs root, and takes that long and more)");
        return;
    };
    if let Err(why) = Town::allowed(false) {
        return eprintln!("skipped: no network namespaces here ({why})");
    }
    let town = Town::new(HOUSES, MEGABITS);
    let mut payers: Vec<Payer> = (0..PAYERS).map(Payer::new).collect();
    let lab = Lab::new(Pace::Fixed, &payers.iter().map(|payer| (payer, "1000")).collect::<Vec<_>>());
    let folder = |house: u8| lab.folder().join(format!("house{house}"));
    let build = |house: u8, more: &[&str]| {
        let delay = delay(house).to_string();
        let ours = ["--no-mdns", "--metrics", "0.0.0.0:9645", "--link-delay", &delay, "--log-level", LOGGED];
        let flags = [&ours, more].concat();
        town.node(house, &lab.file(), &folder(house), &flags)
    };
    let mut first = build(1, &[]);
    let bootstrap = first.address().to_owned();
    let others: Vec<Node> = (2..=HOUSES).map(|house| build(house, &["--bootstrap", &bootstrap])).collect();
    let all: Vec<&Node> = std::iter::once(&first).chain(&others).collect();
    let found = all_have_peers(&all);
    eprintln!("all have their peers after {:.1} s", found.as_secs_f64());
    for (blocks, payments) in [(BLOCKS, 0), (LARGE_BLOCKS, LARGE)] {
        let before = copies(&all);
        let times = spread(&lab, &all, &mut payers, (blocks, payments));
        let each = f64::from(blocks) * f64::from(HOUSES - 1);
        let [full, short] = [0, 1].map(|kind| (copies(&all)[kind] - before[kind]) / each);
        eprintln!("each got {full:.2} announcements in full and {short:.2} in short of a block");
        for (what, times) in ["heard of", "connected"].into_iter().zip(times) {
            let at = |percent: usize| times[(times.len() - 1) * percent / 100];
            let [half, most, nearly, last] = [50, 95, 99, 100].map(at);
            eprintln!(
                "blocks of {payments} {what}: p50 {half:.0}, p95 {most:.0}, p99 {nearly:.0}, all {last:.0} ms"
            );
        }
    }
    first.kill();
    let all: Vec<&Node> = others.iter().collect();
    town.divide().expect("it was built");
    let begun = Instant::now();
    mine_apart(&lab, [all[0], all[1]], &mut payers);
    while begun.elapsed() < Duration::from_secs(apart) {
        // One block in one half, two in the other: of equal work they might be one block.
        all[0].generate(1, &miner(&lab, 2));
        all[1].generate(2, &miner(&lab, 3));
        std::thread::sleep(APART);
    }
    let heights = (all[0].info(), all[1].info());
    assert_ne!(heights.0.tip, heights.1.tip, "the halves went on by themselves");
    town.unite().expect("it was built");
    let begun = Instant::now();
    until("the halves meet", || {
        let infos: Vec<_> = all.iter().map(|node| node.info()).collect();
        let behind = infos.iter().filter(|info| info.tip != heights.1.tip).count();
        if behind == 0 { Ok(()) } else { Err(format!("{behind} are behind")) }
    });
    let met = begun.elapsed();
    assert!(met < PATIENCE);
    let again = all_have_peers(&all);
    eprintln!(
        "divided for {apart} s, at heights {} and {}: one tip after {:.1} s, all peers after {:.1} s more",
        heights.0.height,
        heights.1.height,
        met.as_secs_f64(),
        again.as_secs_f64()
    );
}
