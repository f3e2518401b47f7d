//! Tests.

use super::*;

#[test]
fn the_oldest_is_forgotten_first() {
    let mut verified = Verified::new(2);
    let id = |index| Wtxid::new([index; 32]);
    for index in [1, 2, 2, 3] {
        verified.insert(id(index));
        verified.check();
    }
    assert_eq!([1, 2, 3].map(|index| verified.contains(&id(index))), [false, true, true]);
}
