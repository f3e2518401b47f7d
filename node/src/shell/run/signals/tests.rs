//! Which signals are listened for.

use super::ignores_hangup;

#[test]
fn a_hangup_that_is_ignored_stays_ignored() {
    let status =
        |mask: &str| format!("Name:\tstarling\nSigBlk:\t0000000000000001\nSigIgn:\t{mask}\nSigCgt:\t0\n");
    assert!(ignores_hangup(&status("0000000000001001")));
    assert!(!ignores_hangup(&status("0000000000001000")));
    assert!(!ignores_hangup(&status("no mask")));
    assert!(!ignores_hangup(""));
}
