//! What the tests of the rules share: a chain whose blocks take two hashes, headers drafted on it, payments,
//! and a store of history nodes. And the names of all refusals, held against the specification.

use crate::*;
use ed25519_dalek::{Signer, SigningKey};
use starling_genesis::{Chain, Difficulty, NewChain, Params};
use starling_primitives::history::{PlacedNode, size};
use starling_primitives::{
    Address, Amount, Auth, Bits, Content, GenesisId, Header, Memo, Output, Policy, StateRoot, TargetError,
    Transaction, TxRoot, UnsignedTransaction, Work, WorkHeader, encode_body, tx_root,
};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) const GENESIS_TIME: u32 = 1_700_000_000;

/// A chain of 12-second blocks, at least 3 seconds apart, whose easiest target every second hash meets.
pub(crate) fn lab(difficulty: Difficulty) -> Chain {
    lab_at("207fffff", difficulty)
}

/// The same with another easiest target.
pub(crate) fn lab_at(bits: &str, difficulty: Difficulty) -> Chain {
    let new = NewChain {
        name: "rules".into(),
        interval: 12,
        bits: Some(bits.into()),
        pow: "sha256d".into(),
        time: GENESIS_TIME,
        prefund: Vec::new(),
    };
    let mut chain = Chain::create(new).unwrap().1;
    chain.params.difficulty = difficulty;
    chain
}

/// The lab with difficulty that stays.
pub(crate) fn easy() -> Chain {
    lab(Difficulty::Fixed)
}

/// The end of the branch of genesis alone.
pub(crate) fn genesis_cursor(chain: &Chain) -> Cursor {
    Cursor::genesis(chain).0
}

/// A header before it is worked on.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) work: WorkHeader,
    pub(crate) content: Content,
    pub(crate) extra: Vec<u8>,
}

impl Draft {
    /// An empty block on the branch, `gap` seconds after its end. `label` sets it apart from others like it.
    pub(crate) fn after(cursor: &Cursor, params: &Params, gap: u32, label: u32) -> Self {
        let work = WorkHeader {
            version: WorkHeader::BASE_VERSION,
            parent: cursor.id(),
            root: [0; 32],
            time: cursor.time() + gap,
            bits: cursor.next_bits(params),
            nonce: 0,
        };
        let content = Content {
            height: cursor.height() + 1,
            miner: Address::default(),
            tx_count: 0,
            body_bytes: 0,
            tx_root: TxRoot::ZERO,
            state_root: StateRoot::ZERO,
            history_root: cursor.history_root(),
        };
        Self { work, content, extra: label.to_le_bytes().to_vec() }
    }

    /// With these transactions.
    pub(crate) fn with_body(mut self, txs: &[Arc<Transaction>]) -> Self {
        self.content.tx_count = u32::try_from(txs.len()).unwrap();
        self.content.body_bytes = u32::try_from(encode_body(txs).len()).unwrap();
        self.content.tx_root = tx_root(txs.iter().map(|tx| tx.wtxid()));
        self
    }

    /// With the root of its coinbase, not worked on.
    pub(crate) fn header(&self) -> Header {
        let rootless = Header::new(self.work, &self.extra, self.content).unwrap();
        let work = WorkHeader { root: rootless.coinbase().root(), ..self.work };
        Header::new(work, &self.extra, self.content).unwrap()
    }

    /// The first nonce whose pow hash meets the bits, or the first that does not.
    pub(crate) fn search(&self, params: &Params, meets: bool) -> Header {
        search(&self.header(), params, meets)
    }

    /// Worked on, and right by itself.
    pub(crate) fn mine(&self, params: &Params) -> CheckedHeader {
        CheckedHeader::check(self.search(params, true), params).unwrap()
    }
}

/// The header with the first nonce whose pow hash meets its bits, or does not.
pub(crate) fn search(header: &Header, params: &Params, meets: bool) -> Header {
    let target = header.work().bits.target().unwrap();
    let mut works = (0..).map(|nonce| WorkHeader { nonce, ..*header.work() });
    let found = works.find(|work| target.is_met_by(&work.pow_hash(params.pow)) == meets).unwrap();
    Header::new(found, header.extra().as_bytes(), *header.content()).unwrap()
}

/// `count` headers on the branch, 12 seconds apart; the cursor ends on the last.
pub(crate) fn extend(cursor: &mut Cursor, params: &Params, count: u32, label: u32) -> Vec<CheckedHeader> {
    let mut headers = Vec::new();
    for _ in 0..count {
        let header = Draft::after(cursor, params, 12, label).mine(params);
        cursor.advance(&header, params);
        headers.push(header);
    }
    headers
}

/// The history nodes of the best chain as a store keeps them: nothing above its end stays.
#[derive(Default)]
pub(crate) struct Nodes(BTreeMap<u64, [u8; 32]>);

impl Nodes {
    pub(crate) fn new(nodes: Vec<PlacedNode>) -> Self {
        Self(nodes.into_iter().collect())
    }

    pub(crate) fn follow(&mut self, change: &BestChange) {
        self.0.split_off(&size(change.fork + 1));
        self.0.extend(change.nodes.iter().copied());
    }

