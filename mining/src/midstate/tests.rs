//! The fast path and the plain path are one.

use super::*;
use proptest::prelude::*;
use starling_primitives::{Bits, BlockId};

fn work() -> impl Strategy<Value = WorkHeader> {
    let hashes = (any::<[u8; 32]>(), any::<[u8; 32]>());
    (any::<u32>(), hashes, any::<u32>(), any::<u32>(), any::<u32>()).prop_map(
        |(version, (parent, root), time, bits, nonce)| WorkHeader {
            version,
            parent: BlockId::new(parent),
            root,
            time,
            bits: Bits::new(bits),
            nonce,
        },
    )
}

proptest! {
    #[test]
    fn every_nonce_hashes_as_the_plain_path_says(work in work(), nonces in any::<[u32; 4]>()) {
        for kind in [PowKind::Sha256d, PowKind::Sha256dTagged] {
            let mut midstate = Midstate::new(&work, kind);
            for nonce in nonces {
                let plain = WorkHeader { nonce, ..work }.pow_hash(kind);
                prop_assert_eq!(midstate.pow_hash(nonce), plain);
            }
        }
    }
}
