//! Tests.

use super::super::testing::*;
use super::super::*;
use super::*;

/// Tells the pool of blocks and checks it.
fn tell(pool: &mut Mempool, world: &World, disconnected: &[&Mined], connected: &[&Mined]) -> TipReport {
    let tips = |blocks: &[&Mined]| -> Vec<Vec<Arc<Transaction>>> {
        blocks.iter().map(|block| block.txs.clone()).collect()
    };
    let (gone, new) = (tips(disconnected), tips(connected));
    let disconnected: Vec<_> =
        disconnected.iter().zip(&gone).map(|(b, txs)| TipBlock { txs, ..b.tip() }).collect();
    let connected: Vec<_> = connected.iter().zip(&new).map(|(b, txs)| TipBlock { txs, ..b.tip() }).collect();
    let report = pool.tip_changed(&disconnected, &connected, &world.settled()).unwrap();
    pool.check_invariants(world);
    report
}

#[test]
fn what_a_block_took_leaves() {
    let mut world = World::new();
    let mut pool = world.pool();
    let first = pay(1, 0, 10).sign(&world);
    let admitted = pool.offer(&world, &first, Source::Local).unwrap();
    pool.submit(&world, &pay(1, 1, 10)).unwrap();
    pool.submit(&world, &pay(2, 0, 10)).unwrap();
    let unseen = pay(3, 0, 10).sign(&world);
    let block = world.mine(&[Arc::clone(&first), unseen]);
    let report = tell(&mut pool, &world, &[], &[&block]);
    assert_eq!(report, TipReport { mined: vec![first.wtxid()], ..TipReport::default() });
    assert_eq!(pool.nonces(1), (vec![1], vec![]));
    assert_eq!(pool.status(&admitted.txid), TxStatus::Mined { height: 101, block: block.id });
    assert!(pool.is_verified(&first.wtxid()), "kept for when the block is disconnected");
    assert_eq!(pool.story(&admitted.txid), ["received", "accepted", "mined"]);
}

#[test]
fn a_block_of_the_whole_selection_leaves_nothing_of_it() {
    let mut world = World::new();
    let mut pool = world.pool();
    for (who, nonce) in [(1, 0), (1, 1), (2, 0), (3, 0), (3, 2)] {
        pool.submit(&world, &pay(who, nonce, 10 + nonce).to(stranger(who), "1")).unwrap();
    }
    let txs = pool.select(u32::MAX, &world.settled()).unwrap();
    let block = world.mine(&txs);
    assert_eq!(tell(&mut pool, &world, &[], &[&block]).mined.len(), 4);
    assert_eq!((pool.info().executable, pool.nonces(3)), (0, (vec![], vec![2])));
}

#[test]
fn a_block_with_another_of_the_same_nonce_drops_ours() {
    let mut world = World::new();
    let mut pool = world.pool();
    let ours = pool.submit(&world, &pay(1, 0, 10)).unwrap();
    let next = pool.submit(&world, &pay(1, 1, 10)).unwrap();
    let theirs = pay(1, 0, 11).sign(&world);
    let block = world.mine(std::slice::from_ref(&theirs));
    let report = tell(&mut pool, &world, &[], &[&block]);
    assert_eq!(report.dropped, [ours.wtxid]);
    assert!(pool.contains(&next.wtxid));
    let conflict = EventKind::Dropped(DropReason::Conflict(theirs.txid(&world.genesis)));
    assert_eq!(pool.events(&ours.txid).last().map(|event| &event.what), Some(&conflict));
    assert_eq!(pool.status(&ours.txid), TxStatus::Dropped);
}

#[test]
fn what_the_new_balance_does_not_cover_goes_from_the_end() {
    let mut world = World::new();
    let mut pool = world.pool();
    pool.submit(&world, &pay(1, 1, 10).to(address(2), "300")).unwrap();
    let last = pool.submit(&world, &pay(1, 2, 10).to(address(2), "300")).unwrap();
    let block = world.mine(&[pay(1, 0, 10).to(address(2), "500").sign(&world)]);
    let report = tell(&mut pool, &world, &[], &[&block]);
    assert_eq!(report.dropped, [last.wtxid]);
    assert_eq!(report.promoted.len(), 1);
    assert_eq!(pool.nonces(1), (vec![1], vec![]));
    assert_eq!(pool.story(&last.txid), ["received", "accepted", "dropped"]);
}

#[test]
fn a_block_closes_a_gap() {
    let mut world = World::new();
    let mut pool = world.pool();
    let second = pool.submit(&world, &pay(1, 1, 10)).unwrap();
    let block = world.mine(&[pay(1, 0, 10).sign(&world)]);
    let report = tell(&mut pool, &world, &[], &[&block]);
    assert_eq!(report.promoted, [second.wtxid]);
    assert_eq!(pool.nonces(1), (vec![1], vec![]));
}

