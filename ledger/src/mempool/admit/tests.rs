//! Tests.

use super::super::testing::*;
use super::*;
use starling_consensus::SignatureError;
use starling_primitives::{Auth, Output, Policy};

fn with_bad_signature(pay: &Pay, world: &World) -> Arc<Transaction> {
    Arc::new(pay.unsigned(world).with_auth(&Auth::Single([0; 64])).unwrap())
}

#[test]
fn a_payment_is_taken() {
    let world = World::new();
    let mut pool = world.pool();
    let tx = pay(1, 0, 10).sign(&world);
    let admitted = pool.offer(&world, &tx, Source::Local).unwrap();
    let txid = tx.txid(&world.genesis);
    assert_eq!((admitted.txid, admitted.wtxid, admitted.executable), (txid, tx.wtxid(), true));
    assert_eq!((admitted.replaced, admitted.evicted, admitted.promoted), (None, vec![], vec![]));
    assert_eq!(pool.get(&tx.wtxid()), Some(&tx));
    assert_eq!(pool.story(&txid), ["received", "accepted"]);
    let info = pool.info();
    assert_eq!((info.count, info.executable, info.waiting), (1, 1, 0));
    assert_eq!((info.bytes, info.encoded_bytes), (PAYMENT_MEMORY, PAYMENT_BYTES));
}

#[test]
fn what_is_wrong_by_itself_is_refused_with_its_rule() {
    let world = World::new();
    let mut pool = world.pool();
    let mut unsigned = pay(1, 0, 10).unsigned(&world);
    unsigned.chain_id ^= 1;
    let foreign = Arc::new(unsigned.with_auth(&Auth::Single([0; 64])).unwrap());
    let refused = pool.offer(&world, &foreign, Source::Peer(1)).unwrap_err();
    assert!(matches!(refused, PoolError::Invalid(TxError::WrongChain { .. })));
    assert_eq!((refused.code(), refused.is_wrong_by_itself()), ("wrong_chain", true));

    let mut large = pay(1, 0, 10);
    large.outputs = vec![Output { to: address(2), amount: Amount::MAX }];
    let refused = pool.submit(&world, &large).unwrap_err();
    assert_eq!(refused, PoolError::Invalid(TxError::SumTooLarge));

    let unsigned = with_bad_signature(&pay(1, 0, 10), &world);
    let refused = pool.offer(&world, &unsigned, Source::Peer(1)).unwrap_err();
    let PoolError::Invalid(TxError::Signature { index: 0, error }) = &refused else { panic!("{refused}") };
    assert!(matches!(error, SignatureError::Wrong { .. } | SignatureError::NonceNotAPoint { .. }));
    assert_eq!(refused.code(), "bad_signature");
    assert!(pool.events(&unsigned.txid(&world.genesis)).is_empty(), "forgeries do not fill the log");
}

#[test]
fn rules_are_asked_in_order_and_signatures_last() {
    let world = World::new();
    let mut pool = world.pool();
    // It breaks everything; each round repairs the rule that was told.
    let mut bad = pay(1, 200, 9).to(stranger(9), "2000").valid_until(90);
    let mut told = Vec::new();
    let steps: [fn(&mut Pay); 4] = [
        |pay| pay.rate = 10,
        |pay| pay.valid_until = 0,
        |pay| pay.nonce = 0,
        |pay| *pay = pay.clone().to(stranger(9), "2"),
    ];
    for step in steps {
        told.push(pool.offer(&world, &with_bad_signature(&bad, &world), Source::Local).unwrap_err().code());
        step(&mut bad);
    }
    told.push(pool.offer(&world, &with_bad_signature(&bad, &world), Source::Local).unwrap_err().code());
    assert_eq!(told, ["fee_too_low", "expired", "nonce_too_far", "insufficient_balance", "bad_signature"]);
    pool.submit(&world, &bad).unwrap();
}

