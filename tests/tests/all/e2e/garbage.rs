//! What no honest client or peer sends, on every way in: a clear error each, and the node goes on.

use super::{miner, star};
use serde_json::{Value, json};
use starling_rpc::{ClientError, ErrorKind, to_hex};
use starling_tests::{Desk, Ended, Lab, Node, Pace, Payer, agree, connect, http, wait};
use std::fs;

/// Bytes that look like nothing.
fn noise(count: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        // Xorshift: any stream without a pattern will do.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_be_bytes()[3]
    };
    (0..count).map(|_| next()).collect()
}

/// Mines a payment, as a sign that all is well.
fn still_works(lab: &Lab, node: &Node, alice: &mut Payer) {
    let to = Payer::new(77).address();
    let before = node.balance(to);
    let payment = node.submit(&alice.pay(lab.chain(), to, "1"));
    node.generate(1, &miner(lab, 1));
    node.until_mined(payment);
    assert_eq!(Some(node.balance(to)), before.checked_add(star("1")));
}

#[test]
fn garbage_on_the_peer_port_disturbs_nobody() {
    let mut alice = Payer::new(1);
    let lab = Lab::new(Pace::Asked, &[(&alice, "1000")]);
    let (mut node, peer) = (lab.node(&[]), lab.node(&[]));
    connect(&node, &peer);
    let port = node.peer_port();
    let multistream = b"\x13/multistream/1.0.0\n";
    let sent = [
        noise(10, 1),
        noise(100_000, 2),
        vec![0; 10_000],
        vec![0xff; 10_000],
        b"GET / HTTP/1.1\r\nhost: starling\r\n\r\n".to_vec(),
        [&multistream[..], &noise(5_000, 3)].concat(),
        [&multistream[..], b"\x07/noise\n", &noise(70_000, 4)].concat(),
    ];
    std::thread::scope(|scope| {
        for bytes in &sent {
            // Whatever is answered, the connection ends.
            scope.spawn(move || drop(http::exchange(port, bytes)));
        }
    });
    still_works(&lab, &node, &mut alice);
    agree(&[&node, &peer]);
    let late = lab.node(&node.as_bootstrap());
    agree(&[&late, &node]);
    assert!(node.is_running());
}

/// Posts a body and gives the error that it must bring.
fn refused(node: &Node, body: &[u8]) -> Value {
    let (status, text) = http::post(node.rpc_port(), body);
    let answer: Value =
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{status} {error}: {text:?}"));
    assert!(
        answer["error"]["code"].is_number() && answer["error"]["data"]["code"].is_string(),
        "{status} {answer}"
    );
    answer["error"].clone()
}

fn call(method: &str, params: Value) -> Vec<u8> {
    json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string().into_bytes()
}

#[test]
fn garbage_on_rpc_is_refused_with_a_reason() {
    let mut alice = Payer::new(1);
    let lab = Lab::new(Pace::Asked, &[(&alice, "1000")]);
    let node = lab.node(&[]);
    let deep = [vec![b'['; 100_000], vec![b']'; 100_000]].concat();
    let deep_params =
        [&b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tx_get\",\"params\":"[..], &deep, b"}"].concat();
    for body in [&noise(2_000, 5)[..], b"", b"{", b"nonsense", b"7", &deep_params] {
        let error = refused(&node, body);
        assert!(matches!(error["code"].as_i64(), Some(-32700 | -32600 | -32602)), "{error}");
    }
    // An array is a batch, whose calls are looked at one by one.
    for batch in [&b"[]"[..], b"[7]", &deep] {
        let (_, answer) = http::post(node.rpc_port(), batch);
        assert!(answer.contains("-32600") || answer.contains("-32700"), "{answer}");
    }
    let (status, answer) = http::post(node.rpc_port(), &vec![b' '; (16 << 20) + 1]);
    assert_eq!(status, 413, "{answer}");
    assert!(answer.contains("body_too_large"), "{answer}");

    let error = refused(&node, &call("chain_getBlok", json!([0])));
    assert_eq!(error["code"], -32601);
    assert!(error.to_string().contains("chain_getBlock"), "{error}");
    let error = refused(&node, &call("chain_getBlock", json!({"blok": 0})));
    assert_eq!(error["code"], -32602);
    assert!(error["message"].as_str().is_some_and(|message| message.contains("\"block\"")), "{error}");
    for (method, params) in [
        ("chain_getBlock", json!([0, 1])),
        ("chain_getBlock", json!([-1])),
        ("chain_getBlock", json!([{}])),
        ("chain_getHeaders", json!([0, 1_000_000])),
        ("account_get", json!(["dstar1qqqqqq"])),
        ("account_get", json!([null])),
        ("tx_get", json!(["00"])),
        ("mining_getTemplate", json!(["nobody"])),
    ] {
        let error = refused(&node, &call(method, params));
        assert_eq!(error["code"], -32602, "{method}: {error}");
    }
    let error = refused(&node, &call("mining_start", json!([miner(&lab, 1), 1])));
    assert_eq!(error["data"]["code"], "unauthorized", "{error}");
    let batch = serde_json::to_vec(&vec![json!({"jsonrpc": "2.0", "id": 1, "method": "chain_info"}); 1_001]);
    refused(&node, &batch.expect("JSON"));
    still_works(&lab, &node, &mut alice);
}

