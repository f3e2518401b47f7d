//! Blocks whose turn is to come: what they need of the state is read while those before them are connected
//! (ledger: Pipeline of one block, stage 4).

use super::Ledger;
use super::connect::{LARGE_TXS, named_in};
use crate::state::Coming;
use starling_consensus::CheckedBlock;
use starling_primitives::BlockId;

/// Blocks that are expected at a time.
const MOST_EXPECTED: usize = 4;

impl Ledger {
    /// Begins to read the accounts of a block that will be connected soon. This is a hint: another block may
    /// come in its place.
    pub fn expect(&mut self, block: &CheckedBlock) {
        let (header, txs) = (block.header().header(), block.txs());
        let id = header.id();
        if txs.len() < LARGE_TXS || self.coming.iter().any(|(expected, _)| *expected == id) {
            return;
        }
        if self.coming.len() == MOST_EXPECTED {
            self.coming.pop_front();
        }
        self.coming.push_back((id, self.state.expect(named_in(header, txs))));
    }

    /// What is being read for a block.
    pub(super) fn take_expected(&mut self, id: &BlockId) -> Option<Coming> {
        let at = self.coming.iter().position(|(expected, _)| expected == id)?;
        // Those before it did not come.
        self.coming.drain(..=at).next_back().map(|(_, coming)| coming)
    }
}

#[cfg(test)]
mod tests;
