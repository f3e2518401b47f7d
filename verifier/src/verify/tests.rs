//! Every proof holds at its header, and no changed byte goes unnoticed.

use super::*;
use crate::testing::{
    HEIGHT, absent, account_proof, address, content, empty, every_kind, header, history_proof, leaf, solved,
    text, tx_proof, with_bits,
};
use crate::{ParseError, Proof};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};
use starling_primitives::{Amount, Bits, Content};

fn parsed(proof: &Value) -> Proof {
    Proof::parse(proof.to_string().as_bytes()).unwrap()
}

fn named() -> Anchor {
    Anchor::Id(header().id())
}

fn verified(proof: &Value) -> Result<Claim, VerifyError> {
    parsed(proof).verify(&named()).map(|verified| verified.claim)
}

#[test]
fn each_kind_is_proven() {
    let account = |number| verified(&account_proof(number)).unwrap();
    let claim = |number, account| Claim::Account {
        key: StateKey::account(&address(number)),
        address: Some(text(number)),
        account,
    };
    let balance = Amount::from_star("2.5").unwrap();
    assert_eq!(account(3), claim(3, Some(Account { nonce: 3, balance })));
    for number in absent() {
        assert_eq!(account(number), claim(number, None));
    }
    for index in 0..7 {
        let wtxid = Wtxid::new([u8::try_from(index).unwrap() + 1; 32]);
        assert_eq!(verified(&tx_proof(index)), Ok(Claim::Tx { wtxid, index, count: 7 }));
    }
    for height in 0..HEIGHT {
        assert_eq!(verified(&history_proof(height)), Ok(Claim::Ancestor(leaf(height))));
    }
}

#[test]
fn the_anchor_decides_what_a_proof_is_worth() {
    let header = header();
    let other = solved(Content { body_bytes: 9_999, ..content() }, PowKind::Sha256d);
    for bytes in every_kind() {
        let proof = Proof::parse(&bytes).unwrap();
        for (anchor, anchored) in
            [(Anchor::Nothing, false), (named(), true), (Anchor::Header(Box::new(header.clone())), true)]
        {
            let verified = proof.verify(&anchor).unwrap();
            assert_eq!((verified.anchored, verified.block, verified.height), (anchored, header.id(), HEIGHT));
        }
        let refused = VerifyError::OtherBlock { named: other.id(), found: header.id() };
        assert_eq!(proof.verify(&Anchor::Id(other.id())), Err(refused.clone()));
        assert_eq!(proof.verify(&Anchor::Header(Box::new(other.clone()))), Err(refused));
        // The same 80 bytes, and so the same id, around another content.
        let forged = Header::new(*header.work(), b"extra", *other.content()).unwrap();
        assert_eq!(proof.verify(&Anchor::Header(Box::new(forged))), Err(VerifyError::OtherHeader));
    }
}

#[test]
fn a_header_must_commit_to_its_content_and_have_its_work() {
    let at = |header: &Header| {
        let mut proof = account_proof(3);
        proof["header"] = json!(hex::encode(header.encode()));
        proof["block"] = json!(header.id().to_string());
        parsed(&proof).verify(&Anchor::Nothing)
    };
    assert!(at(&solved(content(), PowKind::Sha256dTagged)).is_ok(), "chains of both kinds");
    let forged = Header::new(*header().work(), b"other", content()).unwrap();
    assert_eq!(at(&forged), Err(VerifyError::FalseRoot));
    let hard = with_bits(content(), Bits::new(0x1d00_ffff), |_| true);
    assert_eq!(at(&hard), Err(VerifyError::NoWork));
    let none = with_bits(content(), Bits::new(0), |_| true);
    assert!(matches!(at(&none), Err(VerifyError::Target(_))));
    let genesis = with_bits(Content { height: 0, ..content() }, Bits::new(0x1d00_ffff), |_| true);
    assert!(at(&genesis).is_ok(), "no work is asked of genesis");
    assert_eq!(at(&solved(empty(5), PowKind::Sha256d)), Err(VerifyError::State(ProofError::WrongRoot)));
}

