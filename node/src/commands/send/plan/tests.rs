//! Who pays when nobody is named, and what a payment needs.

use super::{Payer, Plan, exists, only_wallet};
use crate::commands::account::tests::info;
use starling_genesis::Chain;
use starling_primitives::{Amount, Memo, Output};
use starling_rpc::types::Account;
use starling_wallet::{Fee, Keystore, Payment, dev_account};

fn star(text: &str) -> Amount {
    Amount::from_star(text).unwrap()
}

fn plan(amount: &str, charge: &str, available: &str) -> Plan {
    let chain = Chain::dev();
    let to = dev_account(1).unwrap().address();
    let key = dev_account(0).unwrap();
    let outputs = vec![Output { to, amount: star(amount) }];
    let payment = Payment {
        nonce: 7,
        fee: Fee::Exact(star("0.5")),
        valid_until: 0,
        outputs,
        memo: Memo::new(b"hi").unwrap(),
    };
    Plan {
        unsigned: payment.unsigned(key.policy(), &chain.genesis_id()).unwrap(),
        payer: Payer::Dev { name: "dev0".to_owned(), key },
        prefix: chain.params.prefix.clone(),
        genesis: chain.genesis_id(),
        to,
        amount: star(amount),
        charge: star(charge),
        available: star(available),
    }
}

#[test]
fn without_a_name_the_only_wallet_pays() {
    let dir = tempfile::tempdir().unwrap();
    let keystore = Keystore::new(dir.path());
    let none = only_wallet(&info("lab"), &keystore).unwrap_err();
    assert!(none.message().contains("starling wallet new"));
    assert!(only_wallet(&info("dev"), &keystore).unwrap_err().message().contains("dev0 to dev9"));
    keystore.import_key("alice", "pass", &[1; 32]).unwrap();
    assert_eq!(only_wallet(&info("lab"), &keystore).unwrap(), "alice");
    keystore.import_key("bob", "pass", &[2; 32]).unwrap();
    let two = only_wallet(&info("lab"), &keystore).unwrap_err();
    assert_eq!((two.code(), two.message().ends_with("--from NAME: alice, bob")), (2, true));
}

#[test]
fn a_payment_needs_amount_fee_and_charge() {
    plan("1", "0.01", "1.51").check().unwrap();
    let short = plan("1", "0.01", "1.509999999999999999").check().unwrap_err();
    assert_eq!(short.code(), 4);
    assert!(short.message().contains("needs 1.51 STAR"), "{}", short.message());
    assert_eq!(plan("0", "0", "10").check().unwrap_err().code(), 2);
}

#[test]
fn a_fee_far_above_the_suggested_one_is_refused() {
    let plan = plan("1", "0.01", "10");
    let size = u64::try_from(plan.unsigned.finished_size()).unwrap();
    // The plan pays 0.5 STAR.
    let rate = |star_in_all: &str| Amount::from_motes(star(star_in_all).motes() / u128::from(size)).unwrap();
    plan.check_fee(true, rate("0.0051")).unwrap();
    plan.check_fee(true, rate("1")).unwrap();
    let refusal = plan.check_fee(true, rate("0.004")).unwrap_err();
    assert_eq!(refusal.code(), 2);
    assert!(
        refusal.message().contains("--high-fee") && refusal.message().contains("0.5 STAR"),
        "{refusal:?}"
    );
}

#[test]
fn whoever_is_asked_sees_everything() {
    let lines = plan("1", "0.01", "10").describe().join("\n");
    for part in ["dstar1", "dev0", "1 STAR", "0.5 STAR", "0.01 STAR, once", "8.49 STAR", "hi"] {
        assert!(lines.contains(part), "{part} is not in {lines}");
    }
    assert!(!plan("1", "0", "10").describe().join("\n").contains("once"));
}

#[test]
fn programs_see_motes() {
    let json = plan("1", "0.01", "10").json();
    assert_eq!(json["amount"], "1000000000000000000");
    assert_eq!(json["fee"], "500000000000000000");
    assert_eq!(json["account_charge"], "10000000000000000");
    assert_eq!(json["nonce"], 7);
}

#[test]
fn an_account_of_zeros_is_none() {
    let zeros = Account {
        address: String::new(),
        balance: Amount::ZERO,
        nonce: 0,
        pending_balance: Amount::ZERO,
        pending_nonce: 0,
    };
    assert!(!exists(&zeros));
    assert!(exists(&Account { nonce: 1, ..zeros.clone() }));
    assert!(exists(&Account { pending_balance: star("1"), ..zeros.clone() }));
    assert!(exists(&Account { balance: star("1"), ..zeros }));
}
