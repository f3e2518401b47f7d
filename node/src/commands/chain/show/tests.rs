//! A chain is shown as its file says it.

use super::describe;
use starling_genesis::Chain;

#[test]
fn json_has_the_files_keys() {
    let shown = describe(&Chain::dev());
    assert_eq!(shown["name"], "dev");
    assert_eq!(shown["pow"], "sha256d");
    assert_eq!(shown["bits"], "207fffff");
    assert_eq!(shown["half_life"], serde_json::Value::Null);
    assert_eq!(shown["future_limit"], serde_json::Value::Null);
    assert_eq!(shown["subsidy"], "12000000000000000000");
    assert_eq!(shown["accounts"].as_array().unwrap().len(), 10);
    assert_eq!(shown["genesis"], Chain::dev().genesis_id().to_string());
}
