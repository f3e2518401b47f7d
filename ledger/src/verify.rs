//! Everything once more: each stored block from genesis is checked and applied again, and each root compared.

use crate::reader::{Reader, View};
use crate::state::value;
use crate::state_tree::{Bucket, Buckets, Entry, EntryChange, StateTree};
use crate::store::StoreError;
use starling_consensus::{
    Accounts, BlockError, CheckedBlock, CheckedHeader, Cursor, HeaderError, KnownKeys, Transition,
    TransitionError,
};
use starling_primitives::state::{Account, StateKey};
use starling_primitives::{Address, BlockId};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::convert::Infallible;
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
    /// The database cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Accounts in memory, for the second execution.
struct Replayed {
    accounts: BTreeMap<StateKey, (Address, Account)>,
    tree: StateTree,
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

impl Buckets for Replayed {
    type Error = Infallible;

    fn entries(&self, bucket: Bucket) -> Result<Cow<'_, [Entry]>, Infallible> {
        let from = self.accounts.range(bucket.first()..).take_while(|(key, _)| bucket.holds(key));
        Ok(from.filter_map(|(key, (_, account))| Some((*key, value(account)?))).collect())
    }
}

impl Replayed {
    fn set(&mut self, accounts: impl IntoIterator<Item = (Address, Account)>) {
        let keyed =
            accounts.into_iter().map(|(address, account)| (StateKey::account(&address), address, account));
        let mut keyed: Vec<_> = keyed.collect();
        keyed.sort_unstable_by_key(|(key, _, _)| *key);
        let changes: Vec<EntryChange> =
            keyed.iter().map(|(key, _, account)| (*key, value(account))).collect();
        let Ok(patch) = self.tree.view().patch(&changes, self);
        self.tree.apply(patch);
        self.accounts.extend(keyed.into_iter().map(|(key, address, account)| (key, (address, account))));
        if self.tree.is_full() {
            let entry = |(key, (_, account)): (&StateKey, &(Address, Account))| Some((*key, value(account)?));
            let entries = self.accounts.iter().filter_map(entry).map(Ok::<_, Infallible>);
            let Ok(deeper) = StateTree::build(self.tree.keys(), entries);
            self.tree = deeper;
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
    let view = reader.view()?;
    let chain = reader.chain();
    let (mut cursor, _) = Cursor::genesis(chain);
    let mut state = Replayed { accounts: BTreeMap::new(), tree: StateTree::new(0) };
    let prefunded = chain.accounts.iter();
    state.set(prefunded.map(|(address, balance)| (*address, Account { nonce: 0, balance: *balance })));
    let keys = KnownKeys::new(KNOWN_KEYS_BYTES);
    let tip = view.tip().height;
    for height in 1..=tip {
        let id = view.canonical(height)?.ok_or(VerifyError::Missing(height))?;
        let block = view.block(&id)?.ok_or(VerifyError::Missing(height))?;
        let in_header = |error| VerifyError::Header { height, id, error };
        let in_block = |error| VerifyError::Block { height, id, error };
        let header = CheckedHeader::check(block.header, &chain.params).map_err(in_header)?;
        cursor.check(&header, &chain.params).map_err(in_header)?;
        cursor.advance(&header, &chain.params);
        let checked = CheckedBlock::check(header, block.txs, &chain.genesis_id(), |_| false, &keys);
        execute(&mut state, &checked.map_err(in_block)?, chain).map_err(in_block)?;
        progress(height, tip);
    }
    compare(&state, &view)?;
    Ok(tip)
}

/// Each account that the blocks lead to is stored, and as many as these are.
fn compare(state: &Replayed, view: &View<'_>) -> Result<(), VerifyError> {
    let mut expected = 0;
    for (address, account) in state.accounts.values() {
        if view.account(address)? != *account {
            return Err(VerifyError::Account(*address));
        }
        expected += u64::from(!account.is_absent());
    }
    let stored = view.state_entries()?;
    if stored == expected { Ok(()) } else { Err(VerifyError::Surplus { stored, expected }) }
}

fn execute(
    state: &mut Replayed,
    block: &CheckedBlock,
    chain: &starling_genesis::Chain,
) -> Result<(), BlockError> {
    let header = block.header().header();
    let mut transition = Transition::new(state, &chain.params);
    for (index, tx) in block.txs().iter().enumerate() {
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
    let (found, stated) = (state.tree.root(), header.content().state_root);
    if found == stated { Ok(()) } else { Err(BlockError::StateRoot { found, stated }) }
}
