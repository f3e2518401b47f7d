//! Everything that is written to the disk, byte for byte: a small database that has each kind of record, and
//! a pool file. `golden.txt` has one line for each entry: family, key, value.
//!
//! To write that file anew after a decision to change a layout: `STARLING_WRITE_GOLDEN=1` in the environment
//! of this test, then the new [`HASH`] that it tells.

use super::*;
use crate::mempool::Snapshot;
use crate::store::Family;
use crate::testing::{Fixture, address, pay};
use starling_consensus::CheckedBlock;
use starling_primitives::state::Account;
use starling_primitives::{GenesisId, StateRoot, decode_body, tagged};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

const GOLDEN: &str = include_str!("golden.txt");
/// Over all of the file.
const HASH: &str = "d1451d597b87959258eee0cb717dc77564120b3efd44430d96b3d90e590ca0d9";
const ADVICE: &str = "\
    What lies on disks has changed. If that is meant, it needs a new SCHEMA in store.rs (or VERSION in \
    mempool/file.rs) and a way from the old layout to the new one; then write the golden file anew";

const FAMILIES: [(Family, &str); 9] = [
    (Family::Meta, "meta"),
    (Family::Headers, "headers"),
    (Family::Canonical, "canonical"),
    (Family::Bodies, "bodies"),
    (Family::Undo, "undo"),
    (Family::State, "state"),
    (Family::History, "history"),
    (Family::TxIndex, "tx_index"),
    (Family::AddressIndex, "address_index"),
];
const STAR: u128 = 1_000_000_000_000_000_000;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

/// Three connected blocks, one whose body is here, one of which there is the header, and an invalid one.
fn database() -> Fixture {
    let mut fixture = Fixture::new();
    let chain = fixture.chain.clone();
    let payments = vec![pay(&chain, 0, 0, address(15), 5 * STAR), pay(&chain, 1, 0, address(0), STAR / 4)];
    fixture.mine(payments);
    fixture.mine(vec![]);
    fixture.mine(vec![pay(&chain, 15, 0, address(2), STAR)]);
    fixture.block(vec![pay(&chain, 2, 0, address(3), 7)], 8, None);
    let later = fixture.block(vec![pay(&chain, 3, 0, address(4), 7)], 8, None);
    only_the_header(&fixture, &later);
    let bad = fixture.block(vec![], 7, Some(StateRoot::new([7; 32])));
    let id = bad.header().header().id();
    let store = fixture.ledger.store().clone();
    let change = fixture.tree.invalidate(&id, "state_root", &*store);
    fixture.ledger.put_invalid(&id, "state_root", change.as_ref(), &fixture.tree.best().id).unwrap();
    fixture
}

fn only_the_header(fixture: &Fixture, block: &CheckedBlock) {
    let work = fixture.tree.get(&block.header().header().id()).unwrap().work;
    fixture.ledger.put_headers(&[(block.header(), work)], &[], &fixture.tree.best().id).unwrap();
}

fn pool(fixture: &Fixture) -> Snapshot {
    let chain = &fixture.chain;
    let txs = [pay(chain, 4, 0, address(5), STAR), pay(chain, 4, 1, address(6), 1)];
    Snapshot { genesis: chain.genesis_id(), txs: (1_800_000_000..).zip(txs).collect() }
}

fn dump() -> String {
    let mut fixture = database();
    fixture.ledger.flush_state().unwrap();
    let mut text = String::new();
    for (family, name) in FAMILIES {
        for entry in fixture.ledger.store().scan(family) {
            let (key, value) = entry.unwrap();
            writeln!(text, "{name} {} {}", hex(&key), hex(&value)).unwrap();
        }
    }
    writeln!(text, "mempool.dat - {}", hex(&pool(&fixture).encode())).unwrap();
    text
}

/// The golden entries of a family.
fn entries(family: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
    let lines = GOLDEN.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let ours = lines.filter(|fields| fields[0] == family);
    ours.map(|fields| (unhex(fields[1].trim_matches('-')), unhex(fields[2]))).collect()
}

#[test]
fn what_is_written_is_what_was_always_written() {
    let found = dump();
    if std::env::var_os("STARLING_WRITE_GOLDEN").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/records/tests/golden.txt");
        std::fs::write(path, &found).unwrap();
        panic!("the golden file is written; its hash is {}", hex(&golden_hash(&found)));
    }
    let known: BTreeSet<&str> = GOLDEN.lines().collect();
    let new: Vec<&str> = found.lines().filter(|line| !known.contains(line)).collect();
    assert!(found == GOLDEN, "{ADVICE}. Entries that are new:\n{}", new.join("\n"));
    assert_eq!(hex(&golden_hash(GOLDEN)), HASH, "{ADVICE}");
}

fn golden_hash(text: &str) -> [u8; 32] {
    tagged("starling/golden-disk", &[text.as_bytes()])
}

