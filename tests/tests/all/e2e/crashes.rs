//! Nodes that are killed, and nodes that are asked to end.

use super::{miner, settle, star};
use nix::sys::signal::Signal;
use starling_primitives::TxId;
use starling_rpc::types::TxStatus;
use starling_tests::{Desk, Lab, Node, Pace, Payer, agree, connect, wait};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Kills of nodes that mine.
const KILLS: usize = 6;
/// Kills in the midst of a reorganisation.
const REORG_KILLS: u32 = 5;

/// A moment somewhere within `most` from now: the test's subject, not a wait for progress.
fn some_moment(most: Duration) {
    let clock = SystemTime::now().duration_since(UNIX_EPOCH).expect("1970 is past").subsec_nanos();
    std::thread::sleep(most * (clock / 1_000 % 1_000) / 1_000);
}

/// `starling chain verify` on a stopped node's data: its height.
fn verified_height(lab: &Lab, data_dir: &Path) -> u64 {
    let (chain, data) = (lab.file(), data_dir.to_string_lossy());
    let args = ["chain", "verify", "--chain", &chain.to_string_lossy(), "--data-dir", &data, "--json"];
    let verified: serde_json::Value = Desk::new().run(&args).json();
    assert_eq!(verified["ok"], true, "{verified}");
    verified["height"].as_u64().expect("a height")
}

#[test]
fn nodes_killed_while_they_mine_end_on_one_tip() {
    let (mut alice, bob) = (Payer::new(1), Payer::new(2));
    let lab = Lab::new(Pace::Mined, &[(&alice, "1000")]);
    let payouts = [miner(&lab, 1), miner(&lab, 2)];
    let first = lab.node(&["--mine", "--payout", &payouts[0]]);
    let bootstrap = first.as_bootstrap().map(str::to_owned);
    let second = lab.node(&["--mine", "--payout", &payouts[1], &bootstrap[0], &bootstrap[1]]);
    let second_too = second.as_bootstrap();
    let third = lab.node(&[&bootstrap[0], &bootstrap[1], second_too[0], second_too[1]]);
    let mut nodes = [first, second, third];

    let mut payments: Vec<TxId> = Vec::new();
    for round in 0..KILLS {
        let [victim, other] = [round % 3, (round + 1) % 3];
        // A payment that a killed node alone knew may be lost with it: its pool is saved two seconds later.
        payments.iter().for_each(|payment| drop(nodes[other].until_mined(*payment)));
        let before = nodes[victim].info().height;
        payments.push(nodes[other].submit(&alice.pay(lab.chain(), bob.address(), "1")));
        nodes[victim].until_height(before + 1);
        some_moment(Duration::from_millis(500));
        nodes[victim].kill();
        nodes[victim].restart();
    }
    for payment in payments {
        nodes[2].until_mined(payment);
    }
    nodes[0].rest();
    nodes[1].rest();
    let tip = settle(&lab, &[&nodes[0], &nodes[1], &nodes[2]]);
    for node in &mut nodes {
        assert_eq!(node.balance(bob.address()), star("6"));
        assert_eq!(node.info().supply, lab.supply(tip.height, 1));
        node.stop();
        assert_eq!(verified_height(&lab, &node.data_dir()), u64::from(tip.height));
    }
}

#[test]
fn a_signal_ends_a_node_cleanly_and_pending_payments_stay() {
    let (mut alice, bob) = (Payer::new(1), Payer::new(2));
    let lab = Lab::new(Pace::Asked, &[(&alice, "1000")]);
    let mut node = lab.node(&[]);
    node.generate(2, &miner(&lab, 1));
    let payments: Vec<TxId> =
        (0..3).map(|_| node.submit(&alice.pay(lab.chain(), bob.address(), "1"))).collect();
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let (status, took) = node.end(signal);
        assert!(status.success(), "{signal}: {status}");
        assert!(took < Duration::from_secs(5), "{signal}: {took:?}");
        for name in ["rpc.cookie", "rpc.addr"] {
            assert!(!node.data_dir().join(name).exists(), "{name} is of a running node");
        }
        node.restart();
        for payment in &payments {
            let report = wait(node.rpc().tx_get(*payment)).expect("a running node answers");
            assert_eq!(report.status, TxStatus::Pending, "{report:?}");
        }
        assert_eq!(node.account(alice.address()).pending_nonce, 3);
    }
    node.generate(1, &miner(&lab, 1));
    assert_eq!(node.balance(bob.address()), star("3"));
}

/// A chain of so many blocks, a payment in each.
fn paid_blocks(lab: &Lab, node: &Node, count: u32, from: &mut [Payer], payout: u16) {
    let to = Payer::new(500 + payout).address();
    for block in 0..count as usize {
        let payer = block % from.len();
        node.submit(&from[payer].pay(lab.chain(), to, "0.1"));
        node.generate(1, &miner(lab, payout));
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a temporary folder can be made");
    for entry in fs::read_dir(from).expect("a data directory can be read") {
        let entry = entry.expect("an entry can be read");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a file of ours can be copied");
        }
    }
}

#[test]
fn a_reorganisation_that_is_killed_goes_on_after_a_restart() {
    let mut alices: Vec<Payer> = (1..=5).map(Payer::new).collect();
    let mut carols: Vec<Payer> = (6..=10).map(Payer::new).collect();
    let funded: Vec<_> = alices.iter().chain(&carols).map(|payer| (payer, "1000")).collect();
    let lab = Lab::new(Pace::Asked, &funded);
    let (mut short, long) = (lab.node(&[]), lab.node(&[]));
    paid_blocks(&lab, &short, 100, &mut alices, 1);
    paid_blocks(&lab, &long, 130, &mut carols, 2);
    short.stop();
    let copy = |number: u32| {
        let folder = lab.folder().join(format!("copy{number}"));
        copy_folder(&short.data_dir(), &folder.join("data"));
        // One peer that came so often would be asked to wait.
        fs::remove_file(folder.join("data/peer.key")).expect("each node has a key");
        Node::start(&lab.file(), &folder, &[])
    };

    // One that nobody disturbs shows how long it takes.
    let calm = copy(0);
    let begun = Instant::now();
    connect(&calm, &long);
    assert_eq!(agree(&[&calm, &long]).height, 130);
    let whole = begun.elapsed();
    let pool = wait(calm.rpc().mempool_info()).expect("a running node answers");
    assert_eq!(pool.count, 100, "the payments of the branch that was left");

    for number in 1..=REORG_KILLS {
        let mut victim = copy(number);
        victim.add(&long);
        std::thread::sleep(whole * number / REORG_KILLS);
        victim.kill();
        victim.restart();
        victim.add(&long);
        agree(&[&victim, &long]);
        victim.stop();
        assert_eq!(verified_height(&lab, &victim.data_dir()), 130);
    }
}