#[test]
fn bytes_that_are_not_http_end_the_connection() {
    let mut alice = Payer::new(1);
    let lab = Lab::new(Pace::Asked, &[(&alice, "1000")]);
    let node = lab.node(&[]);
    let endless_header = [b"GET / HTTP/1.1\r\nx: ".to_vec(), vec![b'a'; 1 << 20]].concat();
    let many_headers = [b"GET / HTTP/1.1\r\n".to_vec(), b"a: b\r\n".repeat(100_000)].concat();
    let lying_length =
        b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99999999999999999999\r\n\r\n".to_vec();
    for bytes in [noise(100_000, 6), vec![0; 50_000], endless_header, many_headers, lying_length] {
        let answer = http::exchange(node.rpc_port(), &bytes);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer:?}");
    }
    let answer = http::exchange(
        node.rpc_port(),
        b"POST / HTTP/1.1\r\nhost: evil.example\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
    );
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer:?}");
    still_works(&lab, &node, &mut alice);
}

#[test]
fn garbage_as_a_transaction_is_refused_with_a_reason() {
    let mut alice = Payer::new(1);
    let lab = Lab::new(Pace::Asked, &[(&alice, "1000")]);
    let other = Lab::new(Pace::Asked, &[]);
    let node = lab.node(&[]);
    let submit = |hex: &str| match wait(node.rpc().tx_submit(hex)) {
        Err(ClientError::Refused(error)) => error,
        answer => panic!("{hex:.80}: {answer:?}"),
    };
    for hex in ["", "0", "zz", "00", "deadbeef", &to_hex(&noise(300, 7)), &"00".repeat(20_000)] {
        let error = submit(hex);
        assert_eq!(error.kind(), ErrorKind::InvalidParams, "{hex:.80}: {error:?}");
    }
    let right = alice.pay(lab.chain(), Payer::new(2).address(), "1");
    let bytes = right.bytes();
    for cut in [1, 40, bytes.len() - 1] {
        assert_eq!(submit(&to_hex(&bytes[..cut])).kind(), ErrorKind::InvalidParams);
    }
    assert_eq!(submit(&to_hex(&[bytes, &[0]].concat())).kind(), ErrorKind::InvalidParams);
    let mut forged = bytes.to_vec();
    *forged.last_mut().expect("a transaction has bytes") ^= 1;
    for (what, hex) in [
        ("forged", to_hex(&forged)),
        ("of another chain", to_hex(Payer::new(1).pay(other.chain(), Payer::new(2).address(), "1").bytes())),
        ("of nobody", to_hex(Payer::new(9).pay(lab.chain(), Payer::new(2).address(), "1").bytes())),
        ("of too much", to_hex(Payer::new(1).pay(lab.chain(), Payer::new(2).address(), "1000").bytes())),
    ] {
        let error = submit(&hex);
        assert_eq!(error.kind(), ErrorKind::Refused, "{what}: {error:?}");
        assert!(!error.code().is_empty() && !error.message().is_empty(), "{what}: {error:?}");
    }
    assert_eq!(wait(node.rpc().mempool_info()).expect("a running node answers").count, 0);
    still_works(&lab, &node, &mut Payer::new(1));
}