#[test]
fn what_a_proof_says_must_fit_its_header() {
    let mut proof = account_proof(3);
    proof["address"] = json!(text(4));
    assert_eq!(verified(&proof), Err(VerifyError::WrongKey(text(4))));
    proof["address"] = Value::Null;
    assert!(matches!(verified(&proof), Ok(Claim::Account { address: None, .. })));
    proof["block"] = json!(BlockId::ZERO.to_string());
    assert_eq!(verified(&proof), Err(VerifyError::WrongId { said: BlockId::ZERO, found: header().id() }));

    let mut tx = tx_proof(6);
    tx["count"] = json!(8);
    assert_eq!(verified(&tx), Err(VerifyError::WrongCount { said: 8, found: 7 }));
    let mut tx = tx_proof(6);
    tx["index"] = json!(7);
    assert_eq!(verified(&tx), Err(VerifyError::WrongTxRoot));

    let mut history = history_proof(4);
    history["count"] = json!(HEIGHT - 1);
    assert_eq!(verified(&history), Err(VerifyError::WrongCount { said: HEIGHT - 1, found: HEIGHT }));
    let mut history = history_proof(4);
    history["index"] = json!(5);
    assert_eq!(verified(&history), Err(VerifyError::WrongHeight { index: 5, height: 4 }));
    history["leaf"]["height"] = json!(5);
    assert_eq!(verified(&history), Err(VerifyError::WrongHistoryRoot));
}

#[test]
fn an_absence_without_an_address_is_that_of_the_key_it_names() {
    let [_, nothing] = absent();
    let mut proof = account_proof(nothing);
    proof.as_object_mut().unwrap().remove("address");
    let mut key = *StateKey::account(&address(nothing)).as_bytes();
    key[31] ^= 1;
    proof["key"] = json!(hex::encode(key));
    let claim = Claim::Account { key: StateKey::new(key), address: None, account: None };
    assert_eq!(verified(&proof), Ok(claim), "nothing stands there either");
}

#[test]
fn what_is_proven_is_said_in_words() {
    let said = |proof: &Value| parsed(proof).verify(&named()).unwrap().to_string();
    let (block, [other, _]) = (format!("block {HEIGHT}, {}", header().id()), absent());
    assert_eq!(
        said(&account_proof(3)),
        format!("account {} has 2.5 STAR and nonce 3 after {block}", text(3))
    );
    assert_eq!(said(&account_proof(other)), format!("account {} does not exist after {block}", text(other)));
    let wtxid = "05".repeat(32);
    assert_eq!(
        said(&tx_proof(4)),
        format!("the transaction with the wtxid {wtxid} is number 5 of 7 in {block}")
    );
    assert_eq!(said(&history_proof(2)), format!("block 2, {}, is an ancestor of {block}", leaf(2).id));
}

#[test]
fn no_byte_can_be_changed() {
    for bytes in every_kind() {
        for at in 0..bytes.len() {
            for flip in [0x01, 0x02, 0x20, 0x80] {
                let mut changed = bytes.clone();
                changed[at] ^= flip;
                let accepted = Proof::parse(&changed).ok().and_then(|proof| proof.verify(&named()).ok());
                assert_eq!(accepted, None, "byte {at} of {}", String::from_utf8_lossy(&changed));
            }
        }
    }
}

proptest! {
    #[test]
    fn no_changed_proof_holds(kind: Index, at: Index, flip in 1u8..) {
        let kinds = every_kind();
        let mut bytes = kinds[kind.index(kinds.len())].clone();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        let accepted = Proof::parse(&bytes).ok().and_then(|proof| proof.verify(&named()).ok());
        prop_assert_eq!(accepted, None);
    }

    #[test]
    fn any_bytes_are_judged(
        kind: Index,
        edits in proptest::collection::vec((any::<Index>(), any::<u8>(), 0u8..3), 0..20),
        noise in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let kinds = every_kind();
        let mut bytes = kinds[kind.index(kinds.len())].clone();
        for (at, byte, what) in edits {
            match what {
                0 => bytes.insert(at.index(bytes.len() + 1), byte),
                1 if !bytes.is_empty() => drop(bytes.remove(at.index(bytes.len()))),
                _ if !bytes.is_empty() => { let at = at.index(bytes.len()); bytes[at] = byte; }
                _ => {}
            }
        }
        for bytes in [bytes, noise] {
            match Proof::parse(&bytes) {
                Ok(proof) => drop(proof.verify(&named())),
                Err(ParseError::Json(why)) => prop_assert!(why.chars().count() <= 200),
                Err(_) => {}
            }
        }
    }
}
