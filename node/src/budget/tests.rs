//! The parts are within the whole.

use super::*;

#[test]
fn the_parts_leave_room_for_the_rest() {
    for bytes in [LEAST_BYTES, USUAL_BYTES, u64::MAX] {
        let budget = Budget::new(bytes).unwrap();
        let (bodies, keys) = (budget.body_bytes(), budget.key_bytes());
        let parts = [budget.ledger_bytes(), budget.pool_bytes(), bodies, bodies, keys];
        let sum: u128 = parts.into_iter().map(|part| u128::try_from(part).unwrap()).sum();
        assert!(sum <= u128::from(bytes) / 64 * 49, "{sum} of {bytes}");
    }
}

#[test]
fn a_budget_that_no_node_could_keep_is_refused() {
    assert_eq!(Budget::new(LEAST_BYTES - 1), None);
    assert_eq!(Budget::default().bytes(), 1 << 30);
}
