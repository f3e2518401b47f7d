//! The command line against a node: answers, errors, exit codes.

use serde_json::Value;
use starling_primitives::Amount;
use starling_tests::{Desk, Ended, Lab, Node, Pace, Payer, connect};
use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

/// A private chain, and a desk beside it.
struct Play {
    desk: Desk,
    node: Node,
}

impl Play {
    fn new(flags: &[&str]) -> Self {
        let desk = Desk::new();
        let node = Node::dev(&desk.path("dev"), flags);
        Self { desk, node }
    }

    fn run(&self, args: &[&str]) -> Ended {
        self.desk.run(&[args, &["--node", self.node.url()]].concat())
    }

    fn json(&self, args: &[&str]) -> Value {
        self.run(&[args, &["--json"]].concat()).json()
    }

    fn dev(&self, number: usize) -> &str {
        &self.node.ready().accounts[number].address
    }
}

fn motes(star: &str) -> Value {
    Amount::from_star(star).expect("an amount").motes().to_string().into()
}

#[test]
fn a_private_chain_mines_each_payment_and_answers_everything() {
    let play = Play::new(&[]);
    assert_eq!(play.node.ready().event, "ready");
    assert_eq!(play.node.ready().accounts.len(), 10);
    assert_eq!(play.json(&["balance", "dev1"])["balance"], motes("10000"));

    let to = play.dev(1).to_owned();
    let send = ["send", "--from", "dev0", "--to", &to, "--amount", "1.5", "--yes", "--wait", "1"];
    let sent = play.json(&send);
    assert_eq!(
        (&sent["status"], &sent["to"], &sent["amount"]),
        (&"mined".into(), &to.as_str().into(), &motes("1.5"))
    );
    assert_eq!(play.json(&["balance", &to])["balance"], motes("10001.5"));

    let txid = sent["txid"].as_str().expect("an id");
    let tx = play.json(&["tx", txid]);
    assert_eq!((&tx["status"], &tx["block"]), (&"mined".into(), &sent["block"]));
    let history = play.json(&["history", "dev1"]);
    assert_eq!(history["entries"][0]["txid"], txid);
    assert_eq!(history["entries"][0]["kind"], "received");
    let block = play.json(&["block", "1"]);
    assert_eq!((&block["id"], &block["txs"][0]["txid"]), (&sent["block"], &txid.into()));
    assert_eq!(play.json(&["block"])["id"], block["id"]);
    let status = play.json(&["status"]);
    assert_eq!((&status["chain"]["chain"], &status["chain"]["height"]), (&"dev".into(), &1.into()));
    assert_eq!(play.json(&["peers"]), Value::Array(vec![]));
    for args in [&["balance", "dev1"][..], &["history", "dev1"], &["tx", txid], &["block"], &["status"]] {
        let ended = play.run(args);
        assert!(!ended.out().trim().is_empty() && ended.stderr.is_empty(), "{ended:?}");
    }
    assert!(play.run(&["status"]).out().contains("makes a block for each transaction"));
}

#[test]
fn a_private_chain_with_a_block_time_mines_by_itself_and_can_be_kept() {
    let desk = Desk::new();
    let kept = desk.text("kept");
    let mut node = Node::dev(&desk.path("dev"), &["--block-time", "1", "--persist", &kept]);
    node.until_height(2);
    node.stop();
    node.restart();
    assert!(node.info().height >= 2);
    assert!(node.ready().cookie.starts_with(&kept), "{:?}", node.ready());
}

#[test]
fn a_private_chain_mines_what_has_waited_since_the_last_run() {
    let desk = Desk::new();
    let kept = desk.text("kept");
    let mut slow = Node::dev(&desk.path("slow"), &["--block-time", "100000", "--persist", &kept]);
    let to = slow.ready().accounts[1].address.clone();
    let send = ["send", "--from", "dev0", "--to", &to, "--amount", "1", "--yes", "--json"];
    let sent: Value = desk.run(&[&send[..], &["--node", slow.url()]].concat()).json();
    let txid = sent["txid"].as_str().expect("an id").parse().expect("an id");
    slow.until_pending(txid);
    slow.stop();
    let quick = Node::dev(&desk.path("quick"), &["--persist", &kept]);
    quick.until_mined(txid);
}

