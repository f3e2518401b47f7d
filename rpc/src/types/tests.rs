//! The JSON of results: the fields that scripts rely on, there and back.

use super::*;
use crate::NodeApi;
use crate::testing::{FakeNode, TIP_HEIGHT, genesis, head, header, payment, prefix};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use starling_primitives::{Address, Amount, BlockId, TxId};

/// The JSON of a value that reads back as the same.
fn both_ways<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: &T) -> Value {
    let json = serde_json::to_value(value).unwrap();
    assert_eq!(&serde_json::from_value::<T>(json.clone()).unwrap(), value);
    let text = serde_json::to_string(value).unwrap();
    assert_eq!(&serde_json::from_str::<T>(&text).unwrap(), value);
    json
}

fn has(json: &Value, fields: &str) {
    for field in fields.split(' ') {
        assert!(json.get(field).is_some(), "{field} is missing in {json}");
    }
}

#[tokio::test]
async fn results_have_the_fields_that_scripts_rely_on() {
    let node = FakeNode::default();
    let info = both_ways(&node.chain_info().await.unwrap());
    has(
        &info,
        "chain chain_id genesis height tip time bits work supply synced stage target_height sync warnings",
    );
    assert_eq!((&info["bits"], &info["stage"]), (&json!("207fffff"), &json!("synced")));
    assert_eq!(info["supply"], "100084000000000000000000");
    assert_eq!(info["work"], "01".repeat(32));

    let fields = "id height parent time bits nonce version miner tx_count body_bytes tx_root state_root \
                  history_root extra work confirmations canonical";
    let block = both_ways(&node.chain_get_block(BlockRef::Tip).await.unwrap());
    has(&block, fields);
    has(&block, "txs");
    let header_json = both_ways(&node.chain_get_header(BlockRef::Tip).await.unwrap());
    has(&header_json, fields);
    assert_eq!(header_json["version"], "20000000");
    assert_eq!(header_json["extra"], "746167");
    assert_eq!(header_json["id"], header(TIP_HEIGHT).id().to_string());

    let tx = &block["txs"][0];
    has(tx, "txid wtxid from nonce fee valid_until outputs memo size");
    assert_eq!((&tx["memo"], &tx["size"]), (&json!("6869"), &json!(171)));
    let to = Address::new([2; 20]).to_text(&prefix());
    assert_eq!(tx["outputs"], json!([{"to": to, "amount": "1500000000000000000"}]));

    let report = both_ways(&node.tx_get(payment(0).txid(&genesis())).await.unwrap());
    has(&report, "tx status block height confirmations events reversal_risk");
    assert_eq!(report["events"], json!([{"time": 5, "what": "announced", "peers": 3}]));
    assert_eq!(report["status"], "mined");
    let unknown = both_ways(&node.tx_get(TxId::ZERO).await.unwrap());
    assert_eq!((&unknown["status"], &unknown["block"]), (&json!("unknown"), &Value::Null));
    assert_eq!(unknown["reversal_risk"], json!({"10": 1.0, "25": 1.0, "30": 1.0}));

    let account = both_ways(&node.account_get(Address::new([1; 20])).await.unwrap());
    has(&account, "address balance nonce pending_balance pending_nonce");
    assert_eq!(account["balance"], Amount::MAX.motes().to_string());
    has(&both_ways(&node.mempool_info().await.unwrap()), "count bytes max_bytes floor");
    has(&both_ways(&node.net_info().await.unwrap()), "peer_id listen external reachable peers");
    let peers = both_ways(&node.net_peers().await.unwrap());
    has(&peers[0], "peer_id address direction slot agent height score latency_ms");
    assert_eq!(peers[0]["direction"], "inbound");
    let fee = both_ways(&node.tx_estimate_fee().await.unwrap());
    assert_eq!(fee, json!({"per_byte": {"1": "3", "3": "2", "10": "1"}, "floor": "1"}));
    has(&both_ways(&node.node_status().await.unwrap()), "version chain mempool net mining");
}

