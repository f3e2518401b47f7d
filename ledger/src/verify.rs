//! Everything once more: each stored block from genesis is checked and applied again, and each root compared.
//! Blocks to come are read and checked by other cores, while this one is applied.

use crate::ahead::{CHECKED_AHEAD, ahead};
use crate::reader::{Reader, View};
use crate::state::value;
use crate::state_tree::{Bucket, Buckets, Entry, EntryChange, StateTree};
use crate::store::StoreError;
use starling_consensus::{
    Accounts, BlockError, CheckedBlock, CheckedHeader, Cursor, HeaderError, KnownKeys, Transition,
    TransitionError,
};
use starling_genesis::Chain;
use starling_primitives::state::{Account, StateKey};
use starling_primitives::{Address, BlockId, Header, Transaction};
use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use thiserror::Error;

/// What is wrong with the stored chain.
#[derive(Debug, Error)]
pub enum VerifyError {
    /// A block of the connected chain is not stored; it may have been pruned.
    #[error("block {0} is not stored")]
    Missing(u32),
    /// A header breaks a rule.
    #[error("header {id} at height {height}: {error}")]
    Header {
        /// Its height.
        height: u32,
        /// Its id.
        id: BlockId,
        /// The rule.
        error: HeaderError,
    },
    /// A block breaks a rule.
    #[error("block {id} at height {height}: {error}")]
    Block {
        /// Its height.
        height: u32,
        /// Its id.
        id: BlockId,
        /// The rule.
        error: BlockError,
    },
    /// The state that is served is not the one that the blocks lead to.
    #[error("the stored account {0:?} is not what the blocks lead to")]
    Account(Address),
    /// The state that is served has accounts that the blocks do not lead to.
    #[error("{stored} accounts are stored, and the blocks lead to {expected}")]
    Surplus {
        /// Accounts that are stored.
        stored: u64,
        /// Accounts that the blocks lead to.
        expected: u64,
    },
    /// The chain ends below the block from which on it should be checked.
    #[error(
        "the stored chain ends at height {tip}, and cannot be checked from {from} on; give {tip} or less"
    )]
    AboveTip {
        /// What was asked for.
        from: u32,
        /// Height of the tip.
        tip: u32,
    },
    /// It was told to stop before the end.
    #[error("stopped before the end")]
    Stopped,
    /// The database cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Accounts in memory, for the second execution.
struct Replayed {
    accounts: BTreeMap<StateKey, (Address, Account)>,
    /// None up to the block before the first whose root is compared.
    tree: Option<StateTree>,
}

impl Accounts for Replayed {
    type Error = Infallible;

    fn account(&self, address: &Address) -> Result<Account, Infallible> {
        Ok(self
            .accounts
            .get(&StateKey::account(address))
            .map_or_else(Account::default, |(_, account)| *account))
    }
}

impl Buckets for BTreeMap<StateKey, (Address, Account)> {
    type Error = Infallible;

    fn entries(&self, bucket: Bucket) -> Result<Cow<'_, [Entry]>, Infallible> {
        let from = self.range(bucket.first()..).take_while(|(key, _)| bucket.holds(key));
        Ok(from.filter_map(|(key, (_, account))| Some((*key, value(account)?))).collect())
    }
}

impl Replayed {
    fn genesis(chain: &Chain) -> Self {
        let prefunded = chain.accounts.iter();
        let mut state = Self { accounts: BTreeMap::new(), tree: None };
        state.set(prefunded.map(|(address, balance)| (*address, Account { nonce: 0, balance: *balance })));
        state
    }

    fn set(&mut self, accounts: impl IntoIterator<Item = (Address, Account)>) {
        let keyed =
            accounts.into_iter().map(|(address, account)| (StateKey::account(&address), address, account));
        let mut keyed: Vec<_> = keyed.collect();
        keyed.sort_unstable_by_key(|(key, _, _)| *key);
        if let Some(tree) = &mut self.tree {
            let changes: Vec<EntryChange> =
                keyed.iter().map(|(key, _, account)| (*key, value(account))).collect();
            let Ok(patch) = tree.view().patch(&changes, &self.accounts);
            tree.apply(patch);
        }
        self.accounts.extend(keyed.into_iter().map(|(key, address, account)| (key, (address, account))));
        if self.tree.as_ref().is_some_and(StateTree::is_full) {
            self.tree = Some(self.planted());
        }
    }

    /// The tree of all accounts.
    fn planted(&self) -> StateTree {
        let entry = |(key, (_, account)): (&StateKey, &(Address, Account))| Some((*key, value(account)?));
        let entries = self.accounts.iter().filter_map(entry).map(Ok::<_, Infallible>);
        let keys = u64::try_from(self.accounts.len()).expect("they fit into memory");
        let Ok(tree) = StateTree::build(keys, entries);
        tree
    }

    /// The root is the one that a header states.
    fn compare_root(&self, header: &Header) -> Result<(), BlockError> {
        let (found, stated) = (self.tree.as_ref().map(StateTree::root), header.content().state_root);
        match found {
            Some(found) if found != stated => Err(BlockError::StateRoot { found, stated }),
            _ => Ok(()),
        }
    }
}

/// Bytes of public keys kept: 57,344 of them.
const KNOWN_KEYS_BYTES: usize = 16 << 20;

