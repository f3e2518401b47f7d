//! Signatures verify, and nothing is signed for another payer or chain.

use super::*;
use crate::payment::{Fee, Payment};
use ed25519_dalek::{Signature, VerifyingKey};
use starling_primitives::{Amount, Memo, Output};

fn genesis() -> GenesisId {
    GenesisId::new([0x5a; 32])
}

fn payment(key: &Key) -> UnsignedTransaction {
    let output = Output { to: Address::new([9; 20]), amount: Amount::from_star("1.5").unwrap() };
    let payment = Payment {
        nonce: 3,
        fee: Fee::Exact(Amount::from_star("0.001").unwrap()),
        valid_until: 700,
        outputs: vec![output],
        memo: Memo::new(b"thanks").unwrap(),
    };
    payment.unsigned(key.policy(), &genesis()).unwrap()
}

#[test]
fn a_signed_payment_verifies_and_says_what_was_asked() {
    let key = Key::from_seed(&[1; 32]);
    let unsigned = payment(&key);
    let tx = key.sign(&unsigned, &genesis()).unwrap();
    assert_eq!(tx.unsigned(), &unsigned);
    assert_eq!(tx.sender(), key.address());
    assert_eq!(tx.size(), unsigned.finished_size());
    assert_eq!(Transaction::decode(tx.bytes()).unwrap(), tx);
    let signatures: Vec<_> = tx.signatures().collect();
    let [(public, signature)] = signatures.as_slice() else { panic!("a single key signs once") };
    assert_eq!(*public, key.public_key());
    let verifier = VerifyingKey::from_bytes(public).unwrap();
    let txid = tx.txid(&genesis());
    verifier.verify_strict(txid.as_bytes(), &Signature::from_bytes(signature)).unwrap();
}

#[test]
fn the_same_payment_is_signed_the_same_way_twice() {
    let key = Key::from_seed(&[1; 32]);
    let unsigned = payment(&key);
    assert_eq!(key.sign(&unsigned, &genesis()).unwrap(), key.sign(&unsigned, &genesis()).unwrap());
}

#[test]
fn another_payer_is_refused() {
    let (ours, theirs) = (Key::from_seed(&[1; 32]), Key::from_seed(&[2; 32]));
    let error = ours.sign(&payment(&theirs), &genesis()).unwrap_err();
    assert_eq!(error, SignError::OtherPayer { payer: theirs.address(), ours: ours.address() });
}

#[test]
fn another_chain_is_refused() {
    let key = Key::from_seed(&[1; 32]);
    let other = GenesisId::new([0x11; 32]);
    let error = key.sign(&payment(&key), &other).unwrap_err();
    assert_eq!(error, SignError::OtherChain { found: 0x5a5a_5a5a, expected: 0x1111_1111 });
}

#[test]
fn limits_of_the_format_are_kept() {
    let key = Key::from_seed(&[1; 32]);
    let mut unsigned = payment(&key);
    unsigned.outputs.clear();
    assert_eq!(key.sign(&unsigned, &genesis()), Err(SignError::Format(DecodeError::NoOutputs)));
}

#[test]
fn the_seed_comes_back() {
    assert_eq!(*Key::from_seed(&[8; 32]).seed(), [8; 32]);
}

/// Golden: scripts and guides rely on these ten, so a change of the path or the address is a visible
/// decision.
#[test]
fn dev_accounts_are_the_documented_ones() {
    let addresses: Vec<String> =
        (0..DEV_ACCOUNTS).map(|i| hex::encode(dev_account(i).unwrap().address().as_bytes())).collect();
    assert_eq!(addresses[0], "e15ca71cab301de24ac6add398d2452c7e4a7c0e");
    assert_eq!(addresses[9], "7bcc3dd8f385b375678312fc634a6949634fe83d");
    let distinct: std::collections::BTreeSet<_> = addresses.iter().collect();
    assert_eq!(distinct.len(), 10);
    assert!(dev_account(DEV_ACCOUNTS).is_none());
}
