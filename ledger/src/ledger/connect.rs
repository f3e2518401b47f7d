//! One block forward, one block back.

use super::writing::Wrote;
use super::{ConnectError, Ledger};
use crate::overlay::Overlay;
use crate::published::Moment;
use crate::records::{AddressEvent, Tip, TxLocation, Undo, block_key};
use crate::sorted::order_by_bytes;
use crate::state::Touched;
use crate::state_tree::{EntryChange, Patch};
use crate::store::{Batch, Family, Store, StoreError, meta};
use crate::workers::both;
use starling_consensus::{
    Accounts, BlockError, Changes, CheckedBlock, Status, Transition, TransitionError, TxError,
};
use starling_genesis::Chain;
use starling_primitives::state::Account;
use starling_primitives::{Address, Amount, BlockId, GenesisId, Header, Transaction, decode_body};
use std::sync::Arc;

/// A block that is true on its parent's state, and is settled now.
#[derive(Clone, Debug)]
pub struct ConnectedBlock {
    /// Its header.
    pub header: Header,
    /// Its transactions.
    pub txs: Vec<Arc<Transaction>>,
    /// What its miner got from transactions.
    pub fees: Amount,
}

/// A block that was settled and is not any more.
#[derive(Clone, Debug)]
pub struct DisconnectedBlock {
    /// Its header.
    pub header: Header,
    /// Its transactions.
    pub txs: Vec<Arc<Transaction>>,
}

/// What a payment puts into a batch: undo of two accounts, its place, and an event for each of both.
const TX_BATCH_BYTES: usize = 2 * 57 + 43 + 2 * 112;

/// How many entries that is, but for the undo record.
const TX_ENTRIES: usize = 3;

/// Transactions from which on a block is worked on by several threads.
pub(super) const LARGE_TXS: usize = 256;

/// What a block does to the accounts.
pub(super) struct Applied {
    changes: Changes,
    /// Account charges that each transaction paid.
    charges: Vec<Amount>,
    /// Changed entries as they were, ascending by key.
    before: Vec<EntryChange>,
    /// The same as they are.
    pub(super) after: Arc<Vec<EntryChange>>,
}

impl Ledger {
    /// Connects a block to the tip: applies it, compares the state root, and commits in one batch all but the
    /// accounts, which follow with those of later blocks ([`Ledger::flush_state`]). A large batch is on its
    /// way still when this returns ([`Ledger::complete`]).
    ///
    /// # Errors
    /// [`ConnectError`]; nothing has changed then, unless the database failed.
    pub fn connect(&mut self, block: &CheckedBlock, sync: bool) -> Result<ConnectedBlock, ConnectError> {
        let (header, txs) = (block.header().header(), block.txs());
        if header.parent() != self.tip.id {
            let (id, parent, tip) = (header.id(), header.parent(), self.tip.id);
            return Err(ConnectError::NotNext { id, parent, tip });
        }
        let applied = self.apply(header, txs)?;
        let store = self.store.clone();
        let tip = self.next_tip(header, &applied);
        let patched = || self.patched(header, &applied.after);
        let (patch, batch) =
            both(txs.len() >= LARGE_TXS, patched, || self.block_batch(&store, block, &applied));
        let (patch, writes) = (patch?, batch?.into_writes());
        let Applied { changes, after, .. } = applied;
        self.complete()?;
        let overlay = self.state.overlay_with(&after);
        let moment = self.moment(tip.id, overlay.clone());
        self.write((Wrote::Connected(tip.id), moment), (txs.len() * TX_ENTRIES, sync), || writes)?;
        self.tip = tip;
        self.deepest_fork = self.next_deepest_fork(tip.height);
        self.lag.connected(tip.height, &block_key(tip.height, &tip.id), txs.len());
        self.state.connected(&after, patch, overlay);
        self.keep_up()?;
        Ok(ConnectedBlock { header: header.clone(), txs: txs.to_vec(), fees: changes.fees })
    }