#[test]
fn a_check_says_all_but_the_signature() {
    let world = World::new();
    let mut pool = world.pool();
    let tx = with_bad_signature(&pay(1, 0, 10), &world);
    pool.check(&tx, Source::Local, &world.settled()).unwrap();
    let cheap = pay(1, 0, 9).sign(&world);
    assert!(pool.check(&cheap, Source::Local, &world.settled()).is_err());
    // Noted by whoever verified it elsewhere; the pool does not look again.
    pool.note_verified(tx.wtxid());
    pool.offer(&world, &tx, Source::Local).unwrap();
}

#[test]
fn the_same_is_not_taken_twice() {
    let world = World::new();
    let mut pool = world.pool();
    let tx = pay(1, 0, 10).sign(&world);
    pool.offer(&world, &tx, Source::Local).unwrap();
    assert_eq!(pool.offer(&world, &tx, Source::Peer(1)), Err(PoolError::Duplicate));
}

#[test]
fn the_same_body_under_other_signatures_is_ignored() {
    let mut world = World::new();
    let mut keys: Vec<_> = [1, 2].map(|who| (policy(who), who)).into_iter().collect();
    keys.sort_by_key(|(policy, _)| match policy {
        Policy::Single(key) => *key,
        Policy::Multi(_) => unreachable!("built as single keys"),
    });
    let public = keys.iter().map(|(policy, _)| match policy {
        Policy::Single(key) => *key,
        Policy::Multi(_) => unreachable!("built as single keys"),
    });
    let shared = Policy::multi(1, public.collect()).unwrap();
    world.accounts.insert(shared.address(), Account { nonce: 0, balance: star("10") });
    let mut unsigned = pay(1, 0, 20).unsigned(&world);
    unsigned.policy = shared;
    let txid = unsigned.txid(&world.genesis);
    let signed = |index: usize| {
        let signatures = vec![sign(keys[index].1, txid.as_bytes())];
        Arc::new(unsigned.with_auth(&Auth::Multi { bitmap: 1 << index, signatures }).unwrap())
    };
    let mut pool = world.pool();
    pool.offer(&world, &signed(0), Source::Local).unwrap();
    assert_eq!(pool.offer(&world, &signed(1), Source::Local), Err(PoolError::KnownTxid(txid)));
}

#[test]
fn the_fee_is_at_least_the_floor() {
    let world = World::new();
    let mut pool = world.pool();
    let mut cheap = pay(1, 0, 10);
    cheap.extra_fee = -1;
    let needed = Amount::from_motes(u128::from(FLOOR) * 169).unwrap();
    let fee = needed.checked_sub(Amount::from_motes(1).unwrap()).unwrap();
    assert_eq!(pool.submit(&world, &cheap), Err(PoolError::FeeTooLow { fee, needed, floor: FLOOR }));
    pool.submit(&world, &pay(1, 0, 10)).unwrap();
}

#[test]
fn a_last_height_is_none_or_20_blocks_ahead() {
    let world = World::new();
    let mut pool = world.pool();
    let next = world.height + 1;
    let expired = pool.submit(&world, &pay(1, 0, 10).valid_until(next - 1));
    assert_eq!(expired, Err(PoolError::Expired { valid_until: next - 1, height: next }));
    for valid_until in [next, next + 19] {
        let soon = pool.submit(&world, &pay(1, 0, 10).valid_until(valid_until));
        assert_eq!(soon, Err(PoolError::ExpiresTooSoon { valid_until, least: next + 20 }));
    }
    pool.submit(&world, &pay(1, 0, 10).valid_until(next + 20)).unwrap();
    pool.submit(&world, &pay(1, 1, 10).valid_until(u32::MAX)).unwrap();
}

