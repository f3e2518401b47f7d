//! A fresh node that fetches everything from two others, beside an import of the same blocks from a file.

use super::load::submit_all;
use super::miner;
use starling_rpc::to_hex;
use starling_rpc::types::ChainInfo;
use starling_tests::{Desk, Lab, Node, Pace, Payer, agree, connect, until, variable};
use std::time::Instant;

const SENDERS: u16 = 500;
/// Payments, unless `STARLING_SYNC_PAYMENTS` says how many; and those of one block.
const USUAL_PAYMENTS: usize = 2_000;
const OF_A_BLOCK: usize = 10_000;
/// Rounds of import and sync whose median counts, when a number is asked for.
const MEASURED_ROUNDS: usize = 7;

/// Makes so many payments, in blocks, known to both.
fn fill(lab: &Lab, nodes: [&Node; 2], payers: &mut [Payer], count: usize) {
    let to = Payer::new(9_999).address();
    let mut left = count;
    while left > 0 {
        let now = left.min(OF_A_BLOCK);
        let payments: Vec<String> = (0..now)
            .map(|n| to_hex(payers[n % usize::from(SENDERS)].pay(lab.chain(), to, "0.01").bytes()))
            .collect();
        submit_all(nodes[0], &payments);
        nodes[0].generate(1, &miner(lab, 1));
        left -= now;
    }
    agree(&nodes);
}

#[test]
fn a_fresh_node_syncs_from_two_peers_what_an_import_reads_from_a_file() {
    let asked = variable("STARLING_SYNC_PAYMENTS");
    let payments = asked.unwrap_or(USUAL_PAYMENTS);
    let mut payers: Vec<Payer> = (0..SENDERS).map(Payer::new).collect();
    let lab = Lab::new(Pace::Asked, &payers.iter().map(|payer| (payer, "1000")).collect::<Vec<_>>());
    let (mut one, other) = (lab.node(&[]), lab.node(&[]));
    connect(&one, &other);
    fill(&lab, [&one, &other], &mut payers, payments);
    let goal = one.info();
    one.stop();
    let file = lab.folder().join("blocks").to_string_lossy().into_owned();
    let (chain, desk) = (lab.file().to_string_lossy().into_owned(), Desk::new());
    let data = one.data_dir().to_string_lossy().into_owned();
    let _ = desk.run(&["chain", "export", &file, "--chain", &chain, "--data-dir", &data]);
    one.restart();
    let mut rates = Vec::new();
    for round in 0..if asked.is_some() { MEASURED_ROUNDS } else { 1 } {
        let into = lab.folder().join(format!("imported-{round}")).to_string_lossy().into_owned();
        let begun = Instant::now();
        let _ = desk.run(&["chain", "import", &file, "--chain", &chain, "--data-dir", &into]);
        let imported = begun.elapsed().as_secs_f64();
        let synced = sync(&lab, [&one, &other], &goal);
        eprintln!("{payments} payments: synced in {synced:.2} s, imported in {imported:.2} s");
        rates.push(imported / synced);
    }
    rates.sort_by(f64::total_cmp);
    eprintln!("synced at {:.2} of the rate of an import (median)", rates[rates.len() / 2]);
}

/// Seconds in which a fresh node, from its start on, has what the two have.
fn sync(lab: &Lab, from: [&Node; 2], goal: &ChainInfo) -> f64 {
    let [one, other] = from.map(Node::address);
    let begun = Instant::now();
    let fresh = lab.node(&["--bootstrap", one, "--bootstrap", other]);
    until("the fresh node has it all", || {
        let info = fresh.info();
        if info.tip == goal.tip { Ok(()) } else { Err(format!("{} of {}", info.height, goal.height)) }
    });
    let synced = begun.elapsed().as_secs_f64();
    assert_eq!(fresh.info().supply, goal.supply);
    synced
}
