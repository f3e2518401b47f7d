//! How often the mempool is written.

use super::{SELDOM, SOON, pause_after};
use std::time::Duration;

#[test]
fn a_small_pool_is_written_soon_and_a_large_one_costs_little() {
    assert_eq!(pause_after(Duration::ZERO), SOON);
    assert_eq!(pause_after(Duration::from_millis(100)), SOON);
    assert_eq!(pause_after(Duration::from_secs(1)), Duration::from_secs(20));
    assert_eq!(pause_after(Duration::from_secs(10)), SELDOM);
    assert_eq!(pause_after(Duration::MAX), SELDOM);
}