#[test]
fn nonces_follow_the_settled_one() {
    let mut world = World::new();
    world.accounts.get_mut(&address(1)).unwrap().nonce = 5;
    let mut pool = world.pool();
    assert_eq!(pool.submit(&world, &pay(1, 4, 10)), Err(PoolError::NonceTooLow { found: 4, next: 5 }));
    assert!(pool.submit(&world, &pay(1, 5, 10)).unwrap().executable);
    assert_eq!(pool.submit(&world, &pay(1, 4, 10)), Err(PoolError::NonceTooLow { found: 4, next: 6 }));
    assert_eq!(pool.submit(&world, &pay(1, 85, 10)), Err(PoolError::NonceTooFar { found: 85, next: 6 }));
    assert!(!pool.submit(&world, &pay(1, 84, 10)).unwrap().executable);
}

#[test]
fn the_last_nonce_cannot_be_used() {
    let mut world = World::new();
    world.accounts.get_mut(&address(1)).unwrap().nonce = u64::MAX - 1;
    let mut pool = world.pool();
    let last = pool.submit(&world, &pay(1, u64::MAX, 10));
    assert_eq!(last, Err(PoolError::Invalid(TxError::NonceExhausted)));
    pool.submit(&world, &pay(1, u64::MAX - 1, 10)).unwrap();
    assert_eq!(pool.nonces(1), (vec![u64::MAX - 1], vec![]));
}

#[test]
fn a_closed_gap_promotes_what_waited() {
    let world = World::new();
    let mut pool = world.pool();
    let second = pool.submit(&world, &pay(1, 1, 10)).unwrap();
    assert!(!second.executable);
    let third = pool.submit(&world, &pay(1, 2, 10)).unwrap();
    pool.submit(&world, &pay(1, 4, 10)).unwrap();
    assert_eq!(pool.nonces(1), (vec![], vec![1, 2, 4]));
    let first = pool.submit(&world, &pay(1, 0, 10)).unwrap();
    assert_eq!(first.promoted, [second.wtxid, third.wtxid]);
    assert_eq!(pool.nonces(1), (vec![0, 1, 2], vec![4]));
    assert_eq!(pool.story(&second.txid), ["received", "accepted", "promoted"]);
}

#[test]
fn a_sender_has_64_executable_and_16_waiting() {
    let world = World::new();
    let mut pool = world.pool();
    // 47 missing, then 16 that wait.
    for nonce in 48..64 {
        pool.submit(&world, &pay(1, nonce, 10)).unwrap();
    }
    let limit = MAX_WAITING;
    assert_eq!(pool.submit(&world, &pay(1, 70, 10)), Err(PoolError::TooManyWaiting { limit, next: 0 }));
    for nonce in 0..48 {
        pool.submit(&world, &pay(1, nonce, 10)).unwrap();
    }
    assert_eq!(pool.info().executable, MAX_EXECUTABLE);
    for nonce in [64, 65] {
        let refused = pool.submit(&world, &pay(1, nonce, 10));
        assert_eq!(refused, Err(PoolError::TooManyPending { limit: MAX_EXECUTABLE }));
    }
    // A replacement takes no new place.
    pool.submit(&world, &pay(1, 63, 30)).unwrap();
}

#[test]
fn a_run_over_64_stays_waiting_in_part() {
    let world = World::new();
    let mut pool = world.pool();
    for nonce in (0..60).chain(61..70) {
        pool.submit(&world, &pay(1, nonce, 10)).unwrap();
    }
    pool.submit(&world, &pay(1, 60, 10)).unwrap();
    assert_eq!(pool.nonces(1), ((0..64).collect(), (64..70).collect()));
}

