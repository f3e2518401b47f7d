//! Blocks whose turn is to come: what they need of the state is read while those before them are connected
//! (ledger: Pipeline of one block, stage 4).

use super::Ledger;
use super::connect::{LARGE_TXS, named_in};
use crate::state::Coming;
use starling_consensus::CheckedBlock;
use starling_primitives::{BlockId, Header};

/// Blocks that are expected at a time.
const MOST_EXPECTED: usize = 3;
/// Transactions of a block that is expected at the most: what is read of each takes some 500 bytes.
const MOST_TXS: usize = 32_768;

/// Blocks whose accounts are being read.
#[derive(Default)]
pub(super) struct Expected {
    coming: Vec<(u32, BlockId, Coming)>,
    /// Those that will not come, as long as something is read for them: whoever reads has the database open.
    ended: Vec<Coming>,
}

impl Expected {
    /// Lets go of those up to a height.
    fn end_up_to(&mut self, height: u32) {
        let gone = self.coming.extract_if(.., |(other, _, _)| *other <= height).map(|(_, _, coming)| coming);
        self.ended.extend(gone);
        self.ended.retain_mut(Coming::is_reading);
    }

    /// Waits until nothing is read any more.
    pub(super) fn end(&mut self) {
        self.end_up_to(u32::MAX);
        self.ended.drain(..).for_each(Coming::end);
    }
}

impl Ledger {
    /// Begins to read the accounts of a block that will be connected soon. This is a hint: another block may
    /// come in its place.
    pub fn expect(&mut self, block: &CheckedBlock) {
        let (header, txs) = (block.header().header(), block.txs());
        let (id, height) = (header.id(), header.height());
        let known = self.expected.coming.iter().any(|(_, expected, _)| *expected == id);
        let suits = (LARGE_TXS..=MOST_TXS).contains(&txs.len()) && height > self.tip.height;
        if known || !suits || self.expected.coming.len() >= MOST_EXPECTED {
            return;
        }
        let coming = self.state.expect(named_in(header, txs));
        self.expected.coming.push((height, id, coming));
    }

    /// What is being read for a block whose turn is now; what was read for others of its height, or below, is
    /// of no use any more.
    pub(super) fn take_expected(&mut self, header: &Header) -> Option<Coming> {
        let (id, expected) = (header.id(), &mut self.expected);
        let at = expected.coming.iter().position(|(_, expected, _)| *expected == id);
        let coming = at.map(|at| expected.coming.swap_remove(at).2);
        expected.end_up_to(header.height());
        let (fresh, old) = coming.into_iter().partition(|coming| self.state.is_fresh(coming));
        let (mut fresh, old): (Vec<Coming>, Vec<Coming>) = (fresh, old);
        expected.ended.extend(old);
        fresh.pop()
    }

    /// Nothing that was expected comes: the tip goes back.
    pub(super) fn expect_nothing(&mut self) {
        self.expected.end_up_to(u32::MAX);
    }
}

#[cfg(test)]
mod tests;
