//! The order is that of comparing everything.

use super::*;
use proptest::prelude::*;

proptest! {
    #[test]
    fn the_order_is_that_of_the_bytes(
        items in prop::collection::vec((prop::sample::select(vec![0u8, 1, 255]), any::<u8>()), 0..60),
    ) {
        let item = |(head, tail): &(u8, u8)| [&[*head; 9][..], &[*tail]].concat();
        let items: Vec<Vec<u8>> = items.iter().map(item).collect();
        let mut expected: Vec<usize> = (0..items.len()).collect();
        expected.sort_by_key(|at| &items[*at]);
        prop_assert_eq!(order_by_bytes(&items, |item| item), expected);
    }
}