#[test]
fn the_balance_covers_everything_pending() {
    let mut world = World::new();
    let mut pool = world.pool();
    let (first, second) = (pay(1, 0, 10).to(stranger(1), "3"), pay(1, 1, 10).to(stranger(1), "4"));
    let fees = Amount::from_motes(2 * 169 * u128::from(FLOOR)).unwrap();
    // A charge for each: neither payment knows whether the other comes first.
    let needed = star("7.02").checked_add(fees).unwrap();
    let balance = needed.checked_sub(Amount::from_motes(1).unwrap()).unwrap();
    world.accounts.insert(address(1), Account { nonce: 0, balance });
    pool.submit(&world, &first).unwrap();
    assert_eq!(pool.submit(&world, &second), Err(PoolError::Insufficient { balance, needed }));
    // Those behind a gap count as well.
    let mut waiting = second.clone();
    waiting.nonce = 5;
    assert_eq!(pool.submit(&world, &waiting), Err(PoolError::Insufficient { balance, needed }));
    world.accounts.insert(address(1), Account { nonce: 0, balance: needed });
    pool.submit(&world, &second).unwrap();
}

#[test]
fn a_recipient_twice_in_one_transaction_is_charged_once() {
    let mut world = World::new();
    let mut pool = world.pool();
    let mut twice = pay(1, 0, 10);
    twice.outputs = [(stranger(1), "1"), (stranger(1), "1"), (stranger(2), "1"), (address(2), "1")]
        .map(|(to, amount)| Output { to, amount: star(amount) })
        .to_vec();
    let balance = twice.unsigned(&world).fee.checked_add(star("4.02")).unwrap();
    world.accounts.insert(address(1), Account { nonce: 0, balance });
    pool.submit(&world, &twice).unwrap();
}

#[test]
fn a_replacement_pays_10_percent_and_the_floor_more() {
    let world = World::new();
    let mut pool = world.pool();
    let fee = |tenths: u128| tenths * u128::from(FLOOR / 10) * 169;
    let bid = |from: u64, to: u64, extra_fee: i128| {
        let mut pool = world.pool();
        let old = pool.submit(&world, &pay(1, 0, from)).unwrap();
        let mut new = pay(1, 0, to);
        new.extra_fee = extra_fee;
        (pool.submit(&world, &new), old, pool)
    };
    // Near the floor, the floor once more is what counts; far above it, the 10 %.
    for (from, least) in [(10, 20), (200, 220)] {
        let (refused, ..) = bid(from, least, -1);
        let needed = Amount::from_motes(fee(u128::from(least))).unwrap();
        let short = needed.checked_sub(Amount::from_motes(1).unwrap()).unwrap();
        assert_eq!(refused, Err(PoolError::ReplacementTooCheap { fee: short, needed }));
        let (admitted, old, pool) = bid(from, least, 0);
        let admitted = admitted.unwrap();
        assert_eq!(admitted.replaced.map(|tx| tx.wtxid()), Some(old.wtxid));
        assert!(!pool.contains(&old.wtxid) && pool.is_verified(&old.wtxid));
        assert_eq!(pool.story(&old.txid), ["received", "accepted", "replaced"]);
        assert_eq!(pool.info().count, 1);
    }
    // A longer one pays 10 % more for each byte too.
    pool.submit(&world, &pay(1, 0, 1_000)).unwrap();
    let mut long = pay(1, 0, 1_099);
    long.memo = 100;
    let refused = pool.submit(&world, &long).unwrap_err();
    assert_eq!(refused.code(), "replacement_too_cheap");
    long.rate = 1_100;
    pool.submit(&world, &long).unwrap();
}

#[test]
fn a_replacement_is_paid_from_what_it_frees() {
    let mut world = World::new();
    let old = pay(1, 0, 10).to(address(2), "5");
    let new = pay(1, 0, 30).to(address(2), "5");
    let balance = new.sign(&world).spent().unwrap();
    world.accounts.insert(address(1), Account { nonce: 0, balance });
    let mut pool = world.pool();
    pool.submit(&world, &old).unwrap();
    pool.submit(&world, &new).unwrap();
}

#[test]
fn one_that_waits_can_be_replaced() {
    let world = World::new();
    let mut pool = world.pool();
    pool.submit(&world, &pay(1, 3, 10)).unwrap();
    let admitted = pool.submit(&world, &pay(1, 3, 20)).unwrap();
    assert!(admitted.replaced.is_some() && !admitted.executable);
    assert_eq!(pool.nonces(1), (vec![], vec![3]));
}

