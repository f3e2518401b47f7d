//! Tests.

use super::super::testing::*;
use super::*;

fn chain(world: &World, nonces: &[u64]) -> Chain {
    let mut chain = Chain::new(0);
    for nonce in nonces {
        let tx = pay(1, *nonce, 10).sign(world);
        let (txid, need) = (tx.txid(&world.genesis), star("1"));
        let source = Source::Local;
        chain.insert(Entry { tx, txid, need, source, added: 5, waiting_since: None, arrival: *nonce });
    }
    chain.renew(10);
    chain
}

fn nonces(entries: &[Entry]) -> Vec<u64> {
    entries.iter().map(Entry::nonce).collect()
}

#[test]
fn executable_is_what_follows_without_a_gap() {
    let world = World::new();
    let mut chain = chain(&world, &[4, 1, 0, 3]);
    assert_eq!((nonces(chain.executable()), nonces(chain.waiting())), (vec![0, 1], vec![3, 4]));
    assert_eq!((chain.next_nonce(), chain.base()), (2, 0));
    assert!(chain.waiting().iter().all(|entry| entry.waiting_since == Some(10)));
    chain.remove(0).unwrap();
    assert!(chain.renew(20).is_empty());
    assert_eq!(nonces(chain.waiting()), [1, 3, 4]);
    let since: Vec<_> = chain.waiting().iter().map(|entry| entry.waiting_since).collect();
    assert_eq!(since, [Some(20), Some(10), Some(10)]);
}

#[test]
fn settling_drops_used_nonces_then_the_poorest_end() {
    let world = World::new();
    let mut chain = chain(&world, &[0, 1, 2, 3]);
    let left = chain.settle(&Account { nonce: 2, balance: star("1.5") });
    chain.renew(20);
    let left: Vec<_> = left.into_iter().map(|(entry, why)| (entry.nonce(), why)).collect();
    let used = DropReason::NonceUsed;
    assert_eq!(left, [(0, used.clone()), (1, used), (3, DropReason::Insufficient)]);
    assert_eq!(nonces(chain.executable()), [2]);
}

#[test]
fn settling_keeps_16_behind_a_gap() {
    let world = World::new();
    let all: Vec<u64> = (1..=20).collect();
    let mut chain = chain(&world, &all);
    let left = chain.settle(&Account { nonce: 0, balance: star("100") });
    chain.renew(20);
    let left: Vec<_> = left.iter().map(|(entry, why)| (entry.nonce(), why)).collect();
    assert_eq!(left, [20, 19, 18, 17].map(|nonce| (nonce, &DropReason::TooManyWaiting)));
    assert_eq!((chain.executable().len(), chain.waiting().len()), (0, MAX_WAITING));
}
