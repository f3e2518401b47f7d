//! The table is well formed, and suggestions are near.

use super::{METHODS, discover, find, nearest, unknown};

#[test]
fn names_are_distinct_and_each_subscription_has_its_end() {
    for (at, method) in METHODS.iter().enumerate() {
        assert!(METHODS[..at].iter().all(|other| other.name != method.name), "{}", method.name);
        if let Some(stream) = method.name.strip_prefix("subscribe_") {
            assert!(find(&format!("unsubscribe_{stream}")).is_some());
        }
        let first_optional = method.params.iter().position(|param| param.default.is_some());
        let required_after =
            first_optional.is_some_and(|at| method.params[at..].iter().any(|param| param.default.is_none()));
        assert!(!required_after && method.cost > 0 && !method.summary.is_empty(), "{}", method.name);
    }
}

#[test]
fn discover_shows_defaults_as_json() {
    let methods = discover().methods;
    let raw = methods.iter().find(|method| method.name == "chain_getRaw").unwrap();
    assert!(raw.params[0].required && raw.params[0].default.is_none());
    assert_eq!(raw.params[1].default, Some("block".into()));
    assert!(!raw.params[1].required && !raw.token);
}

#[test]
fn the_nearest_name_is_suggested_and_nothing_far() {
    for (typed, meant) in [
        ("chain_getblock", "chain_getBlock"),
        ("tx_sumbit", "tx_submit"),
        ("getBlock", "chain_getBlock"),
        ("discover", "rpc.discover"),
    ] {
        assert_eq!(unknown(typed).values()["suggestion"], meant);
    }
    assert!(unknown("eth_blockNumber").values().is_empty());
    assert!(unknown("").values().is_empty());
    assert_eq!(nearest("blok", ["block", "part"].into_iter()), Some("block"));
    assert_eq!(nearest("x", ["block", "part"].into_iter()), None);
}
