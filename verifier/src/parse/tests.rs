//! What is a proof, and what is not.

use super::*;
use crate::testing::{account_proof, every_kind, header, history_proof, tx_proof};
use serde_json::{Value, json};

fn parsed(proof: &Value) -> Result<Proof, ParseError> {
    Proof::parse(proof.to_string().as_bytes())
}

#[test]
fn each_kind_is_read_bare_and_in_its_answer() {
    for bytes in every_kind() {
        let bare = Proof::parse(&bytes).unwrap();
        assert_eq!(bare.header(), &header());
        let result: Value = serde_json::from_slice(&bytes).unwrap();
        let answer = json!({"jsonrpc": "2.0", "id": "x", "result": result});
        assert_eq!(parsed(&answer), Ok(bare.clone()));
        let spaced = serde_json::to_string_pretty(&result).unwrap() + "\n";
        assert_eq!(Proof::parse(spaced.as_bytes()), Ok(bare));
        assert!(parsed(&json!({"jsonrpc": "2.0", "id": 1, "result": result, "more": 1})).is_err());
        assert!(parsed(&json!({"id": 1, "result": result})).is_err());
    }
}

#[test]
fn a_missing_a_repeated_and_an_unknown_field_are_errors() {
    for bytes in every_kind() {
        let proof: Value = serde_json::from_slice(&bytes).unwrap();
        let fields = proof.as_object().unwrap();
        for name in fields.keys().filter(|name| *name != "address") {
            let mut fewer = fields.clone();
            fewer.remove(name);
            assert!(parsed(&fewer.into()).is_err(), "{name}");
            let text = proof.to_string();
            let twice = format!("{},\"{name}\":{}}}", &text[..text.len() - 1], fields[name]);
            assert!(Proof::parse(twice.as_bytes()).is_err(), "{name}");
        }
        let mut more = fields.clone();
        more.insert("more".to_owned(), json!(1));
        assert!(parsed(&more.into()).is_err());
    }
    let mut plain = account_proof(1);
    plain.as_object_mut().unwrap().remove("address");
    assert!(parsed(&plain).is_ok(), "the address is there for people");
}

#[test]
fn what_is_no_proof_is_refused_by_kind() {
    let json = |bytes: &[u8]| matches!(Proof::parse(bytes), Err(ParseError::Json(_)));
    assert!(json(b"") && json(b"{") && json(b"7") && json(b"\xff") && json(&[b'['; 100_000]));
    assert_eq!(Proof::parse(b"{}"), Err(ParseError::Unknown));
    assert_eq!(Proof::parse(br#"{"jsonrpc":"2.0","id":1,"result":{}}"#), Err(ParseError::Unknown));
    assert_eq!(
        Proof::parse(&vec![b' '; MAX_PROOF_BYTES + 1]),
        Err(ParseError::TooLarge(MAX_PROOF_BYTES + 1))
    );
    assert!(json(&vec![b' '; MAX_PROOF_BYTES]));
}

#[test]
fn hex_has_one_form_and_its_length() {
    let proof = |name: &str, value: Value| {
        let mut proof = account_proof(1);
        proof[name] = value;
        parsed(&proof)
    };
    let key = account_proof(1)["key"].as_str().unwrap().to_owned();
    assert!(proof("key", json!(key)).is_ok());
    for wrong in
        [json!(key.to_uppercase()), json!(key[2..]), json!(format!("{key}00")), json!(null), json!(1)]
    {
        assert!(proof("key", wrong.clone()).is_err(), "{wrong}");
    }
    assert!(proof("value", json!("abc")).is_err() && proof("siblings", json!(["00"])).is_err());
    assert!(matches!(proof("header", json!("00")), Err(ParseError::Header(_))));
    assert!(proof("other", json!({"key": key, "value": "00"})).is_err(), "both value and other");
    for wrong in ["", "1", "dstar1", "nobody", "dstar1qqqq"] {
        assert!(matches!(proof("address", json!(wrong)), Err(ParseError::Address(_))), "{wrong}");
    }
}

#[test]
fn numbers_are_whole_and_fit() {
    for wrong in [json!(-1), json!(1.5), json!(u64::MAX), json!("1")] {
        let mut tx = tx_proof(1);
        tx["index"] = wrong.clone();
        assert!(parsed(&tx).is_err(), "{wrong}");
        let mut history = history_proof(1);
        history["leaf"]["height"] = wrong.clone();
        assert!(parsed(&history).is_err(), "{wrong}");
    }
}
