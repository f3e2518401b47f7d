//! No more is read than a proof can have.

use super::*;

#[test]
fn an_endless_input_is_refused() {
    let bytes = bounded(io::repeat(b' ')).unwrap();
    assert_eq!(bytes.len(), MAX_PROOF_BYTES + 1);
    assert!(Proof::parse(&bytes).unwrap_err().to_string().contains("1 MiB"));
}

#[test]
fn results_say_what_is_proven() {
    let key = starling_primitives::state::StateKey::new([1; 32]);
    let verified = |account| {
        let claim = Claim::Account { key, address: None, account };
        describe(&Verified { claim, block: starling_primitives::BlockId::ZERO, height: 7, anchored: true })
    };
    let absent = verified(None);
    assert_eq!((&absent["proves"], &absent["present"]), (&json!("account"), &json!(false)));
    assert_eq!((&absent["balance"], &absent["height"]), (&json!("0"), &json!(7)));
    let account = starling_primitives::state::Account { nonce: 3, ..Default::default() };
    assert_eq!(
        (&verified(Some(account))["present"], &verified(Some(account))["nonce"]),
        (&json!(true), &json!(3))
    );
}
