//! End to end: real processes on loopback, started, killed, frozen and fed with garbage as a person or a
//! machine would. Whatever happens, the nodes end on one tip and their accounts add up.

mod bench;
mod commands;
mod commands_chain;
mod crashes;
mod damage;
mod data;
mod discovery;
mod disk;
mod division;
mod garbage;
mod hostile;
mod load;
mod logs;
mod metrics;
mod miner;
mod nat;
mod network;
mod proofs;
mod signals;
mod stranger;
mod sync;
mod town;
mod upload;
mod wallets;

use starling_primitives::Amount;
use starling_rpc::types::ChainInfo;
use starling_tests::{Lab, Node, Payer, agree, until};

/// Whom miners pay: an account that nobody else pays.
fn miner(lab: &Lab, number: u16) -> String {
    Payer::new(10_000 + number).text(lab.chain())
}

fn star(text: &str) -> Amount {
    Amount::from_star(text).expect("an amount")
}

/// Waits until all agree, when miners have stopped: two that stop at once may leave two tips of equal work,
/// and the next block decides.
fn settle(lab: &Lab, nodes: &[&Node]) -> ChainInfo {
    until("all nodes have heard of all blocks", || {
        let works: Vec<_> = nodes.iter().map(|node| node.info().work).collect();
        if works.iter().all(|work| *work == works[0]) { Ok(()) } else { Err(format!("{works:?}")) }
    });
    nodes[0].generate(1, &miner(lab, 0));
    agree(nodes)
}
