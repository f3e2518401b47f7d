//! The settled state and its one writer: connect, disconnect, and what a start finds (ledger: What it
//! promises).

mod address_index;
mod checkpoint;
mod connect;
mod draft;
mod expect;
mod lag;
mod left;
mod memory;
mod options;
mod prove;
mod prune;
mod start;
mod writing;

use crate::published::{Moment, Published};
use crate::reader::Reader;
use crate::records::{HeaderRecord, StateTip, Tip, block_key};
use crate::state::State;
use crate::store::{Family, MemoryDisk, Store, StoreError, meta};
use expect::Expected;
use lag::Lag;
use starling_consensus::{BestChange, BlockError, CheckedHeader, HeaderTree, Status};
use starling_genesis::Chain;
use starling_primitives::history::PlacedNode;
use starling_primitives::state::{Account, StateKey};
use starling_primitives::{Address, Amount, BlockId, Header, StateRoot, Transaction, Work, encode_body};
use std::path::Path;
use std::sync::Arc;
use thiserror::Error;
use writing::Writing;

pub use connect::{ConnectedBlock, DisconnectedBlock};
pub use draft::Draft;
pub use memory::LedgerMemory;
pub use options::LedgerOptions;
pub use prove::AccountProof;

/// The writer. One process has one.
pub struct Ledger {
    store: Arc<Store>,
    chain: Arc<Chain>,
    state: State,
    lag: Lag,
    expected: Expected,
    /// What is on its way to the disk.
    writing: Option<Writing>,
    published: Arc<Published>,
    tip: Tip,
    deepest_fork: u32,
    oldest_body: u32,
    keep_bodies: Option<u32>,
    address_index: bool,
    /// Whether the blocks before a start, or before the tree grew, were gone through for proofs.
    learnt: bool,
}

