//! Tests.

use super::super::testing::*;
use super::*;

const ONE: u32 = 171;

fn picked(pool: &Mempool, world: &World, max_body_bytes: u32) -> Vec<(u8, u64)> {
    let txs = pool.select(max_body_bytes, &world.settled()).unwrap();
    let bytes: usize = txs.iter().map(|tx| tx.size() + TX_LEN_BYTES).sum();
    assert!(bytes <= usize::try_from(max_body_bytes).unwrap());
    let who = |tx: &Transaction| (1..=8).find(|who| address(*who) == tx.sender()).unwrap();
    txs.iter().map(|tx| (who(tx), tx.unsigned().nonce)).collect()
}

#[test]
fn the_best_prefixes_come_first() {
    let world = World::new();
    let mut pool = world.pool();
    // 1: 10 and 50 are worth 30 together. 2: 40, then 20. 3: 25 behind a gap.
    for (who, nonce, rate) in [(1, 0, 10), (1, 1, 50), (2, 0, 40), (2, 1, 20), (3, 1, 25)] {
        pool.submit(&world, &pay(who, nonce, rate)).unwrap();
    }
    let order = [(2, 0), (1, 0), (1, 1), (2, 1)];
    assert_eq!(picked(&pool, &world, u32::MAX), order);
    assert_eq!(picked(&pool, &world, 3 * ONE), order[..3]);
    assert_eq!(picked(&pool, &world, 0), []);
}

#[test]
fn equal_rates_go_by_arrival() {
    let world = World::new();
    let mut pool = world.pool();
    for (who, nonce) in [(3, 1), (2, 0), (1, 0), (3, 0)] {
        pool.submit(&world, &pay(who, nonce, 10)).unwrap();
    }
    assert_eq!(picked(&pool, &world, u32::MAX), [(2, 0), (1, 0), (3, 0), (3, 1)]);
}

#[test]
fn a_body_is_filled_to_the_byte_with_what_fits() {
    let world = World::new();
    let mut pool = world.pool();
    pool.submit(&world, &pay(1, 0, 40)).unwrap();
    // Worth 30 together, too large for what is left; nothing of it is taken, nor what follows it.
    for (nonce, rate) in [(0, 20), (1, 40), (2, 15)] {
        pool.submit(&world, &pay(2, nonce, rate)).unwrap();
    }
    pool.submit(&world, &pay(3, 0, 12)).unwrap();
    assert_eq!(picked(&pool, &world, 3 * ONE - 1), [(1, 0), (3, 0)]);
    assert_eq!(picked(&pool, &world, 3 * ONE), [(1, 0), (2, 0), (2, 1)]);
    assert_eq!(picked(&pool, &world, 2 * ONE - 1), [(1, 0)]);
}

#[test]
fn what_a_block_cannot_hold_closes_its_sender() {
    let mut world = World::new();
    let mut pool = world.pool();
    pool.submit(&world, &pay(1, 0, 10).valid_until(world.height + 21)).unwrap();
    pool.submit(&world, &pay(1, 1, 10)).unwrap();
    pool.submit(&world, &pay(2, 0, 10)).unwrap();
    // The pool was not told of these blocks, nor that money is gone or a nonce used.
    world.height += 21;
    assert_eq!(picked(&pool, &world, u32::MAX), [(2, 0)]);
    world.height -= 1;
    assert_eq!(picked(&pool, &world, u32::MAX), [(1, 0), (1, 1), (2, 0)]);
    world.accounts.get_mut(&address(1)).unwrap().balance = star("0.5");
    assert_eq!(picked(&pool, &world, u32::MAX), [(2, 0)]);
    world.accounts.insert(address(1), Account { nonce: 1, balance: star("1000") });
    assert_eq!(picked(&pool, &world, u32::MAX), [(2, 0)]);
}

#[test]
fn a_store_that_fails_is_told() {
    let world = World::new();
    let mut pool = world.pool();
    pool.submit(&world, &pay(1, 0, 10)).unwrap();
    world.broken.set(true);
    assert_eq!(pool.select(u32::MAX, &world.settled()).err(), Some("broken"));
}