    /// What is written for the next block.
    fn block_batch<'a>(
        &self,
        store: &'a Store,
        block: &CheckedBlock,
        applied: &Applied,
    ) -> Result<Batch<'a>, StoreError> {
        let header = block.header().header();
        let tip = self.next_tip(header, applied);
        let mut batch = store.batch_of(block.txs().len() * TX_BATCH_BYTES);
        let undo = Undo::encode(applied.changes.burned, &applied.before);
        batch.put(Family::Undo, &block_key(tip.height, &tip.id), &undo);
        batch.put(Family::Canonical, &tip.height.to_be_bytes(), tip.id.as_bytes());
        batch.put(Family::Meta, meta::TIP, &tip.encode());
        let (fees, charges) = (applied.changes.fees, &applied.charges);
        let indexed = Indexed { chain: &self.chain, fees, charges, addresses: self.address_index };
        put_index(&mut batch, header, block, &indexed);
        self.rewrite(&mut batch, &tip.id, |record| record.status = Status::Connected)?;
        for height in self.deepest_fork..self.next_deepest_fork(tip.height) {
            self.drop_undo(&mut batch, height.saturating_add(1))?;
        }
        Ok(batch)
    }

    fn next_tip(&self, header: &Header, applied: &Applied) -> Tip {
        let burned = self.tip.burned.checked_add(applied.changes.burned);
        let burned = burned.expect("all that exists is at most 2^100");
        Tip { id: header.id(), height: header.height(), burned }
    }

    fn next_deepest_fork(&self, height: u32) -> u32 {
        height.saturating_sub(self.undo_blocks()).max(self.deepest_fork)
    }

    /// Takes the tip back: the state before it is restored from its undo record. Goes no deeper than
    /// [`Ledger::deepest_fork`]: ask first. What is written is on its way as after [`Ledger::connect`].
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Damaged`] when the undo record or the body is missing. Nothing has
    /// changed then.
    pub fn disconnect(&mut self, sync: bool) -> Result<DisconnectedBlock, StoreError> {
        if self.is_being_connected(&self.tip.id) {
            self.complete()?;
        }
        self.expect_nothing();
        let header = self.tip_header()?;
        let key = block_key(self.tip.height, &self.tip.id);
        let undo = self.undo(&key)?;
        let large = undo.values.len() >= LARGE_TXS;
        self.state.prefetch(undo.values.iter().map(|(key, _)| key))?;
        let values = Arc::new(undo.values);
        let store = self.store.clone();
        let unindexed = || {
            let txs = self.body(&header)?;
            let mut batch = store.batch();
            delete_index(&mut batch, &header, &txs, &self.chain.genesis_id());
            Ok::<_, StoreError>((txs, batch))
        };
        let (patch, unindexed) = both(large, || self.state.patch(&values), unindexed);
        let (patch, (txs, mut batch)) = (patch?, unindexed?);
        let burned = self.tip.burned.checked_sub(undo.burned);
        let burned = burned.ok_or_else(|| self.store.damaged("less was burned than a block burned"))?;
        let tip = Tip { id: header.parent(), height: self.tip.height.saturating_sub(1), burned };
        if !self.lag.needs_undo(self.tip.height) {
            batch.delete(Family::Undo, &key);
        }
        batch.delete(Family::Canonical, &self.tip.height.to_be_bytes());
        batch.put(Family::Meta, meta::TIP, &tip.encode());
        let writes = batch.into_writes();
        self.complete()?;
        let overlay = self.state.overlay_with(&values);
        let moment = self.moment(tip.id, overlay.clone());
        self.write((Wrote::Disconnected, moment), (txs.len() * TX_ENTRIES, sync), || writes)?;
        self.tip = tip;
        self.lag.disconnected(header.height(), key, txs.len());
        self.state.disconnected(&values, patch, overlay);
        // Older blocks are within reach now.
        self.learnt = false;
        self.keep_up()?;
        Ok(DisconnectedBlock { header, txs })
    }

    /// What readers see once a batch is written with which the tip is this one.
    fn moment(&self, tip: BlockId, overlay: Overlay) -> Moment {
        Moment { tip, on_disk: self.lag.on_disk.id, overlay }
    }

    /// The transactions of a block that was connected.
    pub(super) fn body(&self, header: &Header) -> Result<Vec<Arc<Transaction>>, StoreError> {
        let body = self.store.get(Family::Bodies, &block_key(header.height(), &header.id()))?;
        let missing = || self.store.damaged(&format!("block {} has no body", header.id()));
        decode_body(&body.ok_or_else(missing)?, header.content().tx_count)
            .map_err(|error| self.store.record_damaged("body", &error.into()))
    }

    /// An undo record.
    pub(super) fn undo(&self, key: &[u8]) -> Result<Undo, StoreError> {
        let missing = || self.store.damaged("a block within reach has no undo record");
        let bytes = self.store.get(Family::Undo, key)?.ok_or_else(missing)?;
        Undo::decode(&bytes).map_err(|error| self.store.record_damaged("undo", &error))
    }

    /// What a block does to the accounts of the present state.
    pub(super) fn apply(
        &mut self,
        header: &Header,
        txs: &[Arc<Transaction>],
    ) -> Result<Applied, ConnectError> {
        let touched = match self.take_expected(header) {
            Some(coming) => self.state.touch_expected(coming)?,
            None => self.state.touch(named_in(header, txs))?,
        };
        let (changes, charges) = self.transfer(header, txs, &touched)?;
        let (before, after) = touched.entries(&changes);
        Ok(Applied { changes, charges, before, after: Arc::new(after) })
    }

    /// What changes make of the tree, which then has the root that the header states.
    pub(super) fn patched(&self, header: &Header, changes: &[EntryChange]) -> Result<Patch, ConnectError> {
        let patch = self.state.patch(changes)?;
        let found = patch.root().unwrap_or_else(|| self.state.root());
        let stated = header.content().state_root;
        if found == stated { Ok(patch) } else { Err(BlockError::StateRoot { found, stated }.into()) }
    }

    /// Applies the transactions; also tells the account charges that each paid.
    fn transfer(
        &self,
        header: &Header,
        txs: &[Arc<Transaction>],
        touched: &Touched,
    ) -> Result<(Changes, Vec<Amount>), ConnectError> {
        let accounts = Known { touched, ledger: self };
        let mut transition = Transition::new(&accounts, &self.chain.params);
        let mut charges = Vec::with_capacity(txs.len());
        for (index, tx) in txs.iter().enumerate() {
            let before = transition.burned();
            transition.apply(tx).map_err(|error| match error {
                TransitionError::Rule(error) => refuse(index, error),
                TransitionError::Read(error) => error.into(),
            })?;
            charges.push(transition.burned().checked_sub(before).expect("charges only grow"));
        }
        Ok((transition.finish(header.content().miner, header.height())?, charges))
    }

    /// Forgets how to undo the block that is now deeper than any reorganisation may go.
    fn drop_undo(&self, batch: &mut Batch<'_>, height: u32) -> Result<(), StoreError> {
        if let Some(id) = self.store.get(Family::Canonical, &height.to_be_bytes())? {
            let id = <[u8; 32]>::try_from(id).map_err(|_| self.store.damaged("a canonical id"))?;
            batch.delete(Family::Undo, &block_key(height, &BlockId::new(id)));
        }
        Ok(())
    }
}

fn refuse(index: usize, error: TxError) -> ConnectError {
    ConnectError::Rule(BlockError::Transaction { index, error })
}

/// Everybody whom a block names.
pub(super) fn named_in(header: &Header, txs: &[Arc<Transaction>]) -> impl Iterator<Item = Address> {
    named(txs).chain([header.content().miner])
}

/// Everybody whom transactions name.
pub(super) fn named(txs: &[Arc<Transaction>]) -> impl Iterator<Item = Address> {
    txs.iter().flat_map(|tx| {
        std::iter::once(tx.sender()).chain(tx.unsigned().outputs.iter().map(|output| output.to))
    })
}

/// Accounts that were read together, and any other.
pub(super) struct Known<'a> {
    pub(super) touched: &'a Touched,
    pub(super) ledger: &'a Ledger,
}

impl Accounts for Known<'_> {
    type Error = StoreError;

    fn account(&self, address: &Address) -> Result<Account, StoreError> {
        self.touched.get(address).map_or_else(|| self.ledger.account(address), Ok)
    }
}

/// What the indexes need beside the block.
struct Indexed<'a> {
    chain: &'a Chain,
    fees: Amount,
    charges: &'a [Amount],
    /// Whether the address index is kept.
    addresses: bool,
}

fn put_index(batch: &mut Batch<'_>, header: &Header, block: &CheckedBlock, with: &Indexed<'_>) {
    let (height, chain) = (header.height(), with.chain);
    let txids = block.txids();
    let place = |at: usize| u32::try_from(at).expect("a block has fewer transactions than bytes");
    // In order, each finds its place in the database next to the one before.
    for at in order_by_bytes(txids, |txid| txid.as_bytes()) {
        let location = TxLocation { height, position: place(at) };
        batch.put(Family::TxIndex, txids[at].as_bytes(), &location.encode());
    }
    if !with.addresses {
        return;
    }
    let mut events = Vec::with_capacity(2 * txids.len() + 1);
    for (((at, tx), txid), charge) in block.txs().iter().enumerate().zip(txids).zip(with.charges) {
        let (position, txid) = (place(at), Some(*txid));
        for (address, Flow { sent, fee, received }) in flows(tx, *charge) {
            events.push((address, AddressEvent { height, position, txid, sent, fee, received }));
        }
    }
    let reward = chain.params.subsidy_at(height).checked_add(with.fees);
    let event = AddressEvent::reward(height, reward.expect("all that exists is at most 2^100"));
    events.push((header.content().miner, event));
    // Those of one address were met in the order of their positions.
    for at in order_by_bytes(&events, |(address, _)| address.as_bytes()) {
        let (address, event) = &events[at];
        batch.put(Family::AddressIndex, &event.key(address), &event.encode());
    }
}

fn delete_index(batch: &mut Batch<'_>, header: &Header, txs: &[Arc<Transaction>], genesis: &GenesisId) {
    let height = header.height();
    for (tx, position) in txs.iter().zip(0..) {
        batch.delete(Family::TxIndex, tx.txid(genesis).as_bytes());
        for (address, _) in flows(tx, Amount::ZERO) {
            batch.delete(Family::AddressIndex, &AddressEvent::key_at(&address, height, position));
        }
    }
    let reward = AddressEvent::reward(height, Amount::ZERO);
    batch.delete(Family::AddressIndex, &reward.key(&header.content().miner));
}

/// What a transaction did to one address.
#[derive(Clone, Copy, Default)]
struct Flow {
    sent: Amount,
    fee: Amount,
    received: Amount,
}

/// What a transaction did to each address in it.
fn flows(tx: &Transaction, charge: Amount) -> Vec<(Address, Flow)> {
    let add = |a: Amount, b: Amount| a.checked_add(b).expect("all that exists is at most 2^100");
    let outputs = &tx.unsigned().outputs;
    let sent = outputs.iter().fold(Amount::ZERO, |sum, output| add(sum, output.amount));
    let fee = add(tx.unsigned().fee, charge);
    let mut flows = vec![(tx.sender(), Flow { sent, fee, received: Amount::ZERO })];
    flows.extend(
        outputs.iter().map(|output| (output.to, Flow { received: output.amount, ..Flow::default() })),
    );
    flows.sort_unstable_by_key(|(address, _)| *address);
    flows.dedup_by(|(address, next), (before, flow)| {
        let same = address == before;
        if same {
            flow.sent = add(flow.sent, next.sent);
            flow.fee = add(flow.fee, next.fee);
            flow.received = add(flow.received, next.received);
        }
        same
    });
    flows
}
