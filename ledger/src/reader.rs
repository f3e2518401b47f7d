//! Reading the settled chain from any thread.
//!
//! A [`View`] is one RocksDB snapshot, and the changes of the state that are not in it yet: all that is asked
//! of it belongs to one tip, whatever the writer does meanwhile. Taking one costs a few microseconds, so each
//! question takes its own.

use crate::ledger::supply;
use crate::overlay::Overlay;
use crate::published::Published;
use crate::records::{AddressEvent, Damaged, HeaderRecord, StateTip, Tip, TxLocation, block_key};
use crate::state_tree::Entry;
use crate::store::{Family, Store, StoreError, meta};
use rocksdb::{Direction, IteratorMode, ReadOptions, Snapshot};
use starling_consensus::Accounts;
use starling_genesis::Chain;
use starling_primitives::history::{Leaf, Proof as HistoryProof};
use starling_primitives::state::{Account, StateKey};
use starling_primitives::{
    Address, Amount, Block, BlockId, Header, Transaction, TxId, TxProof, Wtxid, decode_body,
};
use std::sync::Arc;

/// A mined transaction, unless the body of its block was pruned, its block, and where in it.
pub type MinedTx = (Option<Arc<Transaction>>, BlockId, TxLocation);

/// Hands out views.
#[derive(Clone)]
pub struct Reader {
    store: Arc<Store>,
    chain: Arc<Chain>,
    published: Arc<Published>,
}

/// The chain as it was at one moment.
pub struct View<'a> {
    reader: &'a Reader,
    snapshot: Snapshot<'a>,
    overlay: Overlay,
    tip: Tip,
}

impl Reader {
    pub(crate) fn new(store: Arc<Store>, chain: Arc<Chain>, published: Arc<Published>) -> Self {
        Self { store, chain, published }
    }

    /// The chain as it is now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn view(&self) -> Result<View<'_>, StoreError> {
        loop {
            let look = self.published.look();
            let snapshot = self.store.snapshot();
            let (tip, on_disk) = self.tips(&snapshot)?;
            if let Some(overlay) = look.overlay(&tip.id, &on_disk.id) {
                return Ok(View { reader: self, snapshot, overlay, tip });
            }
        }
    }

    fn tips(&self, snapshot: &Snapshot<'_>) -> Result<(Tip, StateTip), StoreError> {
        let meta = self.store.family(Family::Meta);
        let read = |name: &[u8], what: &str| {
            let bytes = snapshot.get_cf(meta, name).map_err(|error| self.store.refuse(&error))?;
            bytes.ok_or_else(|| self.store.damaged(&format!("no {what}")))
        };
        let tip = Tip::decode(&read(meta::TIP, "tip")?);
        let on_disk = StateTip::decode(&read(meta::STATE_TIP, "tip of the state")?);
        let damaged = |error| self.store.record_damaged("tip", &error);
        Ok((tip.map_err(damaged)?, on_disk.map_err(damaged)?))
    }

    /// The chain.
    #[must_use]
    pub fn chain(&self) -> &Arc<Chain> {
        &self.chain
    }
}

