//! What the next block should hold.

use super::order::{ChunkRef, OrderKey};
use super::sender::{Chain, Entry};
use super::{Mempool, Settled};
use starling_consensus::{Accounts, check_expiry};
use starling_primitives::limits::{MIN_TX_BYTES, TX_LEN_BYTES};
use starling_primitives::state::Account;
use starling_primitives::{Address, Amount, Transaction};
use std::collections::HashSet;
use std::sync::Arc;

/// Chunks that did not fit before the block counts as full: with thousands of poor ones left, looking for the
/// last that fits is not worth its time.
const MAX_MISFITS: usize = 1_000;

impl Mempool {
    /// Fills a body of at most `max_body_bytes`, lengths included: chunk by chunk, best fee per byte first.
    /// All of it applies in this order on the settled state. A sender whose next chunk does not fit, or whose
    /// account is not the one that the pool was told of, gives nothing more.
    ///
    /// # Errors
    /// When the accounts cannot be read.
    pub fn select<A: Accounts>(
        &self,
        max_body_bytes: u32,
        settled: &Settled<'_, A>,
    ) -> Result<Vec<Arc<Transaction>>, A::Error> {
        let mut left = usize::try_from(max_body_bytes).unwrap_or(usize::MAX);
        let mut txs = Vec::new();
        let mut closed: HashSet<Address> = HashSet::new();
        let mut misfits = 0;
        for (key, chunk) in self.executable.order.iter().rev() {
            if left < MIN_TX_BYTES + TX_LEN_BYTES || misfits > MAX_MISFITS {
                break;
            }
            let Some(chain) = self.senders.get(&chunk.sender).filter(|_| !closed.contains(&chunk.sender))
            else {
                continue;
            };
            let entries = self.chunk_entries(key, chunk);
            let bytes = key.rate.bytes + chunk.count * TX_LEN_BYTES;
            let alive = entries.iter().all(|entry| check_expiry(&entry.tx, settled.next_height).is_ok());
            // The account is asked for once, for the first of the chain.
            let first = key.nonce.0 == chain.base();
            if bytes > left || !alive || first && !applies(chain, &settled.accounts.account(&chunk.sender)?) {
                misfits += usize::from(bytes > left);
                closed.insert(chunk.sender);
                continue;
            }
            left -= bytes;
            txs.extend(entries.iter().map(|entry| Arc::clone(&entry.tx)));
        }
        Ok(txs)
    }

    /// The transactions of a chunk, by ascending nonce.
    pub(super) fn chunk_entries(&self, key: &OrderKey, chunk: &ChunkRef) -> &[Entry] {
        let entries = self.senders.get(&chunk.sender).map_or(&[][..], Chain::executable);
        let from = entries.partition_point(|entry| entry.nonce() < key.nonce.0);
        &entries[from..entries.len().min(from + chunk.count)]
    }
}

/// Whether all executable transactions of the chain apply on its sender's account, whatever else a block
/// does.
fn applies(chain: &Chain, account: &Account) -> bool {
    let need = Amount::sum(chain.executable().iter().map(|entry| entry.need));
    account.nonce == chain.base() && need.is_some_and(|need| need <= account.balance)
}

#[cfg(test)]
mod tests;
