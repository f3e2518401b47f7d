//! The seed decides everything, and nothing comes twice.

use super::*;
use starling_consensus::check_transaction;
use std::collections::BTreeSet;

#[test]
fn keys_and_addresses_follow_from_the_seed() {
    let (one, other) = (Seed(1), Seed(2));
    assert_eq!(one.key(5).public_key(), one.key(5).public_key());
    assert_ne!(one.key(5).public_key(), one.key(6).public_key());
    assert_ne!(one.key(5).public_key(), other.key(5).public_key());
    let kinds = [Nobody::Recipient, Nobody::Bystander, Nobody::Miner];
    let of = |seed: Seed| kinds.map(|kind| [seed.address(kind, 0), seed.address(kind, 1)]);
    let all: BTreeSet<Address> = [of(one), of(other)].into_iter().flatten().flatten().collect();
    assert_eq!(all.len(), 12);
}

#[test]
fn each_sender_pays_once_before_any_pays_again() {
    let chain = Arc::new(Chain::dev());
    let payments = Payments::new(Seed(1), chain.clone(), 3);
    let signed = payments.sign(0..7);
    assert_eq!(signed.iter().map(|tx| tx.unsigned().nonce).collect::<Vec<_>>(), [0, 0, 0, 1, 1, 1, 2]);
    assert_eq!(signed[1].sender(), signed[4].sender());
    assert_eq!(signed.iter().map(|tx| tx.sender()).collect::<BTreeSet<_>>().len(), 3);
    assert_eq!(signed.iter().map(|tx| tx.unsigned().outputs[0].to).collect::<BTreeSet<_>>().len(), 7);
    let genesis = chain.genesis_id();
    assert!(signed.iter().all(|tx| check_transaction(tx, &genesis).is_ok()));
    // Three of seven payments, each with the charge for a new account.
    let charge = chain.params.account_charge.checked_mul(3).unwrap();
    let spent = Amount::sum([0, 3, 6].iter().map(|at: &usize| signed[*at].spent().unwrap())).unwrap();
    assert!(payments.stake(7) >= spent.checked_add(charge).unwrap());
}
