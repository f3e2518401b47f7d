//! Whether what happened to each address is kept.

use super::Ledger;
use crate::store::{Family, StoreError, meta};

/// Above every key of the family: address, height, position.
const END: [u8; 29] = [0xff; 29];

impl Ledger {
    /// Keeps the index from the first block on, or not at all: one that is not wanted any more is dropped.
    /// Without a wish it stays as it is.
    ///
    /// # Errors
    /// [`StoreError::NoAddressIndex`] when it is wanted and blocks were connected without it.
    pub(super) fn want_address_index(&mut self, wanted: Option<bool>) -> Result<(), StoreError> {
        let kept = self.store.get(Family::Meta, meta::NO_ADDRESS_INDEX)?.is_none();
        let wanted = wanted.unwrap_or(kept);
        if wanted == kept {
            self.address_index = kept;
            return Ok(());
        }
        if wanted && self.tip.height > 0 {
            return Err(self.store.no_address_index());
        }
        let mut batch = self.store.batch();
        if wanted {
            batch.delete(Family::Meta, meta::NO_ADDRESS_INDEX);
        } else {
            batch.put(Family::Meta, meta::NO_ADDRESS_INDEX, &[]);
            batch.delete_range(Family::AddressIndex, &[], &END);
        }
        self.store.commit(batch, true)?;
        if !wanted {
            self.store.compact_range(Family::AddressIndex, &[], &END);
        }
        self.address_index = wanted;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