#[test]
fn a_full_pool_evicts_what_pays_least_and_raises_the_floor() {
    let world = World::new();
    let mut pool = world.pool_for(3);
    let poor = pool.submit(&world, &pay(1, 0, 11)).unwrap();
    pool.submit(&world, &pay(2, 0, 12)).unwrap();
    pool.submit(&world, &pay(3, 0, 13)).unwrap();
    let least = FLOOR / 10 * 11;
    assert_eq!(pool.submit(&world, &pay(4, 0, 11)), Err(PoolError::PoolFull { rate: least }));
    assert_eq!(pool.floor(), FLOOR, "a refusal does not raise the floor");
    let admitted = pool.submit(&world, &pay(4, 0, 20)).unwrap();
    assert_eq!(admitted.evicted, [poor.wtxid]);
    assert_eq!(pool.floor(), least + 1);
    assert_eq!(pool.story(&poor.txid), ["received", "accepted", "evicted"]);
    let refused = pool.submit(&world, &pay(5, 0, 11)).unwrap_err();
    assert!(matches!(refused, PoolError::FeeTooLow { floor, .. } if floor == least + 1));
}

#[test]
fn one_with_followers_stays_for_what_pays_less_than_all_of_them() {
    let world = World::new();
    let mut pool = world.pool_for(2);
    // 10 and 40 are worth 25 together.
    let poor = pool.submit(&world, &pay(1, 0, 10)).unwrap();
    let rich = pool.submit(&world, &pay(1, 1, 40)).unwrap();
    let refused = pool.submit(&world, &pay(2, 0, 25));
    assert_eq!(refused, Err(PoolError::PoolFull { rate: FLOOR / 10 * 25 }));
    let admitted = pool.submit(&world, &pay(2, 0, 26)).unwrap();
    assert_eq!(admitted.evicted, [rich.wtxid, poor.wtxid].into_iter().rev().collect::<Vec<_>>());
    // A poor follower goes alone.
    pool.submit(&world, &pay(2, 1, 25)).unwrap_err();
    let mut pool = world.pool_for(2);
    pool.submit(&world, &pay(1, 0, 40)).unwrap();
    let follower = pool.submit(&world, &pay(1, 1, 10)).unwrap();
    assert_eq!(pool.submit(&world, &pay(2, 0, 11)).unwrap().evicted, [follower.wtxid]);
}

#[test]
fn a_follower_counts_with_the_poor_one_it_needs() {
    let world = World::new();
    let mut pool = world.pool_for(2);
    pool.submit(&world, &pay(1, 0, 10)).unwrap();
    pool.submit(&world, &pay(2, 0, 30)).unwrap();
    // Alone it pays 40, with its parent 25: not enough for the place of the one that pays 30.
    let refused = pool.submit(&world, &pay(1, 1, 40));
    assert_eq!(refused, Err(PoolError::PoolFull { rate: FLOOR / 10 * 30 }));
    pool.submit(&world, &pay(1, 1, 60)).unwrap();
}

#[test]
fn what_a_closed_gap_brings_along_earns_its_place_too() {
    let world = World::new();
    // 19 places for executable ones and one behind gaps.
    let mut pool = world.pool_of(20 * PAYMENT_MEMORY);
    let waiting = pool.submit(&world, &pay(1, 1, 10)).unwrap();
    for nonce in 0..18 {
        pool.submit(&world, &pay(2, nonce, 20)).unwrap();
    }
    // The one place left is not enough for both, and the follower is not worth another's.
    let refused = pool.submit(&world, &pay(1, 0, 50));
    assert_eq!(refused, Err(PoolError::PoolFull { rate: 2 * FLOOR }));
    pool.submit(&world, &pay(1, 1, 40)).unwrap();
    let admitted = pool.submit(&world, &pay(1, 0, 50)).unwrap();
    assert_eq!((admitted.evicted.len(), admitted.promoted.len()), (1, 1));
    assert!(!pool.contains(&waiting.wtxid));
}

