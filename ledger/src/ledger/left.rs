//! What a reorganisation took out of the chain and may not have been brought back to the pool before the
//! process died.

use super::Ledger;
use crate::store::StoreError;
use starling_consensus::{HeaderTree, Status};
use starling_primitives::{BlockId, Transaction};
use std::sync::Arc;

/// Bytes of bodies that a start reads back at the most.
const LEFT_BYTES: usize = 64 << 20;

impl Ledger {
    /// Transactions of blocks that were connected once and are not now, as deep as any reorganisation goes,
    /// lowest blocks first. A start offers them to the pool, which refuses those that other blocks have or
    /// replaced: a process that is killed in the middle of a reorganisation loses no transaction that was
    /// mined before. When they are too many, the highest blocks count.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn left_behind(&self, headers: &HeaderTree) -> Result<Vec<Arc<Transaction>>, StoreError> {
        let reader = self.reader();
        let view = reader.view()?;
        let Some(from) = view.canonical(self.deepest_fork)? else { return Ok(Vec::new()) };
        let mut left: Vec<(u32, BlockId)> = Vec::new();
        for info in headers.stored_above(&from).iter().filter_map(|id| headers.get(id)) {
            if info.status == Status::Connected && view.canonical(info.height)? != Some(info.id) {
                left.push((info.height, info.id));
            }
        }
        left.sort_unstable_by(|a, b| b.cmp(a));
        let (mut blocks, mut bytes) = (Vec::new(), 0);
        for (_, id) in left {
            let Some(block) = view.block(&id)? else { continue };
            bytes += block.txs.iter().map(|tx| tx.size()).sum::<usize>();
            if bytes > LEFT_BYTES {
                break;
            }
            blocks.push(block);
        }
        Ok(blocks.into_iter().rev().flat_map(|block| block.txs).collect())
    }
}
