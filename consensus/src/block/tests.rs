//! Rules 1 to 3 of blocks, broken on purpose.

use super::*;
use crate::signature::{SignatureCache, SignatureError};
use crate::tests::{Draft, Payer, easy, extend, genesis_cursor, motes, payer};
use starling_primitives::{Address, Amount, Auth, Content, Policy, UnsignedTransaction};
use std::cell::RefCell;

/// Height of the blocks here.
const HEIGHT: u32 = 4;

fn genesis() -> GenesisId {
    easy().genesis_id()
}

/// A header of height 4 for these transactions, changed before it is worked on.
fn header(txs: &[Arc<Transaction>], change: impl Fn(&mut Content)) -> CheckedHeader {
    let chain = easy();
    let mut cursor = genesis_cursor(&chain);
    extend(&mut cursor, &chain.params, HEIGHT - 1, 0);
    let mut draft = Draft::after(&cursor, &chain.params, 12, 0).with_body(txs);
    change(&mut draft.content);
    draft.mine(&chain.params)
}

fn check(txs: &[Arc<Transaction>]) -> Result<CheckedBlock, BlockError> {
    CheckedBlock::check(header(txs, |_| ()), txs.to_vec(), &genesis(), |_| false, &KnownKeys::none())
}

fn payments(count: u8) -> Vec<Arc<Transaction>> {
    let to = Address::new([9; 20]);
    (0..count).map(|i| payer(i).pay(&genesis(), 0, &[(to, u128::from(i) + 1)])).collect()
}

/// A payment changed before it is signed.
fn changed(change: impl Fn(&mut UnsignedTransaction)) -> Arc<Transaction> {
    let mut unsigned = payer(1).draft(&genesis(), 0, &[(Address::default(), 1)]);
    change(&mut unsigned);
    payer(1).sign(&unsigned, &genesis())
}