#[test]
fn a_memo_cannot_turn_the_text_round_or_move_the_cursor() {
    let play = Play::new(&[]);
    let memo = "paid \u{202e}lla\u{1b}[2J";
    let send = ["send", "--from", "dev0", "--to", "dev1", "--amount", "1", "--yes", "--wait", "1"];
    let sent = play.json(&[&send[..], &["--memo", memo]].concat());
    let shown = play.run(&["tx", sent["txid"].as_str().expect("an id")]);
    assert!(shown.out().contains("paid \\u{202e}lla\\u{1b}[2J"), "{shown:?}");
}

#[test]
fn a_fee_far_above_the_estimate_is_meant_or_a_slip() {
    let play = Play::new(&[]);
    let send = ["send", "--from", "dev0", "--to", "dev1", "--amount", "1", "--yes", "--fee"];
    let slip = play.run(&[&send[..], &["1000"]].concat());
    assert!(slip.failed(2).contains("--high-fee"), "{slip:?}");
    let sent = play.json(&[&send[..], &["1000", "--high-fee"]].concat());
    assert_eq!(sent["fee"], motes("1000"));
    assert_eq!(play.json(&[&send[..], &["0.1"]].concat())["fee"], motes("0.1"));
}

#[test]
fn a_command_without_a_node_says_where_it_looked() {
    let desk = Desk::new();
    for args in [&["status"][..], &["balance", "dev0"], &["block", "7"], &["peers"]] {
        let ended = desk.run(&[args, &["--node", "http://127.0.0.1:1"]].concat());
        let said = ended.failed(3);
        assert!(said.contains("http://127.0.0.1:1") && said.contains("starling run"), "{said}");
    }
    let ended = desk.run(&["status", "--node", "nonsense"]);
    assert!(ended.failed(2).contains("nonsense"), "{ended:?}");
}

#[test]
fn what_is_typed_wrong_is_named_and_nothing_is_sent() {
    let play = Play::new(&[]);
    let typo = play.dev(1).replace("dstar1q", "dstar1p");
    let send = |from: &str, to: &str, amount: &str| {
        play.run(&["send", "--from", from, "--to", to, "--amount", amount, "--yes"])
    };
    let ended = send("dev0", &typo, "1");
    assert!(ended.failed(2).contains(&typo), "{ended:?}");
    let ended = send("dev0", play.dev(1), "1,5");
    assert!(ended.failed(2).contains("1,5"), "{ended:?}");
    let ended = send("dev10", play.dev(1), "1");
    assert!(ended.failed(2).contains("dev10"), "{ended:?}");
    let poor = send("dev0", play.dev(1), "10000");
    assert_eq!(poor.code, Some(4), "{poor:?}");
    assert!(poor.stderr.lines().last().is_some_and(|line| line.contains("10000")), "{poor:?}");
    let ended = play.run(&["send", "--from", "dev0", "--to", play.dev(1), "--amount", "1"]);
    assert!(ended.failed(2).contains("--yes"), "{ended:?}");
    let ended = play.run(&["blok"]);
    assert!(ended.failed(2).contains("block"), "{ended:?}");
    let ended = play.run(&["block", "99"]);
    assert!(ended.failed(4).contains("99"), "{ended:?}");
    assert_eq!(play.node.info().height, 0);
}

#[test]
fn dev_accounts_are_of_the_private_chain_alone() {
    let lab = Lab::new(Pace::Asked, &[]);
    let node = lab.node(&[]);
    let to = Payer::new(1).text(lab.chain());
    let args = ["send", "--from", "dev0", "--to", &to, "--amount", "1", "--yes", "--node", node.url()];
    let ended = Desk::new().run(&args);
    assert!(ended.failed(2).contains("dev"), "{ended:?}");
}

/// A wallet's payment that nobody mines: the chain, its node, and the command that waits for a confirmation.
struct Unmined {
    _lab: Lab,
    _node: Node,
    desk: Desk,
    send: Vec<String>,
}