/// Why a block could not be connected.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// It breaks a rule: it, and all that follow it, are invalid.
    #[error(transparent)]
    Rule(#[from] BlockError),
    /// It does not follow the tip.
    #[error("block {id} follows {parent}, and the tip is {tip}")]
    NotNext {
        /// The block.
        id: BlockId,
        /// Its parent.
        parent: BlockId,
        /// The tip.
        tip: BlockId,
    },
    /// The database failed; nothing has changed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Ledger {
    /// Opens the ledger of a chain with what is usual, as [`Ledger::open_with`].
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open(path: &Path, chain: Arc<Chain>) -> Result<(Self, HeaderTree), StoreError> {
        Self::open_with(path, chain, &LedgerOptions::default())
    }

    /// Opens the ledger of a chain, makes it if the folder is empty, reads back all headers, and brings the
    /// state to the tip.
    ///
    /// # Errors
    /// [`StoreError`]; a state whose root is not its block's is [`StoreError::Damaged`].
    pub fn open_with(
        path: &Path,
        chain: Arc<Chain>,
        options: &LedgerOptions,
    ) -> Result<(Self, HeaderTree), StoreError> {
        let store = Store::open(path, &chain.genesis_id(), &options.store())?;
        Self::open_store(store, chain, options)
    }

    /// The same on a disk in memory.
    ///
    /// # Errors
    /// As for [`Ledger::open_with`].
    pub fn open_on(
        disk: &MemoryDisk,
        path: &Path,
        chain: Arc<Chain>,
        options: &LedgerOptions,
    ) -> Result<(Self, HeaderTree), StoreError> {
        let store = Store::open_on(disk, path, &chain.genesis_id(), &options.store())?;
        Self::open_store(store, chain, options)
    }

    fn open_store(
        store: Store,
        chain: Arc<Chain>,
        options: &LedgerOptions,
    ) -> Result<(Self, HeaderTree), StoreError> {
        let store = Arc::new(store);
        let (mut headers, nodes) = HeaderTree::new(&chain);
        if store.tip()?.is_none() {
            create(&store, &chain, &nodes)?;
        }
        let tip = store.tip()?.ok_or_else(|| store.damaged("no tip"))?;
        let on_disk = store.state_tip()?.ok_or_else(|| store.damaged("no tip of the state"))?;
        start::restore_headers(&store, &mut headers)?;
        let stated = headers.get(&tip.id).is_some_and(|info| info.height == tip.height);
        if !stated {
            return Err(store.damaged(&format!("the tip {} has no header", tip.id)));
        }
        if issued(&chain, &tip).is_none() {
            return Err(store.damaged("more was burned than there was"));
        }
        let saved = checkpoint::read(&store, &on_disk)?;
        let state = State::load(store.clone(), options, saved)?;
        let moment = Moment { tip: tip.id, on_disk: on_disk.id, overlay: state.overlay().clone() };
        let published = Arc::new(Published::new(moment));
        let lag = Lag::new(on_disk, options.waiting_changes());
        let mut ledger = Self {
            store,
            chain,
            state,
            lag,
            expected: Expected::default(),
            writing: None,
            published,
            tip,
            deepest_fork: 0,
            oldest_body: 0,
            keep_bodies: options.keep_bodies,
            address_index: true,
            learnt: false,
        };
        ledger.want_address_index(options.address_index)?;
        ledger.check_root(&on_disk.id)?;
        ledger.deepest_fork = ledger.lowest_undo()?;
        ledger.oldest_body = ledger.read_oldest_body()?;
        ledger.catch_up()?;
        ledger.check_root(&tip.id)?;
        // Readers look for the state that is on disk by then.
        ledger.complete()?;
        let (overlay, on_disk) = (ledger.state.overlay().clone(), ledger.lag.on_disk.id);
        ledger.published = Arc::new(Published::new(Moment { tip: tip.id, on_disk, overlay }));
        Ok((ledger, headers))
    }

    /// The state has the root that this block states.
    fn check_root(&self, id: &BlockId) -> Result<(), StoreError> {
        let record = self.record(id)?;
        let header = record.ok_or_else(|| self.store.damaged(&format!("block {id} has no header")))?.header;
        let (found, stated) = (self.state.root(), header.content().state_root);
        if found != stated {
            let what = format!("the state has root {found}, and block {id} states {stated}");
            return Err(self.store.damaged(&what));
        }
        Ok(())
    }

    /// For reading, from any thread.
    #[must_use]
    pub fn reader(&self) -> Reader {
        Reader::new(self.store.clone(), self.chain.clone(), self.published.clone())
    }

    /// The database, as the source of history nodes.
    #[must_use]
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// The chain.
    #[must_use]
    pub fn chain(&self) -> &Arc<Chain> {
        &self.chain
    }

    /// The last connected block.
    #[must_use]
    pub fn tip(&self) -> Tip {
        self.tip
    }

    /// Height of the lowest block to which the tip can be taken back: below it, how to undo blocks is
    /// forgotten. The tip without the chain's `undo_blocks`, or less deep when the tip was higher once or
    /// fewer bodies are kept.
    #[must_use]
    pub fn deepest_fork(&self) -> u32 {
        self.deepest_fork
    }

    /// The root of the state after the tip.
    #[must_use]
    pub fn state_root(&self) -> StateRoot {
        self.state.root()
    }

    /// Motes that exist at the tip: prefunded and issued, less what was burned.
    #[must_use]
    pub fn supply(&self) -> Amount {
        supply(&self.chain, &self.tip)
    }

    /// Keeps headers that entered the tree, with the history nodes of the best header chain, in one batch. A
    /// header without transactions brings its body with it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn put_headers(
        &self,
        headers: &[(&CheckedHeader, Work)],
        changes: &[BestChange],
        best: &BlockId,
    ) -> Result<(), StoreError> {
        let mut batch = self.store.batch();
        for (checked, work) in headers {
            let header = checked.header().clone();
            let empty = header.content().tx_count == 0;
            if empty {
                batch.put(Family::Bodies, &block_key(header.height(), &header.id()), &[]);
            }
            let status = if empty { Status::Body } else { Status::Header };
            let record = HeaderRecord { header, status, rule: String::new(), work: *work };
            batch.put(Family::Headers, record.header.id().as_bytes(), &record.encode());
        }
        for (position, node) in changes.iter().flat_map(|change| &change.nodes) {
            batch.put(Family::History, &position.to_be_bytes(), node);
        }
        batch.put(Family::Meta, meta::BEST_HEADER, best.as_bytes());
        self.store.commit(batch, false)
    }

    /// Keeps a body whose transactions match the header.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn put_body(&self, header: &Header, txs: &[Arc<Transaction>]) -> Result<(), StoreError> {
        let mut batch = self.store.batch();
        batch.put(Family::Bodies, &block_key(header.height(), &header.id()), &encode_body(txs));
        self.rewrite(&mut batch, &header.id(), |record| record.status = Status::Body)?;
        self.store.commit(batch, false)
    }

    /// Marks a block as having broken a rule, with the change of the best header chain that follows.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn put_invalid(
        &self,
        id: &BlockId,
        rule: &str,
        change: Option<&BestChange>,
        best: &BlockId,
    ) -> Result<(), StoreError> {
        let mut batch = self.store.batch();
        self.rewrite(&mut batch, id, |record| {
            record.status = Status::Invalid;
            rule.clone_into(&mut record.rule);
        })?;
        for (position, node) in change.iter().flat_map(|change| &change.nodes) {
            batch.put(Family::History, &position.to_be_bytes(), node);
        }
        batch.put(Family::Meta, meta::BEST_HEADER, best.as_bytes());
        self.store.commit(batch, false)
    }

    /// The error for something in the database that is not what was written.
    #[must_use]
    pub fn damaged(&self, what: &str) -> StoreError {
        self.store.damaged(what)
    }

    fn tip_header(&self) -> Result<Header, StoreError> {
        let record = self.record(&self.tip.id)?;
        Ok(record.ok_or_else(|| self.store.damaged("the tip has no header"))?.header)
    }

    fn record(&self, id: &BlockId) -> Result<Option<HeaderRecord>, StoreError> {
        record_of(&self.store, id)
    }

    fn rewrite(
        &self,
        batch: &mut crate::store::Batch<'_>,
        id: &BlockId,
        change: impl FnOnce(&mut HeaderRecord),
    ) -> Result<(), StoreError> {
        if let Some(mut record) = self.record(id)? {
            change(&mut record);
            batch.put(Family::Headers, id.as_bytes(), &record.encode());
        }
        Ok(())
    }
}