fn rule_broken_by(tx: Arc<Transaction>) -> TxError {
    let mut txs = payments(2);
    txs.insert(1, tx);
    match check(&txs) {
        Err(BlockError::Transaction { index: 1, error }) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn right_blocks_pass() {
    for count in [0, 1, 2, 7] {
        let txs = payments(count);
        let block = check(&txs).unwrap();
        assert_eq!(block.txs(), txs);
        assert_eq!(block.header().header().content().tx_count, u32::from(count));
        let encoded = block.to_block().encode();
        assert_eq!(Block::decode(&encoded, u32::MAX), Ok(block.to_block()));
    }
}

#[test]
fn rule_1_the_body_is_the_header_s() {
    let txs = payments(3);
    let of = |txs: &[Arc<Transaction>], change: &dyn Fn(&mut Content)| {
        let refused = CheckedBlock::check(
            header(&payments(3), change),
            txs.to_vec(),
            &genesis(),
            |_| false,
            &KnownKeys::none(),
        );
        refused.unwrap_err()
    };
    assert_eq!(of(&txs[..2], &|_| ()), BlockError::TxCount { found: 2, stated: 3 });
    assert_eq!(of(&payments(4), &|_| ()), BlockError::TxCount { found: 4, stated: 3 });
    let found = 3 * 171;
    let longer = of(&txs, &|content| content.body_bytes += 1);
    assert_eq!(longer, BlockError::BodyBytes { found, stated: 3 * 171 + 1 });
    let mut swapped = txs.clone();
    swapped.swap(0, 1);
    assert!(matches!(of(&swapped, &|_| ()), BlockError::TxRoot { .. }));
    let other = of(&txs, &|content| content.tx_root = TxRoot::new([1; 32]));
    assert!(matches!(other, BlockError::TxRoot { stated, .. } if stated == TxRoot::new([1; 32])));
}

#[test]
fn rule_2_another_chain_s_transaction_is_refused() {
    let expected = genesis().chain_id();
    let found = expected ^ 1;
    assert_eq!(rule_broken_by(changed(|tx| tx.chain_id = found)), TxError::WrongChain { found, expected });
}

#[test]
fn rule_2_sums_are_bounded() {
    let most = |less: u128| {
        changed(|tx| {
            tx.outputs[0].amount = motes(Amount::MAX.motes() - less);
            tx.fee = motes(5);
        })
    };
    assert_eq!(rule_broken_by(most(4)), TxError::SumTooLarge);
    assert!(check(&[most(5)]).is_ok(), "exactly 2^100 is a sum that exists");
}

#[test]
fn rule_2_a_bad_signature_is_named_with_its_place() {
    let unsigned = payer(1).draft(&genesis(), 0, &[(Address::default(), 1)]);
    let forged = payer(2).signature(&unsigned, &genesis());
    let tx = Arc::new(unsigned.with_auth(&Auth::Single(forged)).unwrap());
    let Policy::Single(key) = unsigned.policy else { panic!("a single key") };
    let error = SignatureError::Wrong { key };
    assert_eq!(rule_broken_by(tx.clone()), TxError::Signature { index: 0, error });
    assert_eq!(crate::check_transaction(&tx, &genesis()), Err(TxError::Signature { index: 0, error }));
}

/// A payment by `m` of these; the signers sign in key order, the last of them something else when `forged`.
fn multi(m: u8, people: &[u8], signers: &[usize], forged: bool) -> Arc<Transaction> {
    let key = |person: &u8| match payer(*person).policy() {
        Policy::Single(key) => key,
        Policy::Multi(_) => panic!("a single key"),
    };
    let mut people: Vec<_> = people.iter().map(|person| (key(person), payer(*person))).collect();
    people.sort_by_key(|(key, _)| *key);
    let policy = Policy::multi(m, people.iter().map(|(key, _)| *key).collect()).unwrap();
    let draft = payer(0).draft(&genesis(), 0, &[(Address::default(), 1)]);
    let unsigned = UnsignedTransaction { policy, ..draft };
    let other = UnsignedTransaction { nonce: 1, ..unsigned.clone() };
    let sign = |(at, signer): (usize, &usize)| {
        let payer: &Payer = &people[*signer].1;
        let signed = if forged && at + 1 == signers.len() { &other } else { &unsigned };
        payer.signature(signed, &genesis())
    };
    let signatures = signers.iter().enumerate().map(sign).collect();
    let bitmap = signers.iter().map(|signer| 1 << signer).sum();
    Arc::new(unsigned.with_auth(&Auth::Multi { bitmap, signatures }).unwrap())
}

#[test]
fn rule_2_each_signature_of_a_policy_counts() {
    assert!(check(&[multi(2, &[1, 2, 3], &[0, 2], false)]).is_ok());
    let refused = rule_broken_by(multi(2, &[1, 2, 3], &[0, 2], true));
    assert!(matches!(refused, TxError::Signature { index: 1, error: SignatureError::Wrong { .. } }));
}

#[test]
fn rule_3_expired_transactions_are_refused() {
    for valid_until in [0, HEIGHT, HEIGHT + 1, u32::MAX] {
        assert!(check(&[changed(|tx| tx.valid_until = valid_until)]).is_ok(), "{valid_until}");
    }
    for valid_until in [1, HEIGHT - 1] {
        let expired = TxError::Expired { valid_until, height: HEIGHT };
        assert_eq!(rule_broken_by(changed(|tx| tx.valid_until = valid_until)), expired);
    }
}

#[test]
fn a_signature_already_verified_is_not_verified_again() {
    let unsigned = payer(1).draft(&genesis(), 0, &[(Address::default(), 1)]);
    let known = Arc::new(unsigned.with_auth(&Auth::Single([0; 64])).unwrap());
    let txs = [known.clone(), payments(1).remove(0)];
    let asked = RefCell::new(Vec::new());
    let verified = |wtxid: &Wtxid| {
        asked.borrow_mut().push(*wtxid);
        *wtxid == known.wtxid()
    };
    assert!(
        CheckedBlock::check(header(&txs, |_| ()), txs.to_vec(), &genesis(), verified, &KnownKeys::none())
            .is_ok()
    );
    assert_eq!(*asked.borrow(), txs.iter().map(|tx| tx.wtxid()).collect::<Vec<_>>());
    // The other one's signature is still looked at, and named by its place in the block.
    let bad = Arc::new(payer(2).draft(&genesis(), 0, &[(Address::default(), 1)]));
    let bad = Arc::new(bad.with_auth(&Auth::Single([0; 64])).unwrap());
    let txs = [known.clone(), bad];
    let verified = |wtxid: &Wtxid| *wtxid == known.wtxid();
    let refused =
        CheckedBlock::check(header(&txs, |_| ()), txs.to_vec(), &genesis(), verified, &KnownKeys::none());
    assert!(matches!(
        refused,
        Err(BlockError::Transaction { index: 1, error: TxError::Signature { index: 0, .. } })
    ));
}

#[test]
fn a_shared_cache_serves_a_block_that_the_pool_saw() {
    let cache = SignatureCache::new(1 << 16);
    let txs = payments(5);
    let check = |txs: &[Arc<Transaction>], keys: &KnownKeys| {
        let verified = |wtxid: &Wtxid| cache.contains(wtxid);
        CheckedBlock::check(header(txs, |_| ()), txs.to_vec(), &genesis(), verified, keys)
    };
    let keys = KnownKeys::new(1 << 20);
    assert!(check(&txs[..3], &keys).is_ok());
    assert_eq!(keys.len(), 3, "not in the cache: looked at");
    cache.insert_many(txs.iter().map(|tx| tx.wtxid()));
    assert!(check(&txs, &keys).is_ok());
    assert_eq!(keys.len(), 3, "in the cache: not looked at again");
    // Another signature makes it another transaction, with the same txid.
    let mutated = Arc::new(txs[4].unsigned().with_auth(&Auth::Single([0; 64])).unwrap());
    assert_eq!(mutated.txid(&genesis()), txs[4].txid(&genesis()));
    assert!(!cache.contains(&mutated.wtxid()));
    assert!(matches!(
        check(&[txs[3].clone(), mutated], &keys),
        Err(BlockError::Transaction { index: 1, error: TxError::Signature { index: 0, .. } })
    ));
}
