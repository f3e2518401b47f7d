//! Transactions: from peers, from this process, and out again.

use super::{Core, Effect, Now, peer_number, penalty_of_tx};
use starling_ledger::{
    AddError, Ledger, LoadError, Loaded, Page, PendingAccount, PoolError, Settled, Source, StoreError,
};
use starling_network::{PeerId, Report, TxOutcome, TxSource};
use starling_primitives::{Address, Transaction, TxId, Wtxid};
use std::collections::HashSet;
use std::sync::Arc;

/// A transaction that the pool took.
#[derive(Clone, Debug)]
pub struct PoolEntry {
    /// The transaction.
    pub tx: Arc<Transaction>,
    /// Its name for people.
    pub txid: TxId,
    /// When it came, in Unix seconds.
    pub time: u64,
}

impl Core {
    /// Takes a transaction of this process into the pool, and tells peers.
    ///
    /// # Errors
    /// [`AddError`]: why it is refused, or that the database failed.
    pub fn submit_tx(&mut self, tx: Arc<Transaction>) -> Result<TxId, AddError<StoreError>> {
        let id = tx.wtxid();
        let (txid, promoted) = self.add_tx(tx, Source::Local)?;
        // What waited for it is of the same sender: to be told after it, and as quietly.
        for id in [id].into_iter().chain(promoted) {
            self.network(|net, view, now| net.transaction_submitted(id, view, now));
        }
        Ok(txid)
    }

    /// Judges a peer's transaction; the network passes it on, or not, by what this says. After it comes what
    /// came too early and builds on it.
    pub(super) fn on_peer_tx(&mut self, source: TxSource, tx: &Arc<Transaction>) -> Result<(), StoreError> {
        let mut next = true;
        let number = peer_number(&source.peer());
        let outcome = match self.add_tx(tx.clone(), Source::Peer(number)) {
            Ok((_, promoted)) => {
                self.offer(promoted);
                TxOutcome::Accept
            }
            Err(AddError::Read(error)) => return Err(error),
            Err(AddError::Refused(PoolError::Invalid(error))) => match penalty_of_tx(&error) {
                starling_network::Penalty::None => TxOutcome::Ignore,
                penalty => {
                    self.recent.insert(tx.wtxid());
                    TxOutcome::Reject(penalty)
                }
            },
            Err(AddError::Refused(error)) => {
                tracing::debug!(tx = %tx.wtxid(), %error, "transaction not taken");
                if is_early(&error) {
                    self.early.keep(source.peer(), tx.clone());
                    next = false;
                }
                TxOutcome::Ignore
            }
        };
        let outputs = self.net.transaction_checked(source, tx, outcome, self.now.mono);
        self.take_outputs(outputs);
        if next {
            let next = self.early.next_of(&tx.sender());
            self.try_again(next);
        }
        Ok(())
    }

    /// These came too early, which may be over. What is submitted here does not lead to it: others are not to
    /// notice by it.
    pub(super) fn try_again(&mut self, early: impl IntoIterator<Item = (PeerId, Arc<Transaction>)>) {
        let again = |(peer, tx)| Report::Transaction { source: TxSource::Kept { peer }, tx };
        self.reports.extend(early.into_iter().map(again));
    }

    /// Verifies together what came in one answer: there are up to 256 transactions in it, and whatever is
    /// behind it waits.
    pub(super) fn verify_pulled(&self) {
        let pulled = |report: &Report| match report {
            Report::Transaction { source: TxSource::Direct { peer }, tx } => Some((*peer, tx.clone())),
            _ => None,
        };
        // Of one sender only the first: whether the others fit depends on what becomes of it.
        let mut senders = HashSet::new();
        let is_first = |(_, tx): &(PeerId, Arc<Transaction>)| senders.insert(tx.sender());
        let pulled: Vec<_> = self.reports.iter().filter_map(pulled).filter(is_first).collect();
        if pulled.len() > 1 {
            let settled = self.settled();
            // Those that are refused for another reason, or whose accounts cannot be read, are not worth it.
            let fits = |(peer, tx): &&(PeerId, Arc<Transaction>)| {
                self.pool.check(tx, Source::Peer(peer_number(peer)), &settled).is_ok()
            };
            self.pool.verify_together(pulled.iter().filter(fits).map(|(_, tx)| tx), &self.keys);
        }
    }

    fn settled(&self) -> Settled<'_, Ledger> {
        settled(&self.ledger, self.now)
    }

    /// Takes it into the pool; with its name come those that waited for it.
    fn add_tx(
        &mut self,
        tx: Arc<Transaction>,
        source: Source,
    ) -> Result<(TxId, Vec<Wtxid>), AddError<StoreError>> {
        let admitted = self.pool.add(tx.clone(), source, &settled(&self.ledger, self.now))?;
        let txid = admitted.txid;
        self.effects.push(Effect::Pool(PoolEntry { tx, txid, time: self.now.unix }));
        Ok((txid, admitted.promoted))
    }

    /// Others can use these now.
    pub(super) fn offer(&mut self, ids: Vec<Wtxid>) {
        for id in ids {
            self.network(|net, view, now| net.transaction_accepted(id, view, now));
        }
    }

    /// Takes back the pool of the last run.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn load_pool(&mut self, bytes: &[u8]) -> Result<Loaded, LoadError<StoreError>> {
        self.pool.load(bytes, &settled(&self.ledger, self.now))
    }

    /// Takes back what a reorganisation disconnected in a process that died before it could save its pool.
    /// What other blocks have or replaced is refused, as it should be. Returns how many were taken.
    ///
    /// # Errors
    /// When the database failed.
    pub fn take_back_left(&mut self) -> Result<usize, StoreError> {
        let left = self.ledger.left_behind(&self.tree)?;
        self.take_left(left).map(|taken| taken.len())
    }

    /// Takes transactions into the pool that were in valid blocks; returns which were taken.
    pub(super) fn take_left(&mut self, left: Vec<Arc<Transaction>>) -> Result<Vec<Wtxid>, StoreError> {
        let mut taken = Vec::new();
        for tx in left {
            let id = tx.wtxid();
            self.pool.note_verified(id);
            match self.add_tx(tx, Source::Loaded) {
                Ok((_, promoted)) => {
                    self.offer(promoted);
                    self.recent.remove(&id);
                    taken.push(id);
                }
                Err(AddError::Refused(_)) => {}
                Err(AddError::Read(error)) => return Err(error),
            }
        }
        Ok(taken)
    }

    /// An account as its owner can use it now.
    ///
    /// # Errors
    /// When the database failed.
    pub fn pending_account(&self, address: &Address) -> Result<PendingAccount, StoreError> {
        self.pool.pending_account(address, &self.settled())
    }

    /// A page of the pool, best fee first; none when the cursor's transaction has left.
    #[must_use]
    pub fn pool_page(&self, cursor: &Wtxid, limit: usize) -> Option<Page> {
        self.pool.list(cursor, limit)
    }
}

/// What the pool judges by: the state at the tip.
pub(super) fn settled(ledger: &Ledger, now: Now) -> Settled<'_, Ledger> {
    Settled { accounts: ledger, next_height: ledger.tip().height.saturating_add(1), now: now.unix }
}

/// Whether it is refused for others of its sender, which may leave or come.
fn is_early(error: &PoolError) -> bool {
    matches!(
        error,
        PoolError::NonceTooFar { .. } | PoolError::TooManyWaiting { .. } | PoolError::TooManyPending { .. }
    )
}