#[test]
fn what_expires_leaves_and_its_followers_wait() {
    let mut world = World::new();
    let mut pool = world.pool();
    let mortal = pool.submit(&world, &pay(1, 0, 10).valid_until(world.height + 21)).unwrap();
    for nonce in 1..20 {
        pool.submit(&world, &pay(1, nonce, 10)).unwrap();
    }
    for _ in 0..20 {
        let block = world.mine(&[]);
        assert_eq!(tell(&mut pool, &world, &[], &[&block]), TipReport::default());
    }
    let block = world.mine(&[]);
    let report = tell(&mut pool, &world, &[], &[&block]);
    assert_eq!((report.dropped.len(), report.dropped[0]), (1 + 3, mortal.wtxid), "16 may wait");
    let why = DropReason::Expired { valid_until: 121 };
    assert_eq!(pool.events(&mortal.txid).last().map(|e| &e.what), Some(&EventKind::Dropped(why)));
    assert_eq!(pool.nonces(1), (vec![], (1..17).collect()));
}

#[test]
fn a_disconnected_block_gives_its_transactions_back() {
    let mut world = World::new();
    let mut pool = world.pool();
    let ours = pay(1, 0, 10).sign(&world);
    let theirs = pay(2, 0, 10).sign(&world);
    let admitted = pool.offer(&world, &ours, Source::Local).unwrap();
    let block = world.mine(&[ours.clone(), theirs.clone()]);
    tell(&mut pool, &world, &[], &[&block]);
    // A long chain of followers keeps its places.
    for nonce in 1..60 {
        pool.submit(&world, &pay(1, nonce, 10)).unwrap();
    }
    world.undo(&block);
    let report = tell(&mut pool, &world, &[&block], &[]);
    assert_eq!(report.returned, [ours.wtxid(), theirs.wtxid()]);
    assert_eq!((report.dropped, report.promoted), (vec![], vec![]));
    assert_eq!(pool.nonces(1), ((0..60).collect(), vec![]));
    let story = ["received", "accepted", "mined", "disconnected", "received", "accepted"];
    assert_eq!(pool.story(&admitted.txid), story);
    assert!(pool.is_verified(&theirs.wtxid()));
}

#[test]
fn one_that_the_new_branch_has_too_stays_mined() {
    let mut world = World::new();
    let mut pool = world.pool();
    let tx = pay(1, 0, 10).sign(&world);
    let admitted = pool.offer(&world, &tx, Source::Local).unwrap();
    let old = world.mine(std::slice::from_ref(&tx));
    tell(&mut pool, &world, &[], &[&old]);
    world.undo(&old);
    let first = world.mine(&[]);
    let second = world.mine(std::slice::from_ref(&tx));
    let report = tell(&mut pool, &world, &[&old], &[&second, &first]);
    assert_eq!(report, TipReport::default());
    assert_eq!(pool.status(&admitted.txid), TxStatus::Mined { height: 102, block: second.id });
    assert_eq!(pool.story(&admitted.txid), ["received", "accepted", "mined", "disconnected", "mined"]);
}

#[test]
fn one_that_the_new_branch_made_impossible_does_not_come_back() {
    let mut world = World::new();
    let mut pool = world.pool();
    let mine = pool.submit(&world, &pay(1, 0, 10)).unwrap();
    let tx = Arc::clone(pool.get(&mine.wtxid).unwrap());
    let old = world.mine(&[tx]);
    tell(&mut pool, &world, &[], &[&old]);
    world.undo(&old);
    let new = world.mine(&[pay(1, 0, 12).sign(&world)]);
    let report = tell(&mut pool, &world, &[&old], &[&new]);
    assert!(report.returned.is_empty() && pool.info().count == 0);
    assert_eq!(pool.status(&mine.txid), TxStatus::Dropped);
}

#[test]
fn a_miners_free_transaction_does_not_come_back() {
    let mut world = World::new();
    let mut pool = world.pool();
    let block = world.mine(&[pay(1, 0, 0).sign(&world), pay(2, 0, 10).valid_until(101).sign(&world)]);
    tell(&mut pool, &world, &[], &[&block]);
    world.undo(&block);
    // The second is still good for the next block, however short its life.
    assert_eq!(tell(&mut pool, &world, &[&block], &[]).returned.len(), 1);
    assert_eq!(pool.nonces(2), (vec![0], vec![]));
    let empty = world.mine(&[]);
    assert_eq!(tell(&mut pool, &world, &[], &[&empty]).dropped.len(), 1);
}