#[test]
fn what_was_written_reads_back() {
    let mut statuses = BTreeMap::new();
    for (key, value) in entries("headers") {
        let record = HeaderRecord::decode(&value).unwrap();
        assert_eq!((record.encode(), record.header.id().as_bytes().to_vec()), (value, key));
        statuses.insert(format!("{:?} {}", record.status, record.rule), record.header.clone());
        let body = entries("bodies")
            .into_iter()
            .find(|(at, _)| *at == block_key(record.header.height(), &record.header.id()));
        let txs = decode_body(&body.unwrap().1, record.header.content().tx_count).unwrap();
        assert_eq!(txs.len(), usize::try_from(record.header.content().tx_count).unwrap());
    }
    let statuses: Vec<&str> = statuses.keys().map(String::as_str).collect();
    assert_eq!(statuses, ["Body ", "Connected ", "Header ", "Invalid state_root"]);
    let mut undone = Vec::new();
    for (key, value) in entries("undo") {
        let undo = Undo::decode(&value).unwrap();
        assert_eq!((Undo::encode(undo.burned, &undo.values), key.len()), (value, 36));
        undone.extend(undo.values.into_iter().map(|(_, value)| value.is_some()));
    }
    assert!(undone.contains(&true) && undone.contains(&false), "changed and new accounts");
    for (_, value) in entries("state") {
        assert_eq!(Account::decode(&value).unwrap().encode().to_vec(), value);
    }
    for (key, value) in entries("tx_index") {
        assert_eq!((TxLocation::decode(&value).unwrap().encode().to_vec(), key.len()), (value, 32));
    }
    let mut rewards = 0;
    for (key, value) in entries("address_index") {
        let event = AddressEvent::decode(&key, &value).unwrap();
        let owner = Address::new(*key.first_chunk().unwrap());
        assert_eq!((event.encode(), event.key(&owner).to_vec()), (value, key));
        rewards += usize::from(event.txid.is_none());
    }
    assert_eq!(rewards, 3);
    let meta: BTreeMap<Vec<u8>, Vec<u8>> = entries("meta").into_iter().collect();
    let tip = Tip::decode(&meta[b"tip".as_slice()]).unwrap();
    assert_eq!(tip.encode(), meta[b"tip".as_slice()]);
    let state_tip = &meta[b"state_tip".as_slice()];
    assert_eq!(StateTip::decode(state_tip).unwrap().encode(), *state_tip);
    let genesis = GenesisId::new(*meta[b"genesis".as_slice()].first_chunk().unwrap());
    let (_, file) = entries("mempool.dat").remove(0);
    let pool = Snapshot::decode(&file, &genesis).unwrap();
    assert_eq!((pool.txs.len(), pool.encode()), (2, file));
}

/// Worked out by hand from the descriptions of the layouts.
#[test]
fn a_few_entries_are_as_described() {
    let lines: BTreeSet<&str> = GOLDEN.lines().collect();
    assert!(lines.contains(format!("meta {} 03000000", hex(b"schema")).as_str()));
    // The tip: id, height 3, one new account at 0.01 STAR = 10^16 = 0x2386f26fc10000 motes.
    let (_, third) = entries("canonical").remove(3);
    let tip = format!("meta {} {}030000000000c16ff28623000000000000000000", hex(b"tip"), hex(&third));
    assert!(lines.contains(tip.as_str()), "{tip}");
    let state_tip = format!("meta {} {}03000000", hex(b"state_tip"), hex(&third));
    assert!(lines.contains(state_tip.as_str()), "{state_tip}");
    let canonical: Vec<_> = entries("canonical").into_iter().map(|(key, _)| hex(&key)).collect();
    assert_eq!(canonical, ["00000000", "00000001", "00000002", "00000003"]);
    let mut places: Vec<_> = entries("tx_index").into_iter().map(|(_, place)| hex(&place)).collect();
    places.sort();
    assert_eq!(places, ["0000000100000000", "0000000100000001", "0000000300000000"]);
    // A block without transactions changes its miner's account alone: nothing burned, key, 23 bytes.
    let undo = entries("undo");
    let (key, second) = &undo[1];
    assert_eq!(hex(&key[..4]), "00000002");
    assert_eq!(
        (hex(&second[..16]), second.len(), hex(&second[48..50])),
        ("00".repeat(16), 73, "1700".into())
    );
    // The reward: address, height 2, after all transactions; sent 0, fee 0, received 12 STAR.
    let miner = hex(address(9).as_bytes());
    let received = hex(&(12 * STAR).to_le_bytes());
    let reward = format!("address_index {miner}00000002ffffffff {}{received}", "00".repeat(32));
    assert!(lines.contains(reward.as_str()), "{reward}");
}

#[test]
fn the_order_of_keys_is_the_order_of_the_chain() {
    let heights = [0, 1, 255, 256, 65_535, 65_536, u32::MAX];
    let id = |height: u32| BlockId::new(if height.is_multiple_of(2) { [0xff; 32] } else { [0; 32] });
    assert!(heights.map(|height| block_key(height, &id(height))).is_sorted());
    let events = heights.map(|height| AddressEvent::key_at(&address(1), height, u32::MAX - height));
    assert!(events.is_sorted());
    let reward = AddressEvent::reward(5, Amount::ZERO).key(&address(1));
    let last = AddressEvent::key_at(&address(1), 5, u32::MAX - 1);
    assert!(last < reward && reward < AddressEvent::key_at(&address(1), 6, 0));
}
