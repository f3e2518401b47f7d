//! Rules 4 and 5 line by line, and random blocks against a model that follows the specification word for
//! word.

use super::*;
use crate::tests::{easy, motes, payer};
use proptest::collection::vec;
use proptest::prelude::*;
use starling_primitives::{Auth, Output, Policy, UnsignedTransaction};
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

/// What a new account costs here.
const CHARGE: u128 = 10_000_000_000_000_000;
const STAR: u128 = 1_000_000_000_000_000_000;
/// A height whose block pays 12 STAR.
const HEIGHT: u32 = 2;
const SUBSIDY: u128 = 12 * STAR;

type State = BTreeMap<Address, Account>;

impl Accounts for State {
    type Error = Infallible;

    fn account(&self, address: &Address) -> Result<Account, Infallible> {
        Ok(self.get(address).copied().unwrap_or_default())
    }
}

fn params() -> Params {
    let params = easy().params;
    assert_eq!(params.account_charge, motes(CHARGE));
    params
}

/// The address of the n-th person.
fn person(number: u8) -> Address {
    payer(number).address()
}

fn account(nonce: u64, balance: u128) -> Account {
    Account { nonce, balance: motes(balance) }
}

/// The 1st person has 10 STAR, the 2nd 1 STAR and nonce 5.
fn state() -> State {
    BTreeMap::from([(person(1), account(0, 10 * STAR)), (person(2), account(5, STAR))])
}

/// A transaction as rule 4 sees it: its signature does not matter here.
fn pay(from: u8, nonce: u64, fee: u128, outputs: &[(Address, u128)]) -> Transaction {
    let draft = payer(from).draft(&easy().genesis_id(), nonce, outputs);
    UnsignedTransaction { fee: motes(fee), ..draft }.with_auth(&Auth::Single([0; 64])).unwrap()
}

/// Applies all to the state; the miner is the 9th person.
fn apply(state: &State, txs: &[Transaction]) -> Result<Changes, TransitionError<Infallible>> {
    let params = params();
    let mut transition = Transition::new(state, &params);
    for tx in txs {
        transition.apply(tx)?;
    }
    let Ok(changes) = transition.finish(person(9), HEIGHT);
    Ok(changes)
}

fn refusal(state: &State, txs: &[Transaction]) -> TxError {
    match apply(state, txs) {
        Err(TransitionError::Rule(error)) => error,
        other => panic!("{other:?}"),
    }
}

fn after(changes: &Changes, number: u8) -> Account {
    changes.accounts[&person(number)].after
}

#[test]
fn a_payment_moves_money_and_raises_the_nonce() {
    let changes = apply(&state(), &[pay(1, 0, 7, &[(person(2), STAR)])]).unwrap();
    assert_eq!(after(&changes, 1), account(1, 9 * STAR - 7));
    assert_eq!(after(&changes, 2), account(5, 2 * STAR));
    assert_eq!(after(&changes, 9), account(0, SUBSIDY + 7));
    assert_eq!((changes.fees, changes.burned), (motes(7), Amount::ZERO));
    assert_eq!(changes.accounts[&person(1)].before, account(0, 10 * STAR));
    assert_eq!(changes.accounts[&person(9)].before, Account::default());
    assert_eq!(changes.accounts.len(), 3);
}

#[test]
fn the_nonce_must_be_the_sender_s() {
    for found in [0, 4, 6, u64::MAX] {
        let refused = refusal(&state(), &[pay(2, found, 0, &[(person(1), 1)])]);
        assert_eq!(refused, TxError::Nonce { found, expected: 5 });
    }
    let twice = [pay(1, 0, 0, &[(person(2), 1)]), pay(1, 0, 0, &[(person(2), 2)])];
    assert_eq!(refusal(&state(), &twice), TxError::Nonce { found: 0, expected: 1 });
    assert!(apply(&state(), &[pay(1, 0, 0, &[(person(2), 1)]), pay(1, 1, 0, &[(person(2), 1)])]).is_ok());
}

#[test]
fn the_last_nonce_cannot_be_used() {
    let last = State::from([(person(1), account(u64::MAX, STAR))]);
    assert_eq!(refusal(&last, &[pay(1, u64::MAX, 0, &[(person(1), 1)])]), TxError::NonceExhausted);
    let before = State::from([(person(1), account(u64::MAX - 1, STAR))]);
    let changes = apply(&before, &[pay(1, u64::MAX - 1, 0, &[(person(1), 1)])]).unwrap();
    assert_eq!(after(&changes, 1), account(u64::MAX, STAR));
}

