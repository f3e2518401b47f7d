//! A step reads well, with and without the node's own words.

use super::step;
use serde_json::json;

#[test]
fn a_step_is_the_nodes_words_or_its_values() {
    let shown = |event| step(&serde_json::from_value(event).unwrap());
    let worded = json!({"time": 1, "what": "mined", "height": 3, "detail": "in block ab at height 3"});
    assert_eq!(shown(worded), "mined: in block ab at height 3");
    assert_eq!(shown(json!({"time": 1, "what": "announced", "peers": 3})), "announced peers 3");
    assert_eq!(shown(json!({"time": 1, "what": "accepted"})), "accepted");
    assert_eq!(shown(json!({"time": 1, "what": "evicted", "detail": "a\u{1b}[2J"})), "evicted: a\\u{1b}[2J");
}
