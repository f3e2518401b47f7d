//! What the state costs, measured on a database of its own: for the benchmark.
//!
//! It goes the way of a connected block, over the very types that a node uses: read the touched buckets, work
//! out the tree, prove accounts. Accounts enter in random order, as payments bring them, so the files lie on
//! disk as a node's do. The clock is the caller's.

use crate::ledger::LedgerOptions;
use crate::state::State;
use crate::state_tree::{EntryChange, Value};
use crate::store::{Family, Store, StoreError};
use starling_primitives::state::{Account, Found, Proof, StateKey};
use starling_primitives::{Address, Amount, GenesisId, Tag};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Accounts that are written together: what a full block brings.
const WRITTEN_TOGETHER: u64 = 20_000;

static ADDRESS: Tag = Tag::new("starling/measured-address");
static CHOICE: Tag = Tag::new("starling/measured-choice");

/// How large the measured state is, and what is done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatePlan {
    /// Accounts in the state.
    pub accounts: u64,
    /// Accounts that one block changes: as many as there are at the most.
    pub changes: u64,
    /// Blocks, each of other accounts.
    pub blocks: u64,
    /// Accounts that are proven.
    pub proofs: u64,
    /// Chooses all of them.
    pub seed: u64,
}

/// What was measured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateFigures {
    /// Reading all accounts for the tree, as a start does.
    pub load: Duration,
    /// For each block, bringing the touched buckets into memory, on all cores.
    pub prefetch: Vec<Duration>,
    /// For each block, hashing the tree anew, on one core.
    pub hash: Vec<Duration>,
    /// Bytes of the tree in memory.
    pub tree_bytes: usize,
    /// For each proof, making it; its bucket need not be in memory.
    pub prove: Vec<Duration>,
    /// For each proof, its bytes: bitmap, siblings, and what is found.
    pub proof_bytes: Vec<usize>,
}

/// Makes a state in an empty directory and measures it. `clock` tells the time since any moment; `told` hears
/// after each batch how many accounts are written, and ends the work by saying false.
///
/// # Errors
/// [`StoreError`]; also when a proof does not hold. None when the work was ended.
pub fn measure_state(
    dir: &Path,
    plan: &StatePlan,
    clock: &dyn Fn() -> Duration,
    told: &mut dyn FnMut(u64) -> bool,
) -> Result<Option<StateFigures>, StoreError> {
    // The database is closed in between, as before a start: what was written is read from files.
    if !fill(&*open(dir)?, plan, told)? {
        return Ok(None);
    }
    let mut figures = StateFigures::default();
    let before = clock();
    let store = open(dir)?;
    let mut state = State::load(store.clone(), &LedgerOptions::USUAL, None)?;
    figures.load = clock().saturating_sub(before);
    (_, _, figures.tree_bytes) = state.bytes();
    for block in 0..plan.blocks {
        let touched = choose(plan, block, plan.changes);
        let changes = changes_of(&touched, plan);
        let before = clock();
        state.touch(touched.iter().map(|number| address(plan.seed, *number)))?;
        let read = clock();
        let patch = state.patch(&changes)?;
        let hashed = clock();
        drop(patch);
        figures.prefetch.push(read.saturating_sub(before));
        figures.hash.push(hashed.saturating_sub(read));
    }
    // Numbers that no block has, so that the choice is another.
    for number in choose(plan, plan.blocks, plan.proofs) {
        let key = StateKey::account(&address(plan.seed, number));
        let before = clock();
        let proof = state.back(0).map(|tip| tip.prove(&key, &[])).transpose()?;
        figures.prove.push(clock().saturating_sub(before));
        let proof =
            proof.filter(|proof| proof.verify(&key, &state.root()).is_ok_and(|value| value.is_some()));
        let proof = proof.ok_or_else(|| store.damaged("a measured proof does not hold"))?;
        figures.proof_bytes.push(proof_bytes(&proof));
    }
    Ok(Some(figures))
}

fn open(dir: &Path) -> Result<Arc<Store>, StoreError> {
    Ok(Arc::new(Store::open(dir, &GenesisId::new([0; 32]), &LedgerOptions::USUAL.store())?))
}

/// Writes all accounts; false when the work was ended.
fn fill(store: &Store, plan: &StatePlan, told: &mut dyn FnMut(u64) -> bool) -> Result<bool, StoreError> {
    let mut next = 0;
    while next < plan.accounts {
        let end = next.saturating_add(WRITTEN_TOGETHER).min(plan.accounts);
        let mut batch = store.batch();
        for number in next..end {
            let key = StateKey::account(&address(plan.seed, number));
            batch.put(Family::State, key.as_bytes(), &value(0));
        }
        store.commit(batch, false)?;
        next = end;
        if !told(next) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The account with this number.
fn address(seed: u64, number: u64) -> Address {
    let hash = ADDRESS.hash(&[&seed.to_le_bytes(), &number.to_le_bytes()]);
    Address::new(*hash.first_chunk().expect("20 of 32 bytes"))
}

/// An account that has sent so many payments.
fn value(nonce: u64) -> Value {
    let balance = Amount::from_star("1").expect("a fixed amount");
    Account { nonce, balance }.encode()
}

/// So many accounts, each once: others for each round.
fn choose(plan: &StatePlan, round: u64, count: u64) -> BTreeSet<u64> {
    let mut chosen = BTreeSet::new();
    let count = usize::try_from(count.min(plan.accounts)).unwrap_or(usize::MAX);
    for draw in 0..u64::MAX {
        if chosen.len() == count {
            break;
        }
        let hash = CHOICE.hash(&[&plan.seed.to_le_bytes(), &round.to_le_bytes(), &draw.to_le_bytes()]);
        let number = u64::from_le_bytes(*hash.first_chunk().expect("8 of 32 bytes"));
        chosen.extend(number.checked_rem(plan.accounts));
    }
    chosen
}

/// One more payment by each of these accounts, ascending by key.
fn changes_of(touched: &BTreeSet<u64>, plan: &StatePlan) -> Vec<EntryChange> {
    let change = |number: &u64| (StateKey::account(&address(plan.seed, *number)), Some(value(1)));
    let mut changes: Vec<EntryChange> = touched.iter().map(change).collect();
    changes.sort_unstable_by_key(|(key, _)| *key);
    changes
}

fn proof_bytes(proof: &Proof) -> usize {
    let found = match &proof.found {
        Found::Value(value) => value.len(),
        Found::Other(other) => other.key.as_bytes().len() + other.value.len(),
        Found::Nothing => 0,
    };
    size_of_val(&proof.bitmap) + size_of_val(&*proof.siblings) + found
}

#[cfg(test)]
mod tests;