impl View<'_> {
    /// The chain.
    #[must_use]
    pub fn chain(&self) -> &Chain {
        &self.reader.chain
    }

    /// The last connected block.
    #[must_use]
    pub fn tip(&self) -> Tip {
        self.tip
    }

    /// Motes that exist.
    #[must_use]
    pub fn supply(&self) -> Amount {
        supply(&self.reader.chain, &self.tip)
    }

    /// Id of the connected block at a height.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn canonical(&self, height: u32) -> Result<Option<BlockId>, StoreError> {
        let id = self.get(Family::Canonical, &height.to_be_bytes())?;
        let id = id.map(<[u8; 32]>::try_from).transpose();
        Ok(id.map_err(|_| self.reader.store.damaged("a canonical id"))?.map(BlockId::new))
    }

    /// Whether a block is on the connected chain.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn is_canonical(&self, header: &Header) -> Result<bool, StoreError> {
        Ok(self.canonical(header.height())? == Some(header.id()))
    }

    /// A header, on whichever branch.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn header(&self, id: &BlockId) -> Result<Option<HeaderRecord>, StoreError> {
        let bytes = self.get(Family::Headers, id.as_bytes())?;
        bytes.map(|bytes| self.decoded("header", HeaderRecord::decode(&bytes))).transpose()
    }

    /// The lowest height whose body is here; 0 unless the ledger was pruned.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn oldest_body(&self) -> Result<u32, StoreError> {
        let Some(bytes) = self.get(Family::Meta, meta::OLDEST_BODY)? else { return Ok(0) };
        let bytes = bytes.try_into().map_err(|_| self.reader.store.damaged("the oldest body"))?;
        Ok(u32::from_le_bytes(bytes))
    }

    /// The encoded body of a block, if it is stored.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn body(&self, height: u32, id: &BlockId) -> Result<Option<Vec<u8>>, StoreError> {
        self.get(Family::Bodies, &block_key(height, id))
    }

    /// A whole block, if its body is stored.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn block(&self, id: &BlockId) -> Result<Option<Block>, StoreError> {
        let Some(record) = self.header(id)? else { return Ok(None) };
        let header = record.header;
        let Some(body) = self.body(header.height(), id)? else { return Ok(None) };
        let txs = decode_body(&body, header.content().tx_count).map_err(Damaged::from);
        Ok(Some(Block { txs: self.decoded("body", txs)?, header }))
    }

    /// Where a transaction was mined.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn tx_location(&self, txid: &TxId) -> Result<Option<TxLocation>, StoreError> {
        let bytes = self.get(Family::TxIndex, txid.as_bytes())?;
        bytes.map(|bytes| self.decoded("transaction index", TxLocation::decode(&bytes))).transpose()
    }

    /// A mined transaction, the id of its block and where it is; without the transaction itself when the body
    /// of its block was pruned.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn mined(&self, txid: &TxId) -> Result<Option<MinedTx>, StoreError> {
        let Some(location) = self.tx_location(txid)? else { return Ok(None) };
        let Some(id) = self.canonical(location.height)? else { return Ok(None) };
        let Some(block) = self.block(&id)? else { return Ok(Some((None, id, location))) };
        let tx = usize::try_from(location.position).ok().and_then(|at| block.txs.get(at).cloned());
        let tx = tx.ok_or_else(|| self.reader.store.damaged("a transaction's position"))?;
        Ok(Some((Some(tx), id, location)))
    }

    /// That a mined transaction is in its block: the block's header, the transaction's `wtxid`, and the proof
    /// of it against the header's `tx_root`. None when it is not mined, or the block's body is not stored.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn prove_tx(&self, txid: &TxId) -> Result<Option<(Header, Wtxid, TxProof)>, StoreError> {
        let Some(location) = self.tx_location(txid)? else { return Ok(None) };
        let Some(id) = self.canonical(location.height)? else { return Ok(None) };
        let Some(block) = self.block(&id)? else { return Ok(None) };
        let wtxids: Vec<Wtxid> = block.txs.iter().map(|tx| tx.wtxid()).collect();
        let at = usize::try_from(location.position).ok();
        let wtxid = at.and_then(|at| wtxids.get(at).copied());
        let proof = TxProof::new(wtxids, location.position);
        let damaged = || self.reader.store.damaged("a transaction's position");
        let (wtxid, proof) = wtxid.zip(proof).ok_or_else(damaged)?;
        Ok(Some((block.header, wtxid, proof)))
    }

    /// That the connected block at a height is an ancestor of the tip: the tip's header, the block's leaf,
    /// and the proof of it against the tip's `history_root`. None when the height is not below the tip's, or
    /// when it cannot be proven now: the nodes that are stored are those of the best *header* chain, and
    /// while that is another branch than the connected one, they need not lead to the tip's root.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn prove_history(&self, height: u32) -> Result<Option<(Header, Leaf, HistoryProof)>, StoreError> {
        let Some(tip) = self.header(&self.tip.id)? else { return Ok(None) };
        let Some(id) = self.canonical(height)? else { return Ok(None) };
        let Some(record) = self.header(&id)? else { return Ok(None) };
        let work = record.header.work();
        let leaf = Leaf { id, height, time: work.time, bits: work.bits, work: record.work };
        let mut failed = None;
        let node =
            |position| self.history_node(position).unwrap_or_else(|error| failed.replace(error).and(None));
        let proof = HistoryProof::new(height, self.tip.height, node);
        match failed {
            Some(error) => Err(error),
            None => Ok(proof
                .filter(|proof| proof.verify(&leaf.hash(), &tip.header.content().history_root))
                .map(|proof| (tip.header, leaf, proof))),
        }
    }

    /// What happened to an address, newest first, beginning below the event at `before` (height, position).
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::NoAddressIndex`] when that is not kept.
    pub fn history(
        &self,
        address: &Address,
        before: Option<(u32, u32)>,
        limit: usize,
    ) -> Result<Vec<AddressEvent>, StoreError> {
        if self.get(Family::Meta, meta::NO_ADDRESS_INDEX)?.is_some() {
            return Err(self.reader.store.no_address_index());
        }
        let upper = match before {
            Some((height, position)) => AddressEvent::key_at(address, height, position).to_vec(),
            None => [AddressEvent::key_at(address, u32::MAX, u32::MAX).as_slice(), &[0]].concat(),
        };
        let mut options = ReadOptions::default();
        options.set_iterate_upper_bound(upper.clone());
        options.set_iterate_lower_bound(address.as_bytes().to_vec());
        let family = self.reader.store.family(Family::AddressIndex);
        let mode = IteratorMode::From(&upper, Direction::Reverse);
        let entries = self.snapshot.iterator_cf_opt(family, options, mode);
        let decoded = entries.take(limit).map(|entry| {
            let (key, value) = entry.map_err(|error| self.reader.store.refuse(&error))?;
            self.decoded("address index", AddressEvent::decode(&key, &value))
        });
        decoded.collect()
    }

    /// All entries of the state, in key order. What is read once does not displace what is in the cache.
    pub(crate) fn state_entries(&self) -> impl Iterator<Item = Result<Entry, StoreError>> + '_ {
        let mut options = ReadOptions::default();
        options.fill_cache(false);
        let store = &self.reader.store;
        let entries =
            self.snapshot.iterator_cf_opt(store.family(Family::State), options, IteratorMode::Start);
        let on_disk = entries.map(|entry| {
            let (key, value) = entry.map_err(|error| store.refuse(&error))?;
            store.entry(&key, &value)
        });
        self.overlay.over_all(on_disk)
    }

    /// A node of the best header chain's mountain range.
    fn history_node(&self, position: u64) -> Result<Option<[u8; 32]>, StoreError> {
        let node = self.get(Family::History, &position.to_be_bytes())?;
        let damaged = |_| self.reader.store.damaged(&format!("history node {position}"));
        node.map(|node| node.try_into().map_err(damaged)).transpose()
    }

    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let value = self.snapshot.get_cf(self.reader.store.family(family), key);
        value.map_err(|error| self.reader.store.refuse(&error))
    }

    fn decoded<T>(&self, what: &str, result: Result<T, Damaged>) -> Result<T, StoreError> {
        result.map_err(|error| self.reader.store.record_damaged(what, &error))
    }
}

impl Accounts for View<'_> {
    type Error = StoreError;

    fn account(&self, address: &Address) -> Result<Account, StoreError> {
        let key = StateKey::account(address);
        let value = match self.overlay.get(&key) {
            Some(changed) => changed.map(Vec::from),
            None => self.get(Family::State, key.as_bytes())?,
        };
        let Some(value) = value else { return Ok(Account::default()) };
        self.decoded("account", Account::decode(&value).map_err(Damaged::from))
    }
}

#[cfg(test)]
mod tests;
