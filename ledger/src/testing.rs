//! Chains for tests: easy blocks, signed payments, a ledger in a temporary folder.

use crate::ledger::{Ledger, LedgerOptions};
use ed25519_dalek::{Signer, SigningKey};
use starling_consensus::{BestChange, CheckedBlock, CheckedHeader, HeaderTree, Inserted, KnownKeys, Status};
use starling_genesis::{Chain, NewChain};
use starling_primitives::{
    Address, Amount, Auth, Content, Header, Memo, Output, Policy, Prefix, StateRoot, Target, Transaction,
    UnsignedTransaction, WorkHeader, limits, tx_root,
};
use std::sync::Arc;
use tempfile::TempDir;

/// A ledger, its headers, and ten funded keys.
pub(crate) struct Fixture {
    pub(crate) dir: TempDir,
    pub(crate) chain: Arc<Chain>,
    pub(crate) ledger: Ledger,
    pub(crate) tree: HeaderTree,
}

/// The secret key with this number.
pub(crate) fn key(number: u8) -> SigningKey {
    SigningKey::from_bytes(&[number; 32])
}

/// The address of the key with this number.
pub(crate) fn address(number: u8) -> Address {
    Policy::Single(key(number).verifying_key().to_bytes()).address()
}

/// A chain on which any hash is work enough, and keys 0 to 9 own 1,000 STAR each.
pub(crate) fn chain(name: &str) -> Arc<Chain> {
    let prefix = Prefix::new("dstar").unwrap();
    let prefund = (0..10).map(|n| (address(n).to_text(&prefix), "1000".to_owned())).collect();
    let bits = Some("207fffff".to_owned());
    // The name is not pinned by the genesis id, so it also moves the time.
    let time = 1_000_000 + u32::try_from(name.len()).unwrap();
    let new = NewChain { name: name.into(), interval: 1, bits, pow: "sha256d".into(), time, prefund };
    Arc::new(Chain::create(new).unwrap().1)
}

/// A signed payment of so many motes.
pub(crate) fn pay(chain: &Chain, from: u8, nonce: u64, to: Address, motes: u128) -> Arc<Transaction> {
    pay_many(chain, from, nonce, vec![(to, motes)])
}

/// A signed payment to several.
pub(crate) fn pay_many(chain: &Chain, from: u8, nonce: u64, to: Vec<(Address, u128)>) -> Arc<Transaction> {
    let key = key(from);
    let output = |(to, motes)| Output { to, amount: Amount::from_motes(motes).unwrap() };
    let unsigned = UnsignedTransaction {
        chain_id: chain.chain_id(),
        nonce,
        fee: Amount::from_star("0.001").unwrap(),
        valid_until: 0,
        outputs: to.into_iter().map(output).collect(),
        memo: Memo::default(),
        policy: Policy::Single(key.verifying_key().to_bytes()),
    };
    let signature = key.sign(unsigned.txid(&chain.genesis_id()).as_bytes()).to_bytes();
    Arc::new(unsigned.with_auth(&Auth::Single(signature)).unwrap())
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self::with(&LedgerOptions::default())
    }

    pub(crate) fn with(options: &LedgerOptions) -> Self {
        let dir = TempDir::new().unwrap();
        let chain = chain("ledger");
        let (ledger, tree) = Ledger::open_with(&dir.path().join("db"), chain.clone(), options).unwrap();
        Self { dir, chain, ledger, tree }
    }

    /// Closes the ledger and opens it again.
    pub(crate) fn reopened(self) -> Self {
        self.reopened_with(&LedgerOptions::default())
    }

    pub(crate) fn reopened_with(self, options: &LedgerOptions) -> Self {
        let Self { dir, chain, ledger, tree } = self;
        drop((ledger, tree));
        let (ledger, tree) = Ledger::open_with(&dir.path().join("db"), chain.clone(), options).unwrap();
        Self { dir, chain, ledger, tree }
    }

    /// A solved block upon the tip, header and body stored, not yet connected. `root` replaces the right one.
    pub(crate) fn block(
        &mut self,
        txs: Vec<Arc<Transaction>>,
        miner: u8,
        root: Option<StateRoot>,
    ) -> CheckedBlock {
        let tip = self.ledger.tip();
        let store = self.ledger.store().clone();
        let cursor = self.tree.cursor(&tip.id, &*store).unwrap();
        let draft = self.ledger.draft(&txs).unwrap();
        let txs = draft.txs().to_vec();
        let content = Content {
            height: tip.height + 1,
            miner: address(miner),
            tx_count: u32::try_from(txs.len()).unwrap(),
            body_bytes: u32::try_from(txs.iter().map(|tx| tx.size() + limits::TX_LEN_BYTES).sum::<usize>())
                .unwrap(),
            tx_root: tx_root(txs.iter().map(|tx| tx.wtxid())),
            state_root: root.unwrap_or_else(|| self.ledger.root_paying(&address(miner), &draft).unwrap()),
            history_root: cursor.history_root(),
        };
        let time = cursor.time() + 1;
        let header = solve(content, time, &cursor, &self.chain);
        let checked = CheckedHeader::check(header, &self.chain.params).unwrap();
        let changes: Vec<BestChange> = match self.tree.insert(&checked, &*store).unwrap() {
            Inserted::New(change) => change.into_iter().collect(),
            Inserted::Known => Vec::new(),
        };
        let work = self.tree.get(&checked.header().id()).unwrap().work;
        self.ledger.put_headers(&[(&checked, work)], &changes, &self.tree.best().id).unwrap();
        self.ledger.put_body(checked.header(), &txs).unwrap();
        CheckedBlock::check(checked, txs, &self.chain.genesis_id(), |_| false, &KnownKeys::none()).unwrap()
    }

    /// Mines and connects a block with these transactions.
    pub(crate) fn mine(&mut self, txs: Vec<Arc<Transaction>>) {
        let block = self.block(txs, 9, None);
        self.ledger.connect(&block, false).unwrap();
        self.tree.set_status(&block.header().header().id(), Status::Connected);
    }
}

fn solve(content: Content, time: u32, cursor: &starling_consensus::Cursor, chain: &Chain) -> Header {
    let bits = cursor.next_bits(&chain.params);
    let target: Target = bits.target().unwrap();
    let work = WorkHeader {
        version: WorkHeader::BASE_VERSION,
        parent: cursor.id(),
        root: [0; 32],
        time,
        bits,
        nonce: 0,
    };
    let root = Header::new(work, b"test", content).unwrap().coinbase().root();
    let tries =
        (0..u32::MAX).map(|nonce| Header::new(WorkHeader { root, nonce, ..work }, b"test", content).unwrap());
    tries.into_iter().find(|header| target.is_met_by(&header.work().pow_hash(chain.params.pow))).unwrap()
}
