//! Two groups that mined apart for long, and meet.

use super::{miner, star};
use starling_primitives::TxId;
use starling_tests::{Lab, Node, Pace, Payer, agree, connect, until, variable, wait};
use std::time::Instant;

/// Blocks that the group mined which gives way, unless `STARLING_DIVISION` says how many; more than are
/// fetched ahead. The other mined one in a hundred more.
const USUAL_BLOCKS: u32 = 1_100;
/// Payers of each group: no pool takes more than 64 payments of one.
const PAYERS: u16 = 200;
/// What each pays, in STAR.
const PAID: &str = "0.01";

/// Mines so many blocks with a payment each.
fn mine(lab: &Lab, nodes: &[Node; 2], blocks: u32, payers: &mut [Payer], number: u16) -> Vec<TxId> {
    let (to, payout) = (Payer::new(number).address(), miner(lab, number));
    let count = payers.len();
    let pay = |n: u32| {
        let payer = &mut payers[usize::try_from(n).expect("few") % count];
        let payment = nodes[0].submit(&payer.pay(lab.chain(), to, PAID));
        nodes[0].generate(1, &payout);
        payment
    };
    let payments = (0..blocks).map(pay).collect();
    assert_eq!(agree(&[&nodes[1], &nodes[0]]).height, blocks);
    payments
}

#[test]
fn two_groups_that_mined_apart_for_long_meet() {
    let blocks = variable("STARLING_DIVISION").unwrap_or(USUAL_BLOCKS);
    let mut payers: Vec<Payer> = (0..2 * PAYERS).map(|n| Payer::new(1_000 + n)).collect();
    let lab = Lab::new(Pace::Fixed, &payers.iter().map(|payer| (payer, "1000")).collect::<Vec<_>>());
    let (ours, theirs) = payers.split_at_mut(usize::from(PAYERS));
    let groups: [[Node; 2]; 2] = std::array::from_fn(|_| {
        let nodes = [lab.node(&[]), lab.node(&[])];
        connect(&nodes[0], &nodes[1]);
        nodes
    });
    let more = blocks + blocks / 100 + 1;
    let left = mine(&lab, &groups[0], blocks, ours, 11);
    let _ = mine(&lab, &groups[1], more, theirs, 12);
    let begun = Instant::now();
    wait(groups[0][1].rpc().net_add(groups[1][1].address())).expect("an address can be added");
    let all: Vec<&Node> = groups.iter().flatten().collect();
    assert_eq!(agree(&all).height, more, "the one with more work");
    eprintln!("apart for {blocks} and {more} blocks: one tip after {:.1} s", begun.elapsed().as_secs_f64());
    // What was in blocks of the others waits for the next ones.
    let pending = || wait(groups[1][0].rpc().mempool_info()).expect("a running node answers").count;
    until("the payments come back", || {
        let (count, all) = (pending(), u64::try_from(left.len()).expect("few"));
        if count == all { Ok(()) } else { Err(format!("{count} of {all}")) }
    });
    while pending() > 0 {
        groups[1][0].generate(1, &miner(&lab, 12));
    }
    agree(&all);
    for payment in &left {
        groups[0][0].until_mined(*payment);
    }
    let paid = |number: u16| groups[0][0].balance(Payer::new(number).address());
    let cents = |count: u32| format!("{}.{:02}", count / 100, count % 100);
    assert_eq!((paid(11), paid(12)), (star(&cents(blocks)), star(&cents(more))));
}
