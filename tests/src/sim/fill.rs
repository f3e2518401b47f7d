//! Pools that are full everywhere before a block is made, as if its payments had come long ago.

use super::world::World;
use crate::Payer;
use starling_ledger::Snapshot;
use starling_primitives::{Address, Transaction};
use std::sync::Arc;

/// Payments of one payer that a pool takes.
pub(super) const OF_ONE: usize = 64;
/// What a payment pays, in STAR.
const AMOUNT: &str = "0.1";

/// Puts so many payments into the pools of all nodes. Their signatures count as verified there: they were,
/// when they came.
pub(super) fn fill(world: &mut World, payers: &mut [Payer], count: usize) {
    let (chain, now) = (world.chain().clone(), world.unix());
    let to = Address::new([0x5f; 20]);
    let mut txs: Vec<(u64, Arc<Transaction>)> = Vec::with_capacity(count);
    for payer in payers {
        let own = OF_ONE.min(count - txs.len());
        txs.extend((0..own).map(|_| (now, Arc::new(payer.pay(&chain, to, AMOUNT)))));
    }
    let bytes = Arc::new(Snapshot::new(chain.genesis_id(), txs.clone()).encode());
    let ids: Arc<Vec<_>> = Arc::new(txs.iter().map(|(_, tx)| tx.wtxid()).collect());
    for id in world.ids() {
        let (bytes, ids) = (bytes.clone(), ids.clone());
        world.call(id, move |core| {
            ids.iter().for_each(|id| core.pool().note_verified(*id));
            core.load_pool(&bytes).is_ok()
        });
    }
}
