//! Tests.

use super::super::testing::*;
use super::super::*;
use super::*;

#[test]
fn names_lead_to_the_transaction() {
    let world = World::new();
    let mut pool = world.pool();
    let tx = pay(1, 1, 10).sign(&world);
    let (wtxid, txid) = (tx.wtxid(), tx.txid(&world.genesis));
    assert_eq!((pool.get(&wtxid), pool.get_by_txid(&txid)), (None, None));
    assert_eq!(pool.status(&txid), TxStatus::Unknown);
    assert!(!pool.is_verified(&wtxid));
    pool.offer(&world, &tx, Source::Local).unwrap();
    let expected = PoolTx { tx: Arc::clone(&tx), txid, executable: false, added: world.now };
    assert_eq!((pool.get(&wtxid), pool.get_by_txid(&txid)), (Some(&tx), Some(expected)));
    assert_eq!(pool.status(&txid), TxStatus::Pending);
    assert!(pool.is_verified(&wtxid));
}

#[test]
fn announcements_are_on_the_trail() {
    let world = World::new();
    let mut pool = world.pool();
    let admitted = pool.submit(&world, &pay(1, 0, 10)).unwrap();
    pool.note_announced(&admitted.wtxid, 4, world.now + 1);
    pool.note_announced(&Wtxid::new([1; 32]), 4, world.now + 1);
    assert_eq!(pool.story(&admitted.txid), ["received", "accepted", "announced"]);
    assert_eq!(pool.take_fresh().events.len(), 3);
}

#[test]
fn the_pending_account_is_what_its_owner_can_use() {
    let world = World::new();
    let mut pool = world.pool();
    let ask = |pool: &Mempool, who: &Address| pool.pending_account(who, &world.settled()).unwrap();
    let settled = PendingAccount { nonce: 0, balance: star("1000") };
    assert_eq!(ask(&pool, &address(1)), settled);
    assert_eq!(ask(&pool, &stranger(1)), PendingAccount { nonce: 0, balance: Amount::ZERO });
    let mut spent = Amount::ZERO;
    for nonce in [0, 1, 3] {
        let pay = pay(1, nonce, 10).to(stranger(1), "5");
        let charged = pay.sign(&world).spent().unwrap().checked_add(star("0.01")).unwrap();
        spent = spent.checked_add(charged).unwrap();
        pool.submit(&world, &pay).unwrap();
    }
    let left = star("1000").checked_sub(spent).unwrap();
    assert_eq!(ask(&pool, &address(1)), PendingAccount { nonce: 2, balance: left });
    assert_eq!(ask(&pool, &stranger(1)).balance, Amount::ZERO, "what is on its way cannot be spent yet");
}

#[test]
fn pages_go_by_fee_and_meet_everything_once() {
    let world = World::new();
    let mut pool = world.pool();
    for who in 1..=5 {
        for nonce in [0, 1, 2, 5, 6] {
            pool.submit(&world, &pay(who, nonce, 10 + u64::from(who) * (nonce + 3) % 7)).unwrap();
        }
    }
    let whole = pool.list(&Wtxid::ZERO, 1_000).unwrap();
    assert_eq!((whole.txs.len(), whole.next), (25, Wtxid::ZERO));
    assert!(whole.txs.is_sorted_by_key(|tx| !tx.executable), "those behind gaps come last");
    let template: Vec<_> = pool.select(u32::MAX, &world.settled()).unwrap();
    assert!(whole.txs.iter().zip(&template).all(|(listed, tx)| listed.tx == *tx));
    for limit in [1, 2, 3, 7, 24, 25, 26] {
        let (mut cursor, mut met) = (Wtxid::ZERO, Vec::new());
        for _ in 0..25_usize.div_ceil(limit) {
            let page = pool.list(&cursor, limit).unwrap();
            assert!(page.txs.len() <= limit);
            met.extend(page.txs);
            cursor = page.next;
        }
        assert_eq!(cursor, Wtxid::ZERO);
        assert_eq!(met, whole.txs);
    }
}

#[test]
fn a_cursor_that_left_begins_again() {
    let world = World::new();
    let pool = world.pool();
    assert_eq!(pool.list(&Wtxid::new([1; 32]), 10), None);
    assert_eq!(pool.list(&Wtxid::ZERO, 10), Some(Page { txs: Vec::new(), next: Wtxid::ZERO }));
}

#[test]
fn an_estimate_is_never_below_the_floor() {
    let world = World::new();
    let mut pool = world.pool();
    assert_eq!([1, 3, 10].map(|blocks| pool.estimate_fee(blocks)), [FLOOR; 3]);
    pool.params = Arc::new(Params { max_body_bytes: 200, ..(*world.params).clone() });
    for (nonce, rate) in [(0, 80), (1, 60), (2, 40), (3, 20)] {
        pool.submit(&world, &pay(1, nonce, rate)).unwrap();
    }
    let estimates = [1, 3, 10].map(|blocks| pool.estimate_fee(blocks));
    assert!(estimates[0] > FLOOR / 10 * 60 && estimates[1] > FLOOR / 10 * 20, "{estimates:?}");
    assert!(estimates[0] > estimates[1] && estimates[2] == FLOOR, "{estimates:?}");
}