#[test]
fn the_balance_covers_fee_amounts_and_charges() {
    let to = [(person(3), 3), (person(4), 4), (person(3), 5), (person(2), 6)];
    let needed = 20 + 3 + 4 + 5 + 6 + 2 * CHARGE;
    let with = |balance| State::from([(person(1), account(0, balance)), (person(2), account(5, 0))]);
    let changes = apply(&with(needed), &[pay(1, 0, 20, &to)]).unwrap();
    assert_eq!(after(&changes, 1), account(1, 0), "emptied, and still there");
    assert_eq!(after(&changes, 3), account(0, 8));
    assert_eq!(changes.burned, motes(2 * CHARGE));
    let refused = refusal(&with(needed - 1), &[pay(1, 0, 20, &to)]);
    let (balance, needed) = (motes(needed - 1), motes(needed));
    assert_eq!(refused, TxError::Balance { sender: person(1), balance, needed });
}

#[test]
fn needs_beyond_all_that_exists_are_refused_too() {
    let most = Amount::MAX.motes();
    let refused = refusal(&state(), &[pay(1, 0, most, &[(person(2), most)])]);
    assert!(matches!(refused, TxError::Balance { needed: Amount::MAX, .. }));
    let refused = refusal(&state(), &[pay(1, 0, 0, &[(person(3), most)])]);
    assert!(matches!(refused, TxError::Balance { needed: Amount::MAX, .. }));
}

#[test]
fn a_sender_that_is_not_there_has_nothing() {
    let refused = refusal(&state(), &[pay(3, 0, 0, &[(person(1), 1)])]);
    let needed = motes(1);
    assert_eq!(refused, TxError::Balance { sender: person(3), balance: Amount::ZERO, needed });
}

#[test]
fn an_account_is_charged_for_once() {
    let txs = [
        pay(1, 0, 0, &[(person(3), STAR)]),
        pay(3, 0, 0, &[(person(2), STAR)]),
        pay(2, 5, 0, &[(person(3), 1)]),
    ];
    let changes = apply(&state(), &txs).unwrap();
    assert_eq!(
        changes.burned,
        motes(CHARGE),
        "made by the first, emptied by the second, there for the third"
    );
    assert_eq!(after(&changes, 3), account(1, 1));
}

#[test]
fn paying_oneself_costs_the_fee() {
    let mine = 10 * STAR - 7;
    let changes = apply(&state(), &[pay(1, 0, 7, &[(person(1), mine)])]).unwrap();
    assert_eq!(after(&changes, 1), account(1, mine));
    assert_eq!(changes.burned, Amount::ZERO);
    let more = refusal(&state(), &[pay(1, 0, 7, &[(person(1), mine + 1)])]);
    assert!(matches!(more, TxError::Balance { .. }));
}

#[test]
fn a_refused_transaction_leaves_no_trace() {
    let (state, params) = (state(), params());
    let good = [pay(1, 0, 1, &[(person(3), 5)]), pay(1, 1, 1, &[(person(2), 5)])];
    let mut transition = Transition::new(&state, &params);
    transition.apply(&good[0]).unwrap();
    let burned = transition.burned();
    for bad in [
        pay(1, 0, 1, &[(person(4), 5)]),
        pay(1, 1, 1, &[(person(4), 10 * STAR)]),
        pay(6, 0, 1, &[(person(4), 1)]),
    ] {
        assert!(transition.apply(&bad).is_err());
        assert_eq!(transition.burned(), burned);
    }
    transition.apply(&good[1]).unwrap();
    let Ok(changes) = transition.finish(person(9), HEIGHT);
    assert_eq!(changes, apply(&state, &good).unwrap());
}

#[test]
fn the_miner_gets_subsidy_and_fees_without_a_charge() {
    let changes = apply(&state(), &[]).unwrap();
    assert_eq!(changes.accounts.len(), 1);
    assert_eq!(after(&changes, 9), account(0, SUBSIDY));
    let (state, params) = (state(), params());
    let of = |height, fee| {
        let mut transition = Transition::new(&state, &params);
        transition.apply(&pay(1, 0, fee, &[(person(2), 1)])).unwrap();
        let Ok(changes) = transition.finish(person(9), height);
        changes
    };
    assert_eq!(after(&of(params.halving_interval, 3), 9), account(0, SUBSIDY / 2 + 3));
    let late = 64 * params.halving_interval;
    assert_eq!(after(&of(late, 3), 9), account(0, 3));
    assert!(!of(late, 0).accounts.contains_key(&person(9)), "of nothing, nothing");
}

#[test]
fn fees_cannot_be_spent_in_the_block_that_pays_them() {
    let txs = [pay(1, 0, STAR, &[(person(2), 1)]), pay(9, 0, 0, &[(person(1), 1)])];
    assert!(matches!(refusal(&state(), &txs), TxError::Balance { .. }));
}

#[test]
fn a_miner_that_is_paid_is_charged_for_like_anyone() {
    let changes = apply(&state(), &[pay(1, 0, 1, &[(person(9), 5)])]).unwrap();
    assert_eq!(changes.burned, motes(CHARGE));
    assert_eq!(after(&changes, 9), account(0, SUBSIDY + 6));
}