/// Executes the connected chain again and compares every root, and at the end every account; `progress` is
/// told each height that holds. Returns the height of the tip.
///
/// # Errors
/// [`VerifyError`]: the first thing that does not hold.
pub fn verify_chain(reader: &Reader, mut progress: impl FnMut(u32, u32)) -> Result<u32, VerifyError> {
    verify_chain_from(reader, 0, |height, tip| {
        progress(height, tip);
        ControlFlow::Continue(())
    })
}

/// The same, but that blocks below `from` are taken on trust: their headers are checked, and what they pay
/// is applied, without a look at signatures and roots. The state on which `from` stands is compared with the
/// header below it. `progress` may end it.
///
/// # Errors
/// [`VerifyError`]: the first thing that does not hold; [`VerifyError::AboveTip`] when there is no such
/// block; [`VerifyError::Stopped`] when `progress` ended it.
pub fn verify_chain_from(
    reader: &Reader,
    from: u32,
    mut progress: impl FnMut(u32, u32) -> ControlFlow<()>,
) -> Result<u32, VerifyError> {
    let view = reader.view()?;
    let (chain, tip) = (reader.chain(), view.tip().height);
    if from > tip {
        return Err(VerifyError::AboveTip { from, tip });
    }
    let (mut cursor, _) = Cursor::genesis(chain);
    let mut state = Replayed::genesis(chain);
    if from <= 1 {
        state.tree = Some(state.planted());
    }
    let keys = Arc::new(KnownKeys::new(KNOWN_KEYS_BYTES));
    let (mut heights, mut waiting) = (1..=tip, VecDeque::with_capacity(CHECKED_AHEAD));
    for height in 1..=tip {
        while let Some(next) = (waiting.len() < CHECKED_AHEAD).then(|| heights.next()).flatten() {
            let keys = (next >= from).then(|| keys.clone());
            waiting.push_back(check_ahead(reader, view.canonical(next)?, next, keys));
        }
        let checked = waiting.pop_front().and_then(|checked| checked.recv().ok());
        let JudgedBlock { header, txs } = checked.ok_or(VerifyError::Stopped)??;
        let id = header.header().id();
        let in_header = |error| VerifyError::Header { height, id, error };
        cursor.check(&header, &chain.params).map_err(in_header)?;
        cursor.advance(&header, &chain.params);
        let in_block = |error| VerifyError::Block { height, id, error };
        execute(&mut state, header.header(), &txs, chain).map_err(in_block)?;
        if height.checked_add(1) == Some(from) {
            state.tree = Some(state.planted());
        }
        state.compare_root(header.header()).map_err(in_block)?;
        if progress(height, tip).is_break() {
            return Err(VerifyError::Stopped);
        }
    }
    compare(&state, &view)?;
    Ok(tip)
}

/// A block that needs no state to be judged by.
struct JudgedBlock {
    header: CheckedHeader,
    txs: Vec<Arc<Transaction>>,
}

/// Reads and checks a block on another core; its transactions only with keys, in full.
fn check_ahead(
    reader: &Reader,
    id: Option<BlockId>,
    height: u32,
    in_full: Option<Arc<KnownKeys>>,
) -> Receiver<Result<JudgedBlock, VerifyError>> {
    let reader = reader.clone();
    ahead(move || {
        let id = id.ok_or(VerifyError::Missing(height))?;
        let block = reader.view()?.block(&id)?.ok_or(VerifyError::Missing(height))?;
        let chain = reader.chain();
        let header = CheckedHeader::check(block.header, &chain.params);
        let header = header.map_err(|error| VerifyError::Header { height, id, error })?;
        let Some(keys) = in_full else { return Ok(JudgedBlock { header, txs: block.txs }) };
        let txs = block.txs.clone();
        let checked = CheckedBlock::check(header.clone(), txs, &chain.genesis_id(), |_| false, &keys);
        checked.map_err(|error| VerifyError::Block { height, id, error })?;
        Ok(JudgedBlock { header, txs: block.txs })
    })
}

/// Each account that the blocks lead to is stored, and as many as these are.
fn compare(state: &Replayed, view: &View<'_>) -> Result<(), VerifyError> {
    let (mut entries, mut stored, mut expected) = (view.state_entries().peekable(), 0, 0);
    for (key, (address, account)) in &state.accounts {
        let Some(value) = value(account) else { continue };
        expected += 1;
        let before = |entry: &Result<Entry, StoreError>| matches!(entry, Ok((at, _)) if at < key);
        while entries.next_if(before).is_some() {
            stored += 1;
        }
        match entries.next().transpose()? {
            Some((at, found)) if at == *key && found == value => stored += 1,
            _ => return Err(VerifyError::Account(*address)),
        }
    }
    for entry in entries {
        entry?;
        stored += 1;
    }
    if stored == expected { Ok(()) } else { Err(VerifyError::Surplus { stored, expected }) }
}

fn execute(
    state: &mut Replayed,
    header: &Header,
    txs: &[Arc<Transaction>],
    chain: &Chain,
) -> Result<(), BlockError> {
    let mut transition = Transition::new(state, &chain.params);
    for (index, tx) in txs.iter().enumerate() {
        transition.apply(tx).map_err(|error| match error {
            TransitionError::Rule(error) => BlockError::Transaction { index, error },
            TransitionError::Read(never) => match never {},
        })?;
    }
    let changes = match transition.finish(header.content().miner, header.height()) {
        Ok(changes) => changes,
        Err(never) => match never {},
    };
    state.set(changes.accounts.iter().map(|(address, change)| (*address, change.after)));
    Ok(())
}

#[cfg(test)]
mod tests;