    pub(crate) fn all(&self) -> &BTreeMap<u64, [u8; 32]> {
        &self.0
    }
}

impl HistoryNodes for Nodes {
    fn node(&self, position: u64) -> Option<[u8; 32]> {
        self.0.get(&position).copied()
    }
}

/// A person with a key.
pub(crate) struct Payer(SigningKey);

pub(crate) fn payer(number: u8) -> Payer {
    Payer(SigningKey::from_bytes(&[number; 32]))
}

pub(crate) fn motes(motes: u128) -> Amount {
    Amount::from_motes(motes).unwrap()
}

impl Payer {
    pub(crate) fn policy(&self) -> Policy {
        Policy::Single(self.0.verifying_key().to_bytes())
    }

    pub(crate) fn address(&self) -> Address {
        self.policy().address()
    }

    /// A payment of this chain that is not signed yet.
    pub(crate) fn draft(
        &self,
        genesis: &GenesisId,
        nonce: u64,
        outputs: &[(Address, u128)],
    ) -> UnsignedTransaction {
        UnsignedTransaction {
            chain_id: genesis.chain_id(),
            nonce,
            fee: motes(1_000),
            valid_until: 0,
            outputs: outputs.iter().map(|(to, amount)| Output { to: *to, amount: motes(*amount) }).collect(),
            memo: Memo::default(),
            policy: self.policy(),
        }
    }

    pub(crate) fn sign(&self, unsigned: &UnsignedTransaction, genesis: &GenesisId) -> Arc<Transaction> {
        let signature = self.signature(unsigned, genesis);
        Arc::new(unsigned.with_auth(&Auth::Single(signature)).unwrap())
    }

    pub(crate) fn signature(&self, unsigned: &UnsignedTransaction, genesis: &GenesisId) -> [u8; 64] {
        self.0.sign(unsigned.txid(genesis).as_bytes()).to_bytes()
    }

    pub(crate) fn pay(
        &self,
        genesis: &GenesisId,
        nonce: u64,
        outputs: &[(Address, u128)],
    ) -> Arc<Transaction> {
        self.sign(&self.draft(genesis, nonce, outputs), genesis)
    }
}

const SPEC: &str = include_str!("../../docs/spec/errors.md");

fn header_errors() -> Vec<HeaderError> {
    let (bits, id) = (Bits::new(0), Default::default());
    vec![
        HeaderError::BodyTooLarge { bytes: 2, limit: 1 },
        HeaderError::ImpossibleCounts { txs: 1, bytes: 0 },
        HeaderError::RootOfNothing { root: TxRoot::ZERO, txs: 1 },
        HeaderError::FalseRoot,
        HeaderError::Bits(TargetError::Zero(bits)),
        HeaderError::TooEasy { bits, easiest: bits },
        HeaderError::NoWork(bits),
        HeaderError::Height { found: 2, parent: 2 },
        HeaderError::TimeTooEarly { found: 1, least: 2 },
        HeaderError::WrongBits { found: bits, expected: bits },
        HeaderError::WrongHistory { found: Default::default(), expected: Default::default() },
        HeaderError::FromTheFuture { time: 2, now: 1, limit: 0 },
        HeaderError::UnknownParent(id),
        HeaderError::InvalidAncestor(id),
        HeaderError::TooLittleWork { work: Work::ZERO, needed: Work::ZERO },
    ]
}

fn block_errors() -> Vec<BlockError> {
    let key = [0; 32];
    let txs = [
        TxError::WrongChain { found: 1, expected: 2 },
        TxError::SumTooLarge,
        TxError::Signature { index: 0, error: SignatureError::Wrong { key } },
        TxError::Expired { valid_until: 1, height: 2 },
        TxError::Nonce { found: 1, expected: 2 },
        TxError::NonceExhausted,
        TxError::Balance { sender: Address::default(), balance: Amount::ZERO, needed: Amount::MAX },
    ];
    let of_txs = txs.into_iter().map(|error| BlockError::Transaction { index: 0, error });
    let own = [
        BlockError::TxCount { found: 1, stated: 2 },
        BlockError::BodyBytes { found: 1, stated: 2 },
        BlockError::TxRoot { found: TxRoot::ZERO, stated: TxRoot::ZERO },
        BlockError::StateRoot { found: StateRoot::ZERO, stated: StateRoot::ZERO },
    ];
    own.into_iter().chain(of_txs).collect()
}

#[test]
fn each_name_is_in_the_specification() {
    let headers = header_errors().into_iter().map(|error| error.code());
    let codes: Vec<_> = headers.chain(block_errors().into_iter().map(|error| error.rule())).collect();
    for code in codes {
        assert!(SPEC.contains(&format!("`{code}`")), "{code} is not in docs/spec/errors.md");
    }
}

#[test]
fn only_another_body_is_a_mismatch() {
    let mismatches = block_errors().into_iter().filter(BlockError::is_mismatch);
    assert_eq!(mismatches.map(|error| error.rule()).collect::<Vec<_>>(), ["tx_count", "tx_root"]);
}
