//! Metrics on their own port: what is documented is served, what is served is documented, and the numbers are
//! those that JSON-RPC tells.

use super::miner;
use starling_tests::{Desk, Lab, Node, Pace, Payer, connect, http, until, wait};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

/// What a node serves: the value of each line by its name and labels.
pub(super) fn metrics(node: &Node) -> BTreeMap<String, f64> {
    let url = node.ready().metrics.as_deref().expect("metrics are served");
    let address = url.strip_prefix("http://").and_then(|rest| rest.strip_suffix("/metrics"));
    let mut address: SocketAddr = address.and_then(|address| address.parse().ok()).expect("an address");
    if address.ip().is_unspecified() {
        address.set_ip(node.rpc_port().ip());
    }
    let said = http::exchange(address, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    let (head, text) = said.split_once("\r\n\r\n").expect("a head and a body");
    assert!(head.starts_with("HTTP/1.1 200") && text.ends_with("# EOF\n"), "{said}");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let values = lines.map(|line| {
        let (name, value) = line.rsplit_once(' ').expect("a name and a value");
        (name.to_owned(), value.parse().expect("a number"))
    });
    values.collect()
}

/// A number that a node's metrics have under this name.
pub(super) fn metric(node: &Node, name: &str) -> f64 {
    let all = metrics(node);
    all.iter().filter(|(line, _)| line.starts_with(name)).map(|(_, value)| value).sum()
}

fn documented() -> BTreeSet<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/metrics.md");
    let page = fs::read_to_string(page).expect("the page is there");
    let names = page.lines().filter_map(|line| line.strip_prefix("| `starling_")?.split('`').next());
    names.map(|name| format!("starling_{name}")).collect()
}

#[test]
fn what_is_documented_is_served_and_nothing_else_of_ours() {
    let lab = Lab::new(Pace::Asked, &[]);
    let node = lab.node(&["--metrics", "127.0.0.1:0"]);
    node.generate(1, &miner(&lab, 1));
    let served = metrics(&node);
    let name = |line: &String| line.split('{').next().unwrap_or_default().to_owned();
    let ours: BTreeSet<String> =
        served.keys().map(name).filter(|name| name.starts_with("starling_")).collect();
    assert_eq!(ours, documented());
    let gossip: Vec<_> = served.keys().filter(|name| name.starts_with("libp2p_gossipsub_")).collect();
    assert!(gossip.iter().any(|name| name.contains("block/1")), "{gossip:?}");
}

#[test]
fn the_numbers_are_those_of_the_node() {
    let mut alice = Payer::new(1);
    let lab = Lab::new(Pace::Asked, &[(&alice, "1000")]);
    let nodes = [lab.node(&["--metrics", "127.0.0.1:0"]), lab.node(&[])];
    connect(&nodes[0], &nodes[1]);
    nodes[0].generate(3, &miner(&lab, 1));
    nodes[0].submit(&alice.pay(lab.chain(), Payer::new(2).address(), "1"));
    until("gossip has sent a block and a payment", || {
        let now = metrics(&nodes[0]);
        let sent = |topic: &str| {
            now[&format!("starling_network_messages_total{{protocol=\"{topic}\",direction=\"out\"}}")]
        };
        if sent("push/1") + sent("tx/1") > 0.0 { Ok(()) } else { Err(format!("{now:?}")) }
    });
    let now = metrics(&nodes[0]);
    assert_eq!((now["starling_chain_height"], now["starling_chain_connected_blocks_total"]), (3.0, 3.0));
    assert_eq!(now["starling_chain_disconnected_blocks_total"], 0.0);
    assert_eq!(now["starling_mempool_transactions{state=\"executable\"}"], 1.0);
    let peers: f64 = ["inbound", "outbound"]
        .map(|direction| now[&format!("starling_peers{{direction=\"{direction}\"}}")])
        .iter()
        .sum();
    assert_eq!(peers, 1.0);
    assert_eq!(now["starling_rpc_calls_total{method=\"tx_submit\"}"], 1.0);
    assert!(wait(nodes[0].rpc().tx_submit("zz")).is_err());
    until("the error is counted", || {
        let now = metrics(&nodes[0]);
        let errors = now["starling_rpc_errors_total{method=\"tx_submit\"}"];
        if errors == 1.0 { Ok(()) } else { Err(format!("{errors}")) }
    });
    assert!(now["starling_process_resident_bytes"] > 1e6 && now["starling_ledger_written_bytes_total"] > 1e3);
}

#[test]
fn a_port_that_is_taken_is_told_and_none_is_opened_unasked() {
    let lab = Lab::new(Pace::Asked, &[]);
    let node = lab.node(&["--metrics", "127.0.0.1:0"]);
    let taken = node.ready().metrics.clone().expect("metrics are served");
    let taken = taken.trim_start_matches("http://").trim_end_matches("/metrics");
    let data = Desk::new().path("data");
    let not = Node::attempt(&lab.file(), &data, &["--metrics", taken]).err().expect("the port is taken");
    assert_eq!(not.code, Some(2), "{}", not.said);
    assert!(not.said.contains("--metrics") && not.said.contains(taken), "{}", not.said);
    let not = Node::attempt(&lab.file(), &data, &["--metrics", "9645"]).err().expect("no address");
    assert!(not.code == Some(2) && not.said.contains("127.0.0.1:9645"), "{}", not.said);
    assert_eq!(lab.node(&[]).ready().metrics, None);
}
