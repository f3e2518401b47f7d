//! `transactions.json`: bytes, ids, and what is refused. (Its signatures are verified by `consensus`.)

use crate::data::{Entry, section, transaction};
use starling_primitives::{
    Auth, GenesisId, Memo, Output, Signature, Transaction, UnsignedTransaction, tagged,
};

const FILE: &str = include_str!("transactions.json");

fn unsigned(case: &Entry) -> UnsignedTransaction {
    let output = |entry: &Entry| Output { to: entry.address("address"), amount: entry.amount("amount") };
    UnsignedTransaction {
        chain_id: case.number("chain_id"),
        nonce: case.number("nonce"),
        fee: case.amount("fee"),
        valid_until: case.number("valid_until"),
        outputs: case.entries("outputs").iter().map(output).collect(),
        memo: Memo::new(&case.bytes("memo")).expect("a memo"),
        policy: crate::data::decode_policy(&case.bytes("policy")).expect("a policy"),
    }
}

fn auth(case: &Entry) -> Auth {
    let signature = |bytes: Vec<u8>| -> Signature { bytes.try_into().expect("64 bytes") };
    let mut signatures: Vec<_> = case.hex_list("signatures").into_iter().map(signature).collect();
    if case.is_null("bitmap") {
        assert_eq!(signatures.len(), 1);
        return Auth::Single(signatures.remove(0));
    }
    Auth::Multi { bitmap: case.number("bitmap"), signatures }
}

#[test]
fn transactions_have_their_bytes_and_ids() {
    for case in section(FILE, "cases") {
        let (name, unsigned, auth) = (case.name(), unsigned(&case), auth(&case));
        let genesis = GenesisId::new(case.array("genesis_id"));
        assert_eq!(genesis.chain_id(), unsigned.chain_id, "{name}");
        let tx = unsigned.with_auth(&auth).unwrap();
        assert_eq!(tx.bytes(), case.bytes("tx"), "{name}");
        assert_eq!(tx.size(), case.number::<usize>("size"), "{name}");
        assert_eq!(unsigned.finished_size(), tx.size(), "{name}");
        assert!(tx.bytes().starts_with(&[case.bytes("body"), case.bytes("policy")].concat()), "{name}");
        assert_eq!(tx.txid(&genesis).to_string(), case.text("txid"), "{name}");
        assert_eq!(unsigned.txid(&genesis).to_string(), case.text("txid"), "{name}");
        assert_eq!(tx.wtxid().to_string(), case.text("wtxid"), "{name}");
        assert_eq!(tx.sender(), case.address("sender"), "{name}");
        let read = transaction(&case.bytes("tx"));
        assert_eq!((read.unsigned(), read.auth()), (&unsigned, &auth), "{name}");
        assert_eq!(read, tx, "{name}");
        let signatures: Vec<_> = read.signatures().map(|(_, signature)| signature.to_vec()).collect();
        assert_eq!(signatures, case.hex_list("signatures"), "{name}");
    }
}

#[test]
fn messages_are_signed_under_their_own_tag() {
    for case in section(FILE, "messages") {
        assert_eq!(
            tagged("starling/message", &[&case.bytes("text")]),
            case.array("digest"),
            "{}",
            case.name()
        );
    }
}

#[test]
fn wrong_bytes_are_refused_by_name() {
    for case in section(FILE, "refused") {
        assert_eq!(case.text("decoder"), "transaction");
        let mut bytes = case.bytes("bytes");
        bytes.resize(bytes.len() + case.number::<usize>("zeros_after"), 0);
        let error = Transaction::decode(&bytes).unwrap_err();
        assert_eq!(error.code(), case.text("error"), "{}", case.name());
    }
}
