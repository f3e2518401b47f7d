//! `starling mine` against a node in another process.

use serde_json::Value;
use starling_tests::{Desk, Ended, Lab, Node, Pace, Payer, agree, connect, until};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

fn mine(desk: &Desk, node: &Node, payout: &str) -> Child {
    let mut command =
        desk.command(&["mine", "--node", node.url(), "--payout", payout, "--threads", "1", "--json"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts")
}

/// Sends Ctrl-C and collects what the miner said, one JSON object a line.
fn interrupt(miner: Child) -> Vec<Value> {
    let asked = Instant::now();
    let ended = Ended::interrupted(miner, "mine".to_owned());
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    ended.out().lines().map(|line| serde_json::from_str(line).expect("one JSON object a line")).collect()
}

fn events<'a>(said: &'a [Value], name: &str) -> Vec<&'a Value> {
    said.iter().filter(|event| event["event"] == name).collect()
}

#[test]
fn a_miner_in_another_process_finds_blocks_and_pays_the_given_address() {
    let lab = Lab::new(Pace::Mined, &[]);
    let (node, peer) = (lab.node(&[]), lab.node(&[]));
    connect(&node, &peer);
    let payee = Payer::new(1);
    let desk = Desk::new();
    let miner = mine(&desk, &node, &payee.text(lab.chain()));
    peer.until_height(4);
    let said = interrupt(miner);

    let tip = agree(&[&node, &peer]);
    assert_eq!(
        peer.balance(payee.address()),
        lab.supply(tip.height, 0),
        "all of the blocks paid the address"
    );
    let started = events(&said, "started");
    assert_eq!(started.len(), 1, "{said:?}");
    let blocks = events(&said, "block");
    assert!(blocks.len() >= 4 && blocks.iter().all(|block| block["canonical"] == true), "{said:?}");
    let summary = said.last().expect("it said something");
    assert_eq!(summary["event"], "summary");
    assert_eq!(summary["blocks"].as_u64(), u64::try_from(blocks.len()).ok(), "{said:?}");
    assert!(summary["hashes"].as_u64().is_some_and(|hashes| hashes > 0), "{summary}");
}

#[test]
fn a_miner_outlives_the_restart_of_its_node() {
    let lab = Lab::new(Pace::Mined, &[]);
    let mut node = lab.node(&[]);
    let payee = Payer::new(1);
    let desk = Desk::new();
    let miner = mine(&desk, &node, &payee.text(lab.chain()));
    node.until_height(2);
    node.kill();
    node.restart();
    let height = node.info().height;
    node.until_height(height + 2);
    let said = interrupt(miner);
    assert_eq!(node.balance(payee.address()), lab.supply(node.info().height, 0));
    assert!(!events(&said, "block").is_empty(), "{said:?}");
}

#[test]
fn a_miner_says_what_it_lacks() {
    let desk = Desk::new();
    let ended = desk.run(&["mine", "--node", "http://127.0.0.1:1"]);
    assert!(ended.failed(2).contains("--payout"), "{ended:?}");
    let payee = Payer::new(1).text(&starling_genesis::Chain::dev());
    let ended = desk.run(&["mine", "--node", "http://127.0.0.1:1", "--payout", &payee]);
    assert!(ended.failed(3).contains("http://127.0.0.1:1"), "{ended:?}");
    let lab = Lab::new(Pace::Mined, &[]);
    let node = lab.node(&[]);
    let ended = desk.run(&["mine", "--node", node.url(), "--payout", "nonsense"]);
    assert!(matches!(ended.code, Some(2 | 4)), "{ended:?}");
    until(
        "the wrong miner left no mark",
        || if node.info().height == 0 { Ok(()) } else { Err(String::new()) },
    );
}
