//! The next block as a miner would find it: what applies, and the root that each miner's reward leads to.

use super::Ledger;
use super::connect::{Known, named};
use crate::state::value;
use crate::state_tree::{EntryChange, Patch};
use crate::store::StoreError;
use hashbrown::HashMap;
use starling_consensus::{Accounts, Change, Transition, TransitionError};
use starling_primitives::state::StateKey;
use starling_primitives::{Address, Amount, StateRoot, Transaction};
use std::sync::Arc;

/// Transactions that apply in order on one tip, and the state after them, before the miner is paid: the dear
/// part of a template, the same for every miner.
pub struct Draft {
    txs: Arc<Vec<Arc<Transaction>>>,
    reward: Amount,
    accounts: HashMap<Address, Change>,
    entries: Vec<EntryChange>,
    patch: Patch,
}

impl Draft {
    /// The transactions, in order.
    #[must_use]
    pub fn txs(&self) -> &Arc<Vec<Arc<Transaction>>> {
        &self.txs
    }

    /// Subsidy and fees: what the miner gets.
    #[must_use]
    pub fn reward(&self) -> Amount {
        self.reward
    }
}

impl Ledger {
    /// Of the candidates, those that apply in order on the tip.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn draft(&mut self, candidates: &[Arc<Transaction>]) -> Result<Draft, StoreError> {
        let touched = self.state.touch(named(candidates))?;
        let accounts = Known { touched: &touched, ledger: self };
        let mut transition = Transition::new(&accounts, &self.chain.params);
        let mut txs = Vec::with_capacity(candidates.len());
        for tx in candidates {
            match transition.apply(tx) {
                Ok(()) => txs.push(tx.clone()),
                Err(TransitionError::Rule(_)) => {}
                Err(TransitionError::Read(error)) => return Err(error),
            }
        }
        let changes = transition.unpaid();
        let subsidy = self.chain.params.subsidy_at(self.tip.height.saturating_add(1));
        let reward = subsidy.checked_add(changes.fees).expect("all that exists is at most 2^100 motes");
        let (_, entries) = touched.entries(&changes);
        let patch = self.state.patch(&entries)?;
        Ok(Draft { txs: Arc::new(txs), reward, accounts: changes.accounts, entries, patch })
    }

    /// The state root of the drafted block if this miner finds it; for a draft on the present tip.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn root_paying(&self, miner: &Address, draft: &Draft) -> Result<StateRoot, StoreError> {
        let mut account = match draft.accounts.get(miner) {
            Some(change) => change.after,
            None => self.account(miner)?,
        };
        let sum = account.balance.checked_add(draft.reward);
        account.balance = sum.expect("all that exists is at most 2^100 motes");
        let paid = (StateKey::account(miner), value(&account));
        self.state.root_after(&draft.patch, &draft.entries, paid)
    }
}
