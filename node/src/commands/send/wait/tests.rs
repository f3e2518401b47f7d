//! When a goal is reached, and when it never will be.

use super::{Watch, verdict};
use crate::cli::WaitFor;
use serde_json::json;
use starling_primitives::TxId;
use starling_rpc::Client;
use starling_rpc::types::{ReversalRisk, TxEvent, TxReport, TxStatus};
use std::time::Duration;

fn report(status: TxStatus, confirmations: u32) -> TxReport {
    let event: TxEvent =
        serde_json::from_value(json!({"time": 1, "what": "evicted", "reason": "full"})).unwrap();
    TxReport {
        tx: None,
        status,
        block: None,
        height: None,
        confirmations,
        events: vec![event],
        reversal_risk: ReversalRisk::after(confirmations),
    }
}

#[test]
fn goals_are_reached_at_their_confirmations() {
    let reached = |goal, confirmations| verdict(goal, &report(TxStatus::Mined, confirmations)).unwrap();
    assert!(verdict(WaitFor::Seen, &report(TxStatus::Pending, 0)).unwrap());
    assert!(!verdict(WaitFor::Seen, &report(TxStatus::Unknown, 0)).unwrap());
    assert!(!verdict(WaitFor::One, &report(TxStatus::Pending, 0)).unwrap());
    assert!(reached(WaitFor::Seen, 1) && reached(WaitFor::One, 1));
    assert!(!reached(WaitFor::Six, 5) && reached(WaitFor::Six, 6));
    let safe = (1..100).find(|&confirmations| reached(WaitFor::Safe, confirmations)).unwrap();
    assert!(
        ReversalRisk::after(safe).attacker_30 < 0.001 && ReversalRisk::after(safe - 1).attacker_30 >= 0.001
    );
}

#[test]
fn a_dropped_transaction_ends_the_wait_with_its_reason() {
    let failure = verdict(WaitFor::Safe, &report(TxStatus::Dropped, 0)).unwrap_err();
    assert_eq!(failure.code(), 4);
    assert!(failure.message().contains("evicted reason full"), "{}", failure.message());
}

#[tokio::test]
async fn an_unreachable_node_is_asked_until_the_time_is_over() {
    // A port that was free a moment ago and that nothing listens on.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let client = Client::new(&format!("http://127.0.0.1:{port}"), None).unwrap();
    let mut watch = Watch::new(TxId::ZERO, WaitFor::One);
    let failure = watch.within(&client, Duration::from_millis(50)).await.unwrap_err();
    assert_eq!(failure.code(), 6);
    assert!(watch.report().is_none());
}
