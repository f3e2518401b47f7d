//! Proofs for tests: each kind, at headers with work, as a node gives them.

use serde_json::{Value, json};
use starling_primitives::history::{Accumulator, Leaf, Proof as HistoryPath};
use starling_primitives::state::{Account, Found, StateKey, prove, root};
use starling_primitives::{
    Address, Amount, Bits, BlockId, Content, Header, HistoryRoot, PowKind, Prefix, StateRoot, Target,
    TxProof, TxRoot, Work, WorkHeader, Wtxid, tx_root,
};
use std::collections::BTreeMap;

/// Accounts of the state.
pub(crate) const ACCOUNTS: u8 = 40;
/// Transactions of the block.
pub(crate) const TXS: u32 = 7;
/// Height of the block.
pub(crate) const HEIGHT: u32 = 11;
/// Half of all hashes meet it.
const EASY: Bits = Bits::new(0x207f_ffff);

pub(crate) fn address(number: u8) -> Address {
    Address::new([number; 20])
}

pub(crate) fn text(number: u8) -> String {
    address(number).to_text(&Prefix::new("dstar").unwrap())
}

fn entries() -> Vec<(StateKey, [u8; Account::BYTES])> {
    let account = |number: u8| Account { nonce: number.into(), balance: Amount::from_star("2.5").unwrap() };
    let entry = |number| (StateKey::account(&address(number)), account(number).encode());
    let mut entries: Vec<_> = (0..ACCOUNTS).map(entry).collect();
    entries.sort_unstable();
    entries
}

fn wtxids() -> Vec<Wtxid> {
    (1..).map(|number| Wtxid::new([number; 32])).take(usize::try_from(TXS).unwrap()).collect()
}

pub(crate) fn leaf(height: u32) -> Leaf {
    let id = BlockId::new(starling_primitives::sha256(&height.to_le_bytes()));
    Leaf { id, height, time: 5 * height, bits: EASY, work: Work::from_be_bytes([1; 32]) }
}

fn history() -> (HistoryRoot, BTreeMap<u64, [u8; 32]>) {
    let mut range = Accumulator::new();
    let nodes = (0..HEIGHT).flat_map(|height| range.push(&leaf(height))).collect();
    (range.root(), nodes)
}

/// A header with this content that half of all hashes are work enough for; `kind` meets the target.
pub(crate) fn solved(content: Content, kind: PowKind) -> Header {
    with_bits(content, EASY, |work| Target::is_met_by(EASY.target().unwrap(), &work.pow_hash(kind)))
}

/// A header with these bits, its nonce chosen.
pub(crate) fn with_bits(content: Content, bits: Bits, fits: impl Fn(&WorkHeader) -> bool) -> Header {
    let version = WorkHeader::BASE_VERSION;
    let blank = WorkHeader { version, parent: BlockId::new([8; 32]), root: [0; 32], time: 9, bits, nonce: 0 };
    let root = Header::new(blank, b"extra", content).unwrap().coinbase().root();
    let work = (0..).map(|nonce| WorkHeader { root, nonce, ..blank }).find(fits).unwrap();
    Header::new(work, b"extra", content).unwrap()
}

pub(crate) fn content() -> Content {
    Content {
        height: HEIGHT,
        miner: address(1),
        tx_count: TXS,
        body_bytes: 171 * TXS,
        tx_root: tx_root(wtxids()),
        state_root: root(&entries()),
        history_root: history().0,
    }
}

pub(crate) fn header() -> Header {
    solved(content(), PowKind::Sha256d)
}

fn hashes(hashes: &[[u8; 32]]) -> Vec<String> {
    hashes.iter().map(hex::encode).collect()
}

/// `account_getProof` of the account with this number; those from [`ACCOUNTS`] on are absent.
pub(crate) fn account_proof(number: u8) -> Value {
    let (header, key) = (header(), StateKey::account(&address(number)));
    let proof = prove(&entries(), &key);
    let (value, other) = match proof.found {
        Found::Value(value) => (json!(hex::encode(value)), Value::Null),
        Found::Other(other) => {
            let (key, value) = (hex::encode(other.key.as_bytes()), hex::encode(other.value));
            (Value::Null, json!({"key": key, "value": value}))
        }
        Found::Nothing => (Value::Null, Value::Null),
    };
    json!({
        "address": text(number), "block": header.id().to_string(), "header": hex::encode(header.encode()),
        "key": hex::encode(key.as_bytes()), "value": value, "other": other,
        "depth_bitmap": hex::encode(proof.bitmap), "siblings": hashes(&proof.siblings),
    })
}

/// Numbers of absent accounts: one where another leaf stands in its place, and one where nothing stands.
pub(crate) fn absent() -> [u8; 2] {
    let of = |found: fn(&Found) -> bool| {
        let mut numbers = ACCOUNTS..=u8::MAX;
        numbers.find(|n| found(&prove(&entries(), &StateKey::account(&address(*n))).found)).unwrap()
    };
    [of(|found| matches!(found, Found::Other(_))), of(|found| matches!(found, Found::Nothing))]
}

/// `tx_getProof`.
pub(crate) fn tx_proof(index: u32) -> Value {
    let (header, ids) = (header(), wtxids());
    let proof = TxProof::new(ids.iter().copied(), index).unwrap();
    json!({
        "block": header.id().to_string(), "header": hex::encode(header.encode()), "index": index,
        "count": TXS, "wtxid": ids[usize::try_from(index).unwrap()].to_string(),
        "siblings": hashes(&proof.siblings),
    })
}

/// `history_getProof`.
pub(crate) fn history_proof(height: u32) -> Value {
    let (_, nodes) = history();
    let proof = HistoryPath::new(height, HEIGHT, |at| nodes.get(&at).copied()).unwrap();
    let leaf = leaf(height);
    json!({
        "tip_header": hex::encode(header().encode()),
        "leaf": {
            "id": leaf.id.to_string(), "height": height, "time": leaf.time,
            "bits": leaf.bits.to_string(), "work": leaf.work.to_string(),
        },
        "index": height, "count": HEIGHT, "siblings": hashes(&proof.siblings),
        "right_bag": proof.right_bag.map(hex::encode), "left_peaks": hashes(&proof.left_peaks),
    })
}

/// One of each kind, as bytes.
pub(crate) fn every_kind() -> Vec<Vec<u8>> {
    let [other, nothing] = absent();
    let proofs = [3, other, nothing].map(account_proof).into_iter();
    let proofs = proofs.chain([0, 4, TXS - 1].map(tx_proof)).chain([0, 8, HEIGHT - 1].map(history_proof));
    proofs.map(|proof| proof.to_string().into_bytes()).collect()
}

/// A content without anything in it.
pub(crate) fn empty(height: u32) -> Content {
    let (tx_root, state_root, history_root) = (TxRoot::ZERO, StateRoot::ZERO, HistoryRoot::ZERO);
    Content { height, tx_count: 0, body_bytes: 0, tx_root, state_root, history_root, ..content() }
}