#[test]
fn those_after_a_lost_nonce_wait_again() {
    let mut world = World::new();
    let mut pool = world.pool();
    let free = pay(1, 0, 0).sign(&world);
    let block = world.mine(&[free]);
    tell(&mut pool, &world, &[], &[&block]);
    for nonce in 1..30 {
        pool.submit(&world, &pay(1, nonce, 10)).unwrap();
    }
    world.undo(&block);
    let report = tell(&mut pool, &world, &[&block], &[]);
    assert_eq!(pool.nonces(1), (vec![], (1..17).collect()));
    assert_eq!(report.dropped.len(), 13);
}

#[test]
fn recipients_that_ceased_to_exist_are_charged_again() {
    let mut world = World::new();
    let mut pool = world.pool();
    let block = world.mine(&[pay(1, 0, 0).to(stranger(1), "1").sign(&world)]);
    tell(&mut pool, &world, &[], &[&block]);
    // Account 2 can just pay while the recipient exists.
    let tx = pay(2, 0, 10).to(stranger(1), "5");
    let balance = tx.sign(&world).spent().unwrap();
    world.accounts.insert(address(2), Account { nonce: 0, balance });
    let admitted = pool.submit(&world, &tx).unwrap();
    world.undo(&block);
    world.accounts.insert(address(2), Account { nonce: 0, balance });
    let report = tell(&mut pool, &world, &[&block], &[]);
    assert_eq!(report.dropped, [admitted.wtxid]);
}

#[test]
fn money_that_a_reorganisation_took_back_cannot_be_spent() {
    let mut world = World::new();
    let mut pool = world.pool();
    let block = world.mine(&[pay(1, 0, 10).to(address(9), "5").sign(&world)]);
    tell(&mut pool, &world, &[], &[&block]);
    let spend = pool.submit(&world, &pay(9, 0, 10)).unwrap();
    world.undo(&block);
    let report = tell(&mut pool, &world, &[&block], &[]);
    assert_eq!((report.dropped, report.returned.len()), (vec![spend.wtxid], 1));
}

#[test]
fn returning_ones_make_room_by_fee() {
    let mut world = World::new();
    let mut pool = world.pool_for(2);
    let block = world.mine(&[pay(1, 0, 30).sign(&world)]);
    tell(&mut pool, &world, &[], &[&block]);
    let poor = pool.submit(&world, &pay(2, 0, 10)).unwrap();
    pool.submit(&world, &pay(3, 0, 20)).unwrap();
    world.undo(&block);
    let report = tell(&mut pool, &world, &[&block], &[]);
    assert_eq!((report.returned.len(), report.dropped), (1, vec![poor.wtxid]));
    assert!(pool.floor() > FLOOR);
}

#[test]
fn a_deep_reorganisation_gives_back_what_the_pool_can_hold() {
    let mut world = World::new();
    let mut pool = world.pool_for(3);
    let first = world.mine(&[pay(1, 0, 10).sign(&world), pay(1, 1, 10).sign(&world)]);
    let second = world.mine(&[pay(1, 2, 10).sign(&world), pay(1, 3, 90).sign(&world)]);
    tell(&mut pool, &world, &[], &[&first, &second]);
    world.undo(&second);
    world.undo(&first);
    let report = tell(&mut pool, &world, &[&second, &first], &[]);
    assert_eq!((report.returned.len(), pool.nonces(1)), (3, (vec![0, 1, 2], vec![])));
}

#[test]
fn estimates_learn_from_transactions_seen_before_their_block() {
    let mut world = World::new();
    world.params = Arc::new(Params { max_body_bytes: 360, ..(*world.params).clone() });
    let mut pool = world.pool();
    let seen = pay(1, 0, 30).sign(&world);
    pool.offer(&world, &seen, Source::Local).unwrap();
    let unseen = pay(2, 0, 9_000).sign(&world);
    let block = world.mine(&[seen, unseen]);
    tell(&mut pool, &world, &[], &[&block]);
    assert_eq!(pool.estimate_fee(1), FLOOR / 10 * 30);
}

#[test]
fn a_store_that_fails_changes_nothing() {
    let mut world = World::new();
    let mut pool = world.pool();
    pool.submit(&world, &pay(1, 0, 10)).unwrap();
    let block = world.mine(&[pay(1, 0, 11).sign(&world)]);
    let before = pool.info();
    world.broken.set(true);
    assert_eq!(pool.tip_changed(&[], &[block.tip()], &world.settled()), Err("broken"));
    assert_eq!(pool.info(), before);
}
