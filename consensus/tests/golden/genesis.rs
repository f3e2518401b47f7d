//! `genesis.json`: from a chain file to the genesis id, with everything between.

use crate::data::{Entry, section};
use starling_consensus::Cursor;
use starling_genesis::{Chain, ChainError};
use starling_primitives::tagged;
use std::fmt::Write;

const FILE: &str = include_str!("../../../primitives/tests/golden/genesis.json");

/// The chain file of a case, stating this id.
fn chain_file(case: &Entry, id: &str) -> String {
    let mut file = String::from("name = \"golden\"\n");
    let mut line = |text: std::fmt::Arguments<'_>| file.write_fmt(text).expect("a string grows");
    for key in ["prefix", "pow", "easiest_bits"] {
        line(format_args!("{key} = {:?}\n", case.text(key)));
    }
    for key in ["subsidy", "account_charge"] {
        line(format_args!("{key} = \"{}\"\n", case.amount(key)));
    }
    for key in ["interval", "half_life", "step", "future_limit", "max_body_bytes", "halving_interval"] {
        if !case.is_null(key) {
            line(format_args!("{key} = {}\n", case.number::<u32>(key)));
        }
    }
    let (time, bits) = (case.number::<u32>("time"), case.text("bits"));
    line(format_args!("[genesis]\ntime = {time}\nbits = {bits:?}\nid = {id:?}\n"));
    for account in case.entries("accounts") {
        let (text, balance) = (account.text("text"), account.amount("balance"));
        line(format_args!("[[genesis.account]]\naddress = {text:?}\nbalance = \"{balance}\"\n"));
    }
    file
}

#[test]
fn chain_files_give_their_genesis() {
    for case in section(FILE, "cases") {
        let name = case.name();
        let file = chain_file(&case, case.text("id_display"));
        let chain = Chain::from_toml(&file).unwrap_or_else(|error| panic!("{name}: {error}"));
        let (header, params) = (&chain.genesis, &chain.params);
        assert_eq!(params.easiest_bits.to_string(), case.text("easiest_bits_resolved"), "{name}");
        assert_eq!(params.commitment(), case.array("extra"), "{name}");
        assert_eq!(tagged("starling/chain", &[&case.bytes("rule_bytes")]), case.array("extra"), "{name}");
        assert_eq!(header.extra().as_bytes(), case.bytes("extra"), "{name}");
        assert_eq!(header.content().encode(), case.bytes("content"), "{name}");
        assert_eq!(header.content().state_root.to_string(), case.text("state_root"), "{name}");
        assert_eq!(header.content().commitment().to_string(), case.text("commitment"), "{name}");
        assert_eq!(header.coinbase().as_bytes(), case.bytes("coinbase"), "{name}");
        assert_eq!(header.work().root.to_vec(), case.bytes("root"), "{name}");
        assert_eq!(header.work().encode().to_vec(), case.bytes("work"), "{name}");
        assert_eq!(header.encode(), case.bytes("header"), "{name}");
        let id = chain.genesis_id();
        assert_eq!(id.as_bytes().to_vec(), case.bytes("id"), "{name}");
        assert_eq!((id.chain_id(), chain.chain_id()), (case.number("chain_id"), case.number("chain_id")));
        assert_eq!(format!("{:08x}", id.chain_id()), case.text("chain_id_hex"), "{name}");
        assert_eq!(format!("/starling/{:08x}/block/1", id.chain_id()), case.text("topic"), "{name}");
        let accounts: Vec<_> = case.entries("accounts");
        let held = accounts.iter().map(|account| (account.address("address"), account.amount("balance")));
        assert_eq!(chain.accounts, held.collect::<Vec<_>>(), "{name}");
        assert_eq!(Cursor::genesis(&chain).0.work().to_string(), case.text("cumulative_work_be"), "{name}");
    }
}

#[test]
fn wrong_chains_are_refused_by_name() {
    for case in section(FILE, "refused_specs") {
        let error = match Chain::from_toml(&chain_file(&case, &"0".repeat(64))).unwrap_err() {
            ChainError::RepeatedAccount(_) => "repeated_account",
            ChainError::EmptyAccount(_) => "empty_account",
            ChainError::TooMuchMoney => "too_much_money",
            other => panic!("{}: {other}", case.name()),
        };
        assert_eq!(error, case.text("error"), "{}", case.name());
    }
}
