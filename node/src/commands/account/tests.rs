//! What a name means, and what is said when it means nothing.

use super::{dev_key, resolve};
use serde_json::json;
use starling_rpc::types::ChainInfo;
use starling_wallet::{Keystore, dev_account};

/// What a node of this chain says of it.
pub(in crate::commands) fn info(chain: &str) -> ChainInfo {
    let zeros = "0".repeat(64);
    serde_json::from_value(json!({
        "chain": chain, "chain_id": 1, "genesis": zeros, "height": 0, "tip": zeros, "time": 0,
        "bits": "207fffff", "work": zeros, "supply": "0", "synced": true, "stage": "synced",
        "target_height": 0,
        "sync": {"header_height": 0, "per_second": 0.0, "eta_seconds": null, "headers_from": null,
            "stalling": null},
        "warnings": [], "prefix": "dstar", "pow": "sha256d", "interval": 1,
        "difficulty": 1.0, "hash_rate": 0.0,
        "account_charge": "10", "pruned_below": null
    }))
    .unwrap()
}

#[test]
fn an_address_a_wallet_and_a_dev_account_are_accounts() {
    let dir = tempfile::tempdir().unwrap();
    let keystore = Keystore::new(dir.path());
    let wallet = keystore.import_key("alice", "pass", &[7; 32]).unwrap();
    let dev3 = dev_account(3).unwrap().address();
    assert_eq!(resolve("alice", &info("lab"), &keystore).unwrap(), wallet.address());
    assert_eq!(resolve("dev3", &info("dev"), &keystore).unwrap(), dev3);
    let text = dev3.to_text(&super::prefix(&info("dev")).unwrap());
    assert_eq!(resolve(&text, &info("lab"), &keystore).unwrap(), dev3);
}

#[test]
fn what_means_nothing_is_explained() {
    let dir = tempfile::tempdir().unwrap();
    let keystore = Keystore::new(dir.path());
    let said = |name: &str, chain: &str| {
        let failure = resolve(name, &info(chain), &keystore).unwrap_err();
        assert_eq!(failure.code(), 2, "{name}");
        failure.message()
    };
    assert!(said("dev3", "lab").contains("exists on a dev node only"));
    assert!(said("bob", "dev").contains("starling wallet new"));
    assert!(said("tstar1qqnl937pazlccsw4zz7q024uck0yzuns8yap0gr9", "dev").contains("another chain"));
    assert!(said("dstar1qqqq", "dev").contains("typing error"));
    assert!(said("../etc", "dev").contains("cannot name a wallet"));
}

#[test]
fn only_ten_accounts_have_known_keys() {
    assert!(dev_key("dev0", "dev").is_some() && dev_key("dev9", "dev").is_some());
    for name in ["dev10", "dev", "dev00", "dev-1", "Dev1"] {
        assert!(dev_key(name, "dev").is_none(), "{name}");
    }
    assert!(dev_key("dev0", "lab").is_none());
}
