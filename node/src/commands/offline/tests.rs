//! Displays can be drawn, and a stop is seen.

use super::{Stop, block_bar, byte_bar, family_bar, record_bar};

#[test]
fn every_template_can_be_read() {
    for bar in [block_bar(), byte_bar(Some(10)), byte_bar(None), record_bar(), family_bar()] {
        bar.finish_and_clear();
    }
}

#[test]
fn a_stop_ends_work_at_its_next_step() {
    let stop = Stop::default();
    assert!(stop.flow().is_continue());
    stop.clone().set();
    assert!(stop.is_set() && stop.flow().is_break());
}