fn run(desk: &Desk, chain: &str) -> Ended {
    let args =
        ["run", "--chain", chain, "--data-dir", &desk.text("never"), "--rpc", "127.0.0.1:0", "--no-mdns"];
    desk.run(&[&args[..], &["--listen", "/ip4/127.0.0.1/tcp/0"]].concat())
}

#[test]
fn garbage_as_a_chain_file_is_refused_with_a_reason() {
    let lab = Lab::new(Pace::Asked, &[]);
    let right = fs::read_to_string(lab.file()).expect("it was written");
    let desk = Desk::new();
    let other_subsidy = right.replace("subsidy = \"12\"", "subsidy = \"13\"");
    assert_ne!(other_subsidy, right);
    let cases = [
        ("noise.toml", noise(4_000, 8), "noise.toml"),
        ("empty.toml", vec![], "empty.toml"),
        ("half.toml", right.as_bytes()[..right.len() / 2].to_vec(), "half.toml"),
        ("touched.toml", other_subsidy.into_bytes(), "genesis"),
        ("misspelt.toml", right.replace("interval", "intervall").into_bytes(), "intervall"),
        ("huge.toml", vec![b'#'; (16 << 20) + 1], "bytes"),
    ];
    for (name, bytes, clue) in cases {
        let file = desk.write(name, bytes);
        for ended in [run(&desk, &file), desk.run(&["chain", "show", &file])] {
            assert!(ended.failed(2).contains(clue), "{ended:?}");
        }
    }
    let ended = run(&desk, &desk.text("missing.toml"));
    assert!(ended.failed(2).contains("starling chain new"), "{ended:?}");
    assert!(!desk.path("never").exists(), "nothing is made for a chain that cannot be read");
}

#[test]
fn garbage_as_a_configuration_is_refused_with_a_reason() {
    let desk = Desk::new();
    let data = desk.text("node");
    let cases = [
        ("rpcc = \"127.0.0.1:1\"\n", "\"rpc\""),
        ("rpc = 5\n", "rpc"),
        ("rpc = \"nonsense\"\n", "nonsense"),
        ("threads = -1\n", "threads"),
        ("mine = true\n", "payout"),
        ("= = =\n", "line 1"),
        ("listen = [\"/ip4/nonsense\"]\n", "nonsense"),
        ("bootstrap = [\"/ip4/192.0.2.1/tcp/1/p2p/12D3KooW\"]\n", "whole /p2p/PEER_ID"),
        ("metrics = \"nonsense\"\n", "nonsense"),
        ("link_delay = 60000\n", "10000"),
        ("upload_limit = \"1MB\"\n", "MiB"),
        ("upload_limit = \"1KiB\"\n", "the least"),
    ];
    for (text, clue) in cases {
        desk.write("node/starling.toml", text);
        for command in [&["run"][..], &["config", "check"]] {
            let ended = desk.run(&[command, &["--data-dir", &data]].concat());
            assert!(ended.failed(2).contains(clue), "{text}: {ended:?}");
        }
    }
    desk.write("node/starling.toml", noise(4_000, 9));
    let ended = desk.run(&["run", "--data-dir", &data]);
    assert!(ended.failed(2).contains("starling.toml"), "{ended:?}");

    let mut command = desk.command(&["config", "check", "--data-dir", &desk.text("other")]);
    let output = command.env("STARLING_RCP", "127.0.0.1:1").output().expect("the binary starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && said.contains("STARLING_RPC"), "{output:?}");
    let ended = desk.run(&["run", "--prot", "1"]);
    assert!(ended.failed(2).contains("--help"), "{ended:?}");
    let ended = desk.run(&["run", "--upload-limit", "-5"]);
    assert!(ended.failed(2).contains("500KiB"), "{ended:?}");
}
