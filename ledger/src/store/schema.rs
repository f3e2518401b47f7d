//! The way from each older layout to the present one, a step at a time, each in one atomic batch.

use super::{Family, SCHEMA, Store, StoreError, meta};
use crate::records::StateTip;

/// Brings a database from this layout to the present one.
pub(super) fn upgrade(store: &Store, mut schema: u32) -> Result<(), StoreError> {
    while schema < SCHEMA {
        let mut batch = store.batch();
        match schema {
            // The state was written with each block.
            1 => {
                let tip = store.tip()?.ok_or_else(|| store.damaged("no tip"))?;
                batch.put(Family::Meta, meta::STATE_TIP, &StateTip::from(tip).encode());
            }
            // No tree was stored.
            2 => {}
            _ => return Err(store.damaged(&format!("layout {schema} never was"))),
        }
        let next = schema + 1;
        batch.put(Family::Meta, meta::SCHEMA, &next.to_le_bytes());
        store.commit(batch, true)?;
        tracing::info!(from = schema, to = next, "the database has a new layout");
        schema = next;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