#[test]
fn a_store_that_fails_is_no_rule_broken() {
    struct Broken;
    impl Accounts for Broken {
        type Error = &'static str;
        fn account(&self, _: &Address) -> Result<Account, &'static str> {
            Err("the disk is gone")
        }
    }
    let params = params();
    let mut transition = Transition::new(&Broken, &params);
    let failed = transition.apply(&pay(1, 0, 0, &[(person(2), 1)]));
    assert_eq!(failed, Err(TransitionError::Read("the disk is gone")));
    assert_eq!(transition.finish(person(9), HEIGHT), Err("the disk is gone"));
}

/// The specification's seven lines, in plain numbers. None when the transaction is refused.
fn naive(state: &mut BTreeMap<Address, (u64, u128)>, tx: &Transaction, charge: u128) -> Option<u128> {
    let (sender, tx) = (tx.sender(), tx.unsigned());
    let (nonce, balance) = state.get(&sender).copied().unwrap_or_default();
    let new: BTreeSet<_> =
        tx.outputs.iter().map(|output| output.to).filter(|to| !state.contains_key(to)).collect();
    let burned = charge * u128::try_from(new.len()).unwrap();
    let amounts: u128 = tx.outputs.iter().map(|output| output.amount.motes()).sum();
    let spent = tx.fee.motes() + amounts + burned;
    if nonce != tx.nonce || nonce == u64::MAX || balance < spent {
        return None;
    }
    state.insert(sender, (nonce + 1, balance - spent));
    for Output { to, amount } in &tx.outputs {
        state.entry(*to).or_default().1 += amount.motes();
    }
    Some(burned)
}

/// Sender, whether its nonce is right, fee, outputs.
type Plan = (u8, bool, u128, Vec<(u8, u128)>);

fn plans() -> impl Strategy<Value = Vec<Plan>> {
    let output = (0u8..8, prop_oneof![4 => 1u128..1_000, 1 => 1u128..2_000_000]);
    vec((0u8..6, prop::bool::weighted(0.9), 0u128..100, vec(output, 1..5)), 0..40)
}

fn total(balances: impl IntoIterator<Item = Amount>) -> u128 {
    balances.into_iter().map(Amount::motes).sum()
}

proptest! {
    #[test]
    fn random_blocks_follow_the_model_and_conserve_money(
        balances in vec(prop_oneof![Just(0u128), 0u128..1_000_000], 8),
        plans in plans(),
        charge in 0u128..500,
        miner in 0u8..9,
    ) {
        let address = |number: u8| Policy::Single([number; 32]).address();
        let rich = (0u8..).zip(&balances).filter(|(_, balance)| **balance > 0);
        let start: State = rich.map(|(number, balance)| (address(number), account(0, *balance))).collect();
        let mut model: BTreeMap<_, _> =
            start.iter().map(|(to, held)| (*to, (held.nonce, held.balance.motes()))).collect();
        let params = Params { account_charge: motes(charge), ..params() };
        let mut transition = Transition::new(&start, &params);
        let (mut burned, mut fees) = (0, 0);
        for (sender, right_nonce, fee, outputs) in plans {
            let nonce = model.get(&address(sender)).map_or(0, |held| held.0) + u64::from(!right_nonce);
            let to: Vec<_> = outputs.iter().map(|(to, amount)| (address(*to), *amount)).collect();
            let draft = payer(0).draft(&easy_genesis(), nonce, &to);
            let policy = Policy::Single([sender; 32]);
            let unsigned = UnsignedTransaction { fee: motes(fee), policy, ..draft };
            let tx = unsigned.with_auth(&Auth::Single([0; 64])).unwrap();
            let expected = naive(&mut model, &tx, charge);
            prop_assert_eq!(transition.apply(&tx).is_ok(), expected.is_some());
            burned += expected.unwrap_or(0);
            fees += expected.map_or(0, |_| fee);
        }
        prop_assert_eq!(transition.burned(), motes(burned));
        let Ok(changes) = transition.finish(address(miner), HEIGHT);
        model.entry(address(miner)).or_default().1 += SUBSIDY + fees;
        prop_assert_eq!((changes.burned, changes.fees), (motes(burned), motes(fees)));
        let mut end = start.clone();
        for (to, change) in &changes.accounts {
            prop_assert_eq!(Ok(change.before), start.account(to));
            prop_assert!(!change.after.is_absent(), "nobody becomes absent");
            end.insert(*to, change.after);
        }
        let expected: State = model.iter().map(|(to, held)| (*to, account(held.0, held.1))).collect();
        prop_assert_eq!(&end, &expected);
        let before = total(start.values().map(|held| held.balance)) + SUBSIDY;
        prop_assert_eq!(total(end.values().map(|held| held.balance)) + burned, before);
    }
}

fn easy_genesis() -> starling_primitives::GenesisId {
    starling_primitives::GenesisId::ZERO
}