#[tokio::test]
async fn proofs_have_the_fields_that_scripts_rely_on() {
    let node = FakeNode::default();
    let account = Address::new([1; 20]);
    let proof = |height| node.account_get_proof(account, BlockRef::Height(height));
    let (present, beside, absent) =
        (proof(0).await.unwrap(), proof(1).await.unwrap(), proof(2).await.unwrap());
    let [present, beside, absent] = [present, beside, absent].map(|proof| both_ways(&proof));
    has(&present, "block header key value other depth_bitmap siblings");
    assert_eq!((&present["value"], &present["other"]), (&json!("01".repeat(23)), &Value::Null));
    assert_eq!(beside["other"], json!({"key": "02".repeat(32), "value": "03".repeat(23)}));
    assert_eq!((&absent["value"], &absent["other"]), (&Value::Null, &Value::Null));
    assert_eq!(absent["block"], header(2).id().to_string());
    assert_eq!(absent["header"], crate::to_hex(&header(2).encode()));
    assert_eq!(absent["siblings"], json!(["04".repeat(32), "05".repeat(32)]));
    assert_eq!(absent["depth_bitmap"], "80".repeat(32));

    let tx = both_ways(&node.tx_get_proof(payment(0).txid(&genesis())).await.unwrap());
    has(&tx, "block header index count wtxid siblings");
    let history = both_ways(&node.history_get_proof(BlockRef::Height(0)).await.unwrap());
    has(&history, "tip_header leaf index count siblings right_bag left_peaks");
    has(&history["leaf"], "id height time bits work");
    assert_eq!(
        (&history["right_bag"], &history["leaf"]["bits"]),
        (&json!("06".repeat(32)), &json!("207fffff"))
    );
    let last = both_ways(&node.history_get_proof(BlockRef::Height(6)).await.unwrap());
    assert_eq!((&last["right_bag"], &last["left_peaks"]), (&Value::Null, &json!(["08".repeat(32)])));
}

#[test]
fn events_tell_gaps_from_items() {
    let missed: Event<Head> = serde_json::from_value(json!({"missed": 3})).unwrap();
    assert_eq!(missed, Event::Missed { missed: 3 });
    assert_eq!(both_ways(&missed), json!({"missed": 3}));
    assert_eq!(both_ways(&Event::Item(head(1)))["height"], 1);
}

#[test]
fn blocks_are_named_by_height_id_or_tip() {
    let id = header(3).id();
    let cases = [
        (BlockRef::Height(7), json!(7), "7"),
        (BlockRef::Tip, json!("tip"), "tip"),
        (BlockRef::Id(id), json!(id.to_string()), &id.to_string()),
    ];
    for (block, value, text) in cases {
        assert_eq!(both_ways(&block), value);
        assert_eq!((block.to_string().as_str(), text.parse()), (text, Ok(block)));
    }
    for wrong in [json!("7"), json!(-1), json!(1.5), json!(u64::MAX), json!(null), json!("Tip"), json!([1])] {
        assert!(serde_json::from_value::<BlockRef>(wrong.clone()).is_err(), "{wrong}");
    }
    for wrong in ["", "-1", "+1", "4294967296", "TIP", &id.to_string()[1..], &id.to_string().to_uppercase()] {
        assert!(wrong.parse::<BlockRef>().is_err(), "{wrong}");
    }
}

#[test]
fn numbers_have_one_form() {
    let account = |balance: &str| {
        let rest = r#""address":"a","nonce":0,"pending_balance":"0","pending_nonce":0"#;
        serde_json::from_str::<Account>(&format!(r#"{{{rest},"balance":{balance}}}"#)).is_ok()
    };
    assert!(account("\"10\""));
    for wrong in ["10", "\"1.5\"", "\"01\"", "\"-1\"", "\"\"", "null", "\"1267650600228229401496703205377\""]
    {
        assert!(!account(wrong), "{wrong}");
    }
    let block = |id: &str| serde_json::from_value::<Generated>(json!({"blocks": [id], "height": 1})).is_ok();
    assert!(block(&BlockId::ZERO.to_string()));
    assert!(!block("00") && !block(&"0".repeat(63)) && !block(&"A".repeat(64)));
}

#[test]
fn reversal_risk_is_that_of_the_paper() {
    // Rosenfeld 2014, table 1, in percent.
    for (confirmations, ten, thirty) in
        [(1, 20.0, 60.0), (2, 5.600, 43.200), (6, 0.059, 15.645), (10, 0.001, 6.511)]
    {
        let risk = ReversalRisk::after(confirmations);
        assert!((risk.attacker_10 * 100.0 - ten).abs() < 0.001, "{confirmations}: {risk:?}");
        assert!((risk.attacker_30 * 100.0 - thirty).abs() < 0.001, "{confirmations}: {risk:?}");
        assert!(risk.attacker_10 < risk.attacker_25 && risk.attacker_25 < risk.attacker_30);
    }
    let mut last = ReversalRisk::after(0);
    assert!((last.attacker_10 - 1.0).abs() < 1e-12);
    for confirmations in 1..300 {
        let risk = ReversalRisk::after(confirmations);
        assert!(risk.attacker_30 <= last.attacker_30 + 1e-12 && risk.attacker_30.is_finite());
        last = risk;
    }
    assert!(ReversalRisk::after(u32::MAX).attacker_30 < 1e-12);
}
