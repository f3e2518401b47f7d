//! Tests of what came too early.

use super::super::tests::{Node, pay};
use super::*;

#[test]
fn the_lowest_of_a_sender_comes_first_and_the_oldest_make_room() {
    let node = Node::new();
    let chain = node.core.chain();
    let to = pay(chain, 1, 0, Address::new([9; 20]), 1).sender();
    let (mut early, from) = (Early::default(), PeerId::random());
    for (key, nonce) in [(1, 7), (2, 3), (1, 5), (1, 5), (1, 9)] {
        early.keep(from, pay(chain, key, nonce, to, 1));
    }
    let mut next = || early.next_of(&to).map(|(_, tx)| tx.unsigned().nonce);
    assert_eq!([next(), next(), next(), next()], [Some(5), Some(7), Some(9), None]);
    early.keep(from, pay(chain, 1, 1, to, 1));
    let all: Vec<u64> = early.drain().iter().map(|(_, tx)| tx.unsigned().nonce).collect();
    assert_eq!((all, early.bytes), (vec![1, 3], 0));

    let size = bytes(&pay(chain, 1, 0, to, 1));
    let (of_one, fit) = (PEER_BYTES / size, MAX_BYTES / size);
    for nonce in 0..1_000 {
        early.keep(from, pay(chain, 1, nonce, to, 1));
    }
    assert_eq!(early.txs.len(), of_one);
    for nonce in 1_000..2_000 {
        early.keep(PeerId::random(), pay(chain, 1, nonce, to, 1));
    }
    assert_eq!(early.txs.len(), fit);
    let oldest = 1_000 + (1_000 - u64::try_from(fit).unwrap());
    assert_eq!(early.next_of(&to).unwrap().1.unsigned().nonce, oldest);
}