impl Unmined {
    fn new() -> Self {
        let mut alice = Payer::new(1);
        let lab = Lab::new(Pace::Asked, &[(&alice, "1000")]);
        let (node, desk) = (lab.node(&[]), Desk::new());
        let passphrase = desk.write("passphrase", "a phrase\n");
        let new = ["wallet", "new", "purse", "--chain", "dev", "--passphrase-file", &passphrase, "--json"];
        let made: Value = desk.run(&new).json();
        let prefix = &lab.chain().params.prefix;
        let owner =
            starling_primitives::Address::from_text(made["address"].as_str().expect("a text"), prefix);
        node.submit(&alice.pay(lab.chain(), owner.expect("an address"), "10"));
        node.generate(1, &super::miner(&lab, 1));
        let to = Payer::new(2).text(lab.chain());
        let send = ["send", "--to", &to, "--amount", "1", "--yes", "--wait", "1", "--json"];
        let more = ["--passphrase-file", &passphrase, "--node", node.url()];
        let send = send.into_iter().chain(more).map(str::to_owned).collect();
        Self { _lab: lab, _node: node, desk, send }
    }

    fn command<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        self.send.iter().map(String::as_str).chain(more.iter().copied()).collect()
    }
}

#[test]
fn waiting_ends_when_the_time_is_over() {
    let unmined = Unmined::new();
    let ended = unmined.desk.run(&unmined.command(&["--timeout", "1"]));
    assert_eq!(ended.code, Some(6), "{ended:?}");
    let sent: Value = serde_json::from_str(&ended.stdout).expect("what is known is printed");
    assert_eq!(sent["status"], "pending");
}

#[test]
fn waiting_ends_by_ctrl_c() {
    let unmined = Unmined::new();
    let mut command = unmined.desk.command(&unmined.command(&[]));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts");
    // It tells the payment's way while it waits.
    let mut said = BufReader::new(child.stderr.take().expect("it was piped"));
    let mut line = String::new();
    while !line.contains(" accepted") {
        line.clear();
        assert_ne!(said.read_line(&mut line).expect("it writes text"), 0, "it ended by itself");
    }
    let ended = Ended::interrupted(child, "send".to_owned());
    let mut rest = String::new();
    said.read_to_string(&mut rest).expect("it writes text");
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert!(rest.contains("starling tx "), "{rest}");
}

#[test]
fn peers_are_shown_on_both_sides() {
    let lab = Lab::new(Pace::Asked, &[]);
    let nodes = [lab.node(&[]), lab.node(&[])];
    connect(&nodes[0], &nodes[1]);
    let desk = Desk::new();
    for (node, peer, direction) in [(0, 1, "outbound"), (1, 0, "inbound")] {
        let shown: Value = desk.run(&["peers", "--node", nodes[node].url(), "--json"]).json();
        assert_eq!(shown.as_array().map(Vec::len), Some(1), "{shown}");
        assert_eq!(shown[0]["peer_id"], nodes[peer].ready().peer_id.as_str());
        assert_eq!(shown[0]["direction"], direction);
        let text = desk.run(&["peers", "--node", nodes[node].url()]);
        assert!(text.out().contains(&nodes[peer].ready().peer_id), "{text:?}");
    }
}

#[test]
fn a_configuration_is_begun_shown_and_checked() {
    let desk = Desk::new();
    let data = desk.text("node");
    desk.run(&["config", "init", "--data-dir", &data]).out();
    let again = desk.run(&["config", "init", "--data-dir", &data]);
    assert!(again.failed(1).contains("starling.toml"), "{again:?}");
    desk.run(&["config", "check", "--data-dir", &data]).out();
    desk.write("node/starling.toml", "rpc = \"127.0.0.1:18645\"\nno_mdns = true\n");
    let args = ["config", "show", "--effective", "--data-dir", &data, "--threads", "2", "--json"];
    let shown: Value = desk.run(&args).json();
    assert_eq!(shown["rpc"]["value"], "127.0.0.1:18645");
    assert!(
        shown["rpc"]["origin"].as_str().is_some_and(|origin| origin.contains("starling.toml")),
        "{shown}"
    );
    assert_eq!(shown["threads"]["value"], 2);
    assert!(
        shown["threads"]["origin"].as_str().is_some_and(|origin| origin.contains("--threads")),
        "{shown}"
    );
    let mut command = desk.command(&["config", "show", "--data-dir", &data, "--json"]);
    let command = command.env("STARLING_RPC", "127.0.0.1:18646");
    let output = command.output().expect("the binary starts");
    let shown: Value = serde_json::from_slice(&output.stdout).expect("it prints JSON");
    assert_eq!(shown["rpc"]["value"], "127.0.0.1:18646");
}
