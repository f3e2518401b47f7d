//! `transitions.json`: what blocks do to accounts.
//!
//! The file names accounts by example addresses, which no policy owns; here each stands for the address of a
//! policy made of its bytes, and stands for itself again when the state root is computed.

use crate::data::{Entry, section};
use serde_json::Value;
use starling_consensus::{
    Accounts, BlockError, Changes, Transition, TransitionError, TxError, check_expiry, check_fields,
};
use starling_genesis::Params;
use starling_primitives::state::{Account, StateKey, root};
use starling_primitives::{
    Address, Amount, Auth, GenesisId, Memo, Output, Policy, Transaction, UnsignedTransaction,
};
use std::collections::BTreeMap;
use std::convert::Infallible;

const FILE: &str = include_str!("../../../primitives/tests/golden/transitions.json");

/// Accounts by the addresses of the file.
type Listed = BTreeMap<Address, Account>;

struct State(Listed);

impl Accounts for State {
    type Error = Infallible;

    fn account(&self, address: &Address) -> Result<Account, Infallible> {
        Ok(self.0.get(address).copied().unwrap_or_default())
    }
}

/// Fields without names, like `[address, nonce, balance]`.
struct Row(Value);

impl Row {
    fn address(&self, at: usize) -> Address {
        let bytes = hex::decode(self.0[at].as_str().expect("a text")).expect("hex");
        Address::new(bytes.try_into().expect("20 bytes"))
    }

    fn number(&self, at: usize) -> u64 {
        self.0[at].as_u64().expect("a number")
    }

    fn amount(&self, at: usize) -> Amount {
        Amount::from_mote_text(self.0[at].as_str().expect("a text")).expect("an amount")
    }
}

fn rows(entry: &Entry, key: &str) -> Vec<Row> {
    entry.0[key].as_array().expect("a list").iter().cloned().map(Row).collect()
}

/// The policy that stands for an address of the file.
fn policy(address: &Address) -> Policy {
    let mut key = [0; 32];
    key[..20].copy_from_slice(address.as_bytes());
    Policy::Single(key)
}

fn listed(case: &Entry, key: &str) -> Listed {
    rows(case, key)
        .into_iter()
        .map(|row| (row.address(0), Account { nonce: row.number(1), balance: row.amount(2) }))
        .collect()
}

fn transaction(tx: &Entry) -> Transaction {
    let output = |row: &Row| Output { to: policy(&row.address(0)).address(), amount: row.amount(1) };
    let unsigned = UnsignedTransaction {
        chain_id: GenesisId::ZERO.chain_id(),
        nonce: tx.number("nonce"),
        fee: tx.amount("fee"),
        valid_until: tx.number("valid_until"),
        outputs: rows(tx, "outputs").iter().map(output).collect(),
        memo: Memo::default(),
        policy: policy(&tx.address("sender")),
    };
    unsigned.with_auth(&Auth::Single([0; 64])).expect("well formed")
}

/// Rules 2 to 5 without the signatures.
fn apply(state: &State, case: &Entry, params: &Params) -> Result<Changes, TxError> {
    let height = case.number("height");
    let mut transition = Transition::new(state, params);
    for tx in case.entries("txs") {
        let tx = transaction(&tx);
        check_fields(&tx, &GenesisId::ZERO)?;
        check_expiry(&tx, height)?;
        transition.apply(&tx).map_err(|error| match error {
            TransitionError::Rule(error) => error,
            TransitionError::Read(never) => match never {},
        })?;
    }
    let Ok(changes) = transition.finish(policy(&case.address("miner")).address(), height);
    Ok(changes)
}

fn params() -> Params {
    let given = &section(FILE, "params")[0];
    Params {
        account_charge: given.amount("account_charge"),
        subsidy: given.amount("subsidy"),
        halving_interval: given.number("halving_interval"),
        ..crate::lab()
    }
}

/// Every address of the file that a case may mean.
fn named(case: &Entry) -> Vec<Address> {
    let held = listed(case, "before").into_keys().chain(listed(case, "after").into_keys());
    held.chain([case.address("miner")]).collect()
}

#[test]
fn blocks_do_to_accounts_what_they_should() {
    for case in section(FILE, "cases") {
        let (name, before) = (case.name(), listed(&case, "before"));
        let stands_for: BTreeMap<_, _> =
            named(&case).into_iter().map(|address| (policy(&address).address(), address)).collect();
        let state = before.iter().map(|(address, account)| (policy(address).address(), *account)).collect();
        let applied = apply(&State(state), &case, &params());
        if !case.is_null("error") {
            let error = BlockError::Transaction { index: 0, error: applied.unwrap_err() };
            assert_eq!(error.rule(), case.text("error"), "{name}");
            continue;
        }
        let changes = applied.unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut after = before;
        after.extend(changes.accounts.iter().map(|(to, change)| (stands_for[to], change.after)));
        assert_eq!(after, listed(&case, "after"), "{name}");
        assert_eq!(changes.burned, case.amount("burned"), "{name}");
        let fees = case.entries("txs").iter().map(|tx| tx.amount("fee")).collect::<Vec<_>>();
        assert_eq!(Some(changes.fees), Amount::sum(fees), "{name}");
        let entries = after.iter().map(|(address, account)| (StateKey::account(address), account.encode()));
        let entries: Vec<_> = entries.collect::<BTreeMap<_, _>>().into_iter().collect();
        assert_eq!(root(&entries).to_string(), case.text("state_root"), "{name}");
    }
}
