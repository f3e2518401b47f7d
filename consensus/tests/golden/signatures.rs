//! `transactions.json`: its signatures verify, and the generated ones come out byte for byte.

use crate::data::{Entry, example_address, section, transaction};
use ed25519_dalek::{Signer, SigningKey};
use starling_consensus::{SignatureCheck, TxError, check_transaction, signature_checks, verify};
use starling_primitives::{
    Amount, Auth, GenesisId, Memo, Output, Policy, Transaction, UnsignedTransaction, tagged,
};

const FILE: &str = include_str!("../../../primitives/tests/golden/transactions.json");

fn genesis() -> GenesisId {
    GenesisId::new(section(FILE, "cases")[0].array("genesis_id"))
}

#[test]
fn every_signature_verifies_on_its_chain_alone() {
    for case in section(FILE, "cases") {
        let (name, tx) = (case.name(), transaction(&case.bytes("tx")));
        for (genesis, verifies) in [(genesis(), true), (GenesisId::ZERO, false)] {
            for check in signature_checks(&tx, &genesis) {
                assert_eq!(verify(&check).is_ok(), verifies, "{name}");
            }
        }
        // The largest numbers that decode are more than a transaction may spend.
        let expected = tx.spent().map(|_| ()).ok_or(TxError::SumTooLarge);
        assert_eq!(check_transaction(&tx, &genesis()), expected, "{name}");
    }
}

/// A generated transaction, by the rule that the golden files' README gives.
fn generated(case: &Entry) -> Transaction {
    let secret = |number: u32| SigningKey::from_bytes(&tagged("golden/key", &[&number.to_le_bytes()]));
    let mut keys: Vec<_> = (0..case.number("keys")).map(secret).collect();
    keys.sort_by_key(|key| key.verifying_key().to_bytes());
    let public: Vec<_> = keys.iter().map(|key| key.verifying_key().to_bytes()).collect();
    let m = u8::try_from(public.len()).expect("at most 16 keys");
    let output = |i: u32| {
        let amount = Amount::from_motes(u128::from(i) + 1).expect("few motes");
        Output { to: example_address(i), amount }
    };
    let memo: Vec<u8> = (0..case.number("memo_len")).collect();
    let unsigned = UnsignedTransaction {
        chain_id: genesis().chain_id(),
        nonce: case.number("nonce"),
        fee: case.amount("fee"),
        valid_until: 0,
        outputs: (0..case.number("outputs")).map(output).collect(),
        memo: Memo::new(&memo).expect("at most 128 bytes"),
        policy: match public[..] {
            [lone] => Policy::Single(lone),
            _ => Policy::multi(m, public).expect("sorted"),
        },
    };
    let txid = unsigned.txid(&genesis());
    let sign = |key: &SigningKey| key.sign(txid.as_bytes()).to_bytes();
    let auth = match &keys[..] {
        [lone] => Auth::Single(sign(lone)),
        _ => Auth::Multi {
            bitmap: u16::MAX >> (16 - u32::from(m)),
            signatures: keys.iter().map(sign).collect(),
        },
    };
    unsigned.with_auth(&auth).expect("well formed")
}

#[test]
fn generated_transactions_come_out_the_same() {
    for case in section(FILE, "generated") {
        let tx = generated(&case);
        assert_eq!(tx.size(), case.number::<usize>("size"), "{}", case.name());
        assert_eq!(tx.txid(&genesis()).to_string(), case.text("txid"), "{}", case.name());
        assert_eq!(tx.wtxid().to_string(), case.text("wtxid"), "{}", case.name());
        assert_eq!(check_transaction(&tx, &genesis()), Ok(()), "{}", case.name());
    }
}

#[test]
fn messages_are_signed_and_verified() {
    for case in section(FILE, "messages") {
        let key = SigningKey::from_bytes(&case.array("secret_key"));
        let (message, signature) = (case.array("digest"), case.array("signature"));
        assert_eq!(key.sign(&message).to_bytes(), signature);
        let check = SignatureCheck { key: case.array("public_key"), signature, message };
        assert_eq!(check.key, key.verifying_key().to_bytes());
        assert_eq!(verify(&check), Ok(()));
    }
}
