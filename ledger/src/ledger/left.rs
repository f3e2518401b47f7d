//! What a reorganisation took out of the chain and may not have been brought back to the pool before the
//! process died.

use super::Ledger;
use crate::store::StoreError;
use starling_consensus::{HeaderTree, Status};
use starling_primitives::{BlockId, Transaction};
use std::sync::Arc;

/// How far below the tip a start looks for blocks that were left.
const LEFT_BLOCKS: u32 = 100;
/// Bytes of bodies that it reads back at the most.
const LEFT_BYTES: usize = 64 << 20;

impl Ledger {
    /// Transactions of recent blocks that were connected once and are not now, lowest blocks first. A start
    /// offers them to the pool, which refuses those that other blocks have or replaced: a process that is
    /// killed in the middle of a reorganisation loses no transaction that was mined before.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn left_behind(&self, headers: &HeaderTree) -> Result<Vec<Arc<Transaction>>, StoreError> {
        let reader = self.reader();
        let view = reader.view()?;
        let Some(from) = view.canonical(self.tip.height.saturating_sub(LEFT_BLOCKS))? else {
            return Ok(Vec::new());
        };
        let mut left: Vec<(u32, BlockId)> = Vec::new();
        for info in headers.stored_above(&from).iter().filter_map(|id| headers.get(id)) {
            if info.status == Status::Connected && view.canonical(info.height)? != Some(info.id) {
                left.push((info.height, info.id));
            }
        }
        left.sort_unstable();
        let (mut txs, mut bytes) = (Vec::new(), 0);
        for (_, id) in left {
            let Some(block) = view.block(&id)? else { continue };
            bytes += block.txs.iter().map(|tx| tx.size()).sum::<usize>();
            if bytes > LEFT_BYTES {
                break;
            }
            txs.extend(block.txs);
        }
        Ok(txs)
    }
}
