//! Bodies and blocks: one encoding each; the Merkle root against its recursive definition.

use super::*;
use crate::tests::{Format, edits, headers, transactions};
use proptest::collection::vec;
use proptest::prelude::*;
use starling_sha256::node;

/// RFC 6962's form of the same tree: split at the largest power of two below the count.
fn recursive_root(ids: &[[u8; 32]]) -> [u8; 32] {
    match ids {
        [] => [0; 32],
        [lone] => *lone,
        _ => {
            let (left, right) = ids.split_at(ids.len().next_power_of_two() / 2);
            node(&recursive_root(left), &recursive_root(right))
        }
    }
}

fn bodies() -> impl Strategy<Value = Vec<Arc<Transaction>>> {
    vec(transactions().prop_map(|(_, _, tx)| Arc::new(tx)), 0..4)
}

/// A block whose header counts what its body holds.
fn blocks() -> impl Strategy<Value = Block> {
    (headers(), bodies()).prop_map(|(header, txs)| {
        let tx_count = u32::try_from(txs.len()).unwrap();
        let content = crate::Content { tx_count, ..*header.content() };
        let header = Header::new(*header.work(), header.extra().as_bytes(), content).unwrap();
        Block { header, txs }
    })
}

const FORMAT: Format<Block> =
    Format { decode: |bytes| Block::decode(bytes, u32::MAX), encode: Block::encode };

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn a_block_has_one_encoding(block in blocks()) {
        FORMAT.keeps(&block);
    }
}

proptest! {
    #[test]
    fn a_changed_block_is_refused_or_another(block in blocks(), edit in edits()) {
        FORMAT.refuses_or_keeps(&edit.apply(&block.encode()));
    }

    #[test]
    fn a_body_of_another_count_is_refused(txs in bodies(), more in 1u32..10) {
        let (bytes, count) = (encode_body(&txs), u32::try_from(txs.len()).unwrap());
        prop_assert_eq!(decode_body(&bytes, count), Ok(txs));
        let is_truncated = matches!(decode_body(&bytes, count + more), Err(DecodeError::Truncated { .. }));
        prop_assert!(is_truncated);
        if count > 0 {
            let is_longer = matches!(decode_body(&bytes, count - 1), Err(DecodeError::TrailingBytes(_)));
            prop_assert!(is_longer);
        }
    }

    #[test]
    fn the_root_is_that_of_the_recursive_tree(ids in vec(any::<[u8; 32]>(), 0..70)) {
        let root = tx_root(ids.iter().copied().map(Wtxid::new));
        prop_assert_eq!(root.as_bytes(), &recursive_root(&ids));
    }

    #[test]
    fn the_order_is_part_of_the_root(
        ids in vec(any::<[u8; 32]>(), 2..20), at in any::<[prop::sample::Index; 2]>(),
    ) {
        let mut swapped = ids.clone();
        swapped.swap(at[0].index(ids.len()), at[1].index(ids.len()));
        let same = swapped == ids;
        let root = |ids: Vec<[u8; 32]>| tx_root(ids.into_iter().map(Wtxid::new));
        prop_assert_eq!(root(swapped) == root(ids), same);
    }
}

proptest! {
    #[test]
    fn a_body_over_the_limit_is_refused_before_it_is_read(block in blocks()) {
        let size = encode_body(&block.txs).len();
        let limit = u32::try_from(size).unwrap();
        prop_assert!(Block::decode(&block.encode(), limit).is_ok());
        if size > 0 {
            let refused = Block::decode(&block.encode(), limit - 1);
            prop_assert_eq!(refused, Err(DecodeError::TooLarge { size, limit: size - 1 }));
        }
    }
}
