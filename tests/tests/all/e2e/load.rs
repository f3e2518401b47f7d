//! Many payments, and many blocks.

use super::{miner, star};
use starling_primitives::{Address, Amount, TxId};
use starling_rpc::types::{BlockRef, TxSubmission};
use starling_rpc::{ApiError, ClientError, ErrorKind, to_hex};
use starling_tests::{Lab, Node, PATIENCE, Pace, Payer, agree, connect, until, wait};
use std::collections::HashSet;
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
fn submit_all(node: &Node, payments: &[String]) -> Vec<TxId> {
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
