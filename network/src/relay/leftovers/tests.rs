//! Tests of the leftovers.

use super::*;
use crate::testing;

#[test]
fn the_oldest_make_room() {
    let mut leftovers = Leftovers::default();
    let size = bytes(&testing::tx(0));
    let fit = MAX_BYTES / size;
    let count = u64::try_from(fit).unwrap();
    for nonce in 0..count + 2 {
        leftovers.keep(testing::tx(nonce));
        leftovers.keep(testing::tx(nonce));
    }
    assert!(leftovers.get(&testing::tx(1).wtxid()).is_none());
    assert!(leftovers.get(&testing::tx(2).wtxid()).is_some());
    assert_eq!(leftovers.txs.len(), fit);
    assert_eq!(leftovers.order.len(), fit);
    assert_eq!(leftovers.bytes, fit * size);
}