#[test]
fn a_pool_too_small_says_so() {
    let world = World::new();
    let mut pool = world.pool_for(0);
    let refused = pool.submit(&world, &pay(1, 0, 10)).unwrap_err();
    assert_eq!(refused, PoolError::PoolFull { rate: u64::MAX });
}

#[test]
fn those_that_wait_have_a_space_of_their_own() {
    let world = World::new();
    // 60 places in all, three of them (5 %) behind gaps.
    let mut pool = world.pool_of(60 * PAYMENT_MEMORY);
    let poor = pool.submit(&world, &pay(1, 2, 10)).unwrap();
    pool.submit(&world, &pay(2, 2, 11)).unwrap();
    pool.submit(&world, &pay(3, 2, 12)).unwrap();
    assert_eq!(pool.submit(&world, &pay(4, 2, 10)), Err(PoolError::PoolFull { rate: FLOOR }));
    let admitted = pool.submit(&world, &pay(4, 2, 11)).unwrap();
    assert_eq!(admitted.evicted, [poor.wtxid]);
    assert_eq!(pool.floor(), FLOOR, "the floor is about what blocks can take");
    assert!(pool.submit(&world, &pay(5, 0, 10)).unwrap().executable);
}

#[test]
fn a_peer_fills_its_share_behind_gaps_only() {
    let world = World::new();
    let mut pool = world.pool();
    let limit = pool.limits.peer_bytes();
    assert_eq!(limit, 2 * 16_384 + 1_024, "room for one transaction at least");
    let places = limit / PAYMENT_MEMORY;
    let mut tries = (1..=8).flat_map(|who| (2..18).map(move |nonce| pay(who, nonce, 10)));
    for pay in tries.by_ref().take(places) {
        pool.offer(&world, &pay.sign(&world), Source::Peer(7)).unwrap();
    }
    let next = tries.next().unwrap().sign(&world);
    assert_eq!(pool.offer(&world, &next, Source::Peer(7)), Err(PoolError::PeerQuota { limit }));
    pool.offer(&world, &next, Source::Peer(8)).unwrap();
    pool.offer(&world, &tries.next().unwrap().sign(&world), Source::Local).unwrap();
    // Executable ones need no share; the gap that one of them closes gives the share back.
    pool.offer(&world, &pay(1, 0, 10).sign(&world), Source::Peer(7)).unwrap();
    pool.offer(&world, &pay(1, 1, 10).sign(&world), Source::Peer(7)).unwrap();
    pool.offer(&world, &tries.next().unwrap().sign(&world), Source::Peer(7)).unwrap();
}

#[test]
fn a_store_that_fails_changes_nothing() {
    let world = World::new();
    let mut pool = world.pool();
    let tx = pay(1, 0, 10).sign(&world);
    world.broken.set(true);
    let failed = pool.add(tx, Source::Local, &world.settled());
    assert_eq!(failed, Err(AddError::Read("broken")));
    assert_eq!(pool.info().count, 0);
}

#[test]
fn what_is_verified_together_is_so_unless_one_is_wrong() {
    let world = World::new();
    let pool = world.pool();
    let right = [pay(1, 0, 10).sign(&world), pay(2, 0, 10).sign(&world)];
    let wrong = with_bad_signature(&pay(3, 0, 10), &world);
    let verified = |tx: &Arc<Transaction>| pool.is_verified(&tx.wtxid());
    pool.verify_together([&right[0], &wrong, &right[1]].into_iter(), &KnownKeys::none());
    assert!(!right.iter().any(verified) && !verified(&wrong), "one by one, add finds out which");
    pool.verify_together(right.iter(), &KnownKeys::none());
    assert!(right.iter().all(verified));
    let found_before = [&right[0], &wrong].into_iter();
    pool.verify_together(found_before, &KnownKeys::none());
    assert!(!verified(&wrong));
}