/// The account of an address, on the settled state.
impl starling_consensus::Accounts for Ledger {
    type Error = StoreError;

    fn account(&self, address: &Address) -> Result<Account, StoreError> {
        self.state.account(address)
    }
}

fn record_of(store: &Store, id: &BlockId) -> Result<Option<HeaderRecord>, StoreError> {
    let bytes = store.get(Family::Headers, id.as_bytes())?;
    let decode = |bytes: Vec<u8>| HeaderRecord::decode(&bytes);
    bytes.map(decode).transpose().map_err(|error| store.record_damaged("header", &error))
}

pub(crate) fn supply(chain: &Chain, tip: &Tip) -> Amount {
    issued(chain, tip).expect("checked when the database was opened, and rules keep it so")
}

fn issued(chain: &Chain, tip: &Tip) -> Option<Amount> {
    let total = chain.prefunded().checked_add(chain.params.issued_by(tip.height)?)?;
    total.checked_sub(tip.burned)
}

/// Writes the first batch: genesis connected, its accounts, and whose database this is.
fn create(store: &Store, chain: &Chain, nodes: &[PlacedNode]) -> Result<(), StoreError> {
    let header = &chain.genesis;
    let id = header.id();
    let mut batch = store.batch();
    store.put_identity(&mut batch, &chain.genesis_id());
    let work = header.work().bits.target().map_or(Work::ZERO, starling_primitives::Target::work);
    let record =
        HeaderRecord { header: header.clone(), status: Status::Connected, rule: String::new(), work };
    batch.put(Family::Headers, id.as_bytes(), &record.encode());
    batch.put(Family::Canonical, &0u32.to_be_bytes(), id.as_bytes());
    batch.put(Family::Bodies, &block_key(0, &id), &[]);
    for (address, balance) in &chain.accounts {
        let account = Account { nonce: 0, balance: *balance };
        batch.put(Family::State, StateKey::account(address).as_bytes(), &account.encode());
    }
    for (position, node) in nodes {
        batch.put(Family::History, &position.to_be_bytes(), node);
    }
    let tip = Tip { id, height: 0, burned: Amount::ZERO };
    batch.put(Family::Meta, meta::TIP, &tip.encode());
    batch.put(Family::Meta, meta::STATE_TIP, &StateTip::from(tip).encode());
    batch.put(Family::Meta, meta::BEST_HEADER, id.as_bytes());
    store.commit(batch, true)
}

#[cfg(test)]
mod tests;
