//! The server over real sockets, with a fake node behind it.

mod crowds;
mod errors;

use super::handlers::module;
use super::{Server, ServerConfig, ServerError, ServerHandle, ServerLimits, ServerShared};
use crate::hex::to_hex;
use crate::limits::{MAX_BATCH_CALLS, MAX_BODY_BYTES, MAX_MESSAGE_BYTES};
use crate::methods::{METHODS, discover};
use crate::testing::{EVENTS_KEPT, FakeNode, TIP_HEIGHT, address, head, header, payment, prefix};
use crate::types::{Event, Head};
use crate::{Client, ClientError};
use jsonrpsee::core::client::{ClientT, Subscription, SubscriptionClientT};
use jsonrpsee::rpc_params;
use jsonrpsee::ws_client::{HeaderMap, HeaderValue, WsClient, WsClientBuilder};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const TOKEN: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
/// The headers that ask for a WebSocket.
const UPGRADE: &str = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                       sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
/// Longer than anything here may take.
const DEADLINE: Duration = Duration::from_secs(30);

fn config() -> ServerConfig {
    let mut config = ServerConfig::new(SocketAddr::from(([127, 0, 0, 1], 0)), prefix());
    config.token = Some(TOKEN.to_owned());
    config.cookie = Some("/data/rpc.cookie".into());
    config
}

fn limited(limits: ServerLimits) -> ServerConfig {
    ServerConfig { limits, ..config() }
}

async fn start(config: ServerConfig) -> (ServerHandle, Arc<FakeNode>) {
    let node = Arc::new(FakeNode::default());
    (Server::start(config, node.clone()).await.unwrap(), node)
}

/// Sends raw bytes and reads until the server closes.
async fn raw(server: &ServerHandle, request: &[u8]) -> String {
    let mut socket = TcpStream::connect(server.local_addr).await.unwrap();
    // A server that refuses early may close before everything is written.
    let _ = socket.write_all(request).await;
    let mut answer = Vec::new();
    let _ = timeout(DEADLINE, socket.read_to_end(&mut answer)).await.expect("the server closes");
    String::from_utf8(answer).unwrap()
}

fn post_head(length: usize, more: &str) -> String {
    format!(
        "POST / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n{more}\r\n"
    )
}

/// Posts a body and gives status and JSON of the answer.
async fn post_with(server: &ServerHandle, body: &str, more: &str) -> (u16, Value) {
    let answer = raw(server, (post_head(body.len(), more) + body).as_bytes()).await;
    let status = answer[9..12].parse().unwrap();
    let (_, json) = answer.split_once("\r\n\r\n").unwrap();
    (status, serde_json::from_str(json).unwrap_or(Value::Null))
}

async fn post(server: &ServerHandle, body: &str) -> Value {
    post_with(server, body, "").await.1
}

fn request(method: &str, params: Value) -> String {
    json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string()
}

async fn call(server: &ServerHandle, method: &str, params: Value) -> Value {
    post(server, &request(method, params)).await
}

fn code(answer: &Value) -> &str {
    answer["error"]["data"]["code"].as_str().unwrap_or_default()
}

async fn websocket(server: &ServerHandle, token: Option<&str>) -> WsClient {
    let mut headers = HeaderMap::new();
    if let Some(token) = token {
        headers.insert("authorization", HeaderValue::from_str(&format!("Bearer {token}")).unwrap());
    }
    let url = format!("ws://{}", server.local_addr);
    WsClientBuilder::default().set_headers(headers).build(url).await.unwrap()
}

async fn heads(client: &WsClient) -> Subscription<Event<Head>> {
    client.subscribe("subscribe_heads", rpc_params![], "unsubscribe_heads").await.unwrap()
}

#[tokio::test]
async fn what_is_registered_is_what_discover_prints() {
    let shared = Arc::new(ServerShared::new(config()));
    let module = module(Arc::new(FakeNode::default()), shared);
    let registered: BTreeSet<&str> = module.method_names().collect();
    assert_eq!(registered, METHODS.iter().map(|method| method.name).collect());

    let (server, _) = start(config()).await;
    let answer = call(&server, "rpc.discover", json!([])).await;
    assert_eq!(answer["result"], serde_json::to_value(discover()).unwrap());
    let names: BTreeSet<&str> =
        answer["result"]["methods"].as_array().unwrap().iter().map(|m| m["name"].as_str().unwrap()).collect();
    assert_eq!(names, registered);
}

#[tokio::test]
async fn parameters_work_by_position_and_by_name() {
    let (server, _) = start(config()).await;
    for params in [json!([7]), json!({"block": 7}), json!(["tip"]), json!([header(7).id().to_string()])] {
        let answer = call(&server, "chain_getHeader", params).await;
        assert_eq!(answer["result"]["height"], TIP_HEIGHT, "{answer}");
    }
    let raw = call(&server, "chain_getRaw", json!(["tip"])).await;
    assert_eq!(raw["result"], "cccccc");
    let raw = call(&server, "chain_getRaw", json!({"part": "header", "block": "tip"})).await;
    assert_eq!(raw["result"], "aaaaaa");
    let page = call(&server, "account_history", json!({"address": address(1), "cursor": null})).await;
    assert_eq!(page["result"]["entries"][0]["height"], 50);
    let without = post(&server, r#"{"jsonrpc":"2.0","id":"x","method":"chain_info"}"#).await;
    assert_eq!((&without["result"]["chain"], &without["id"]), (&json!("dev"), &json!("x")));
}

#[tokio::test]
async fn wrong_parameters_are_named() {
    let (server, _) = start(config()).await;
    let other_chain = starling_primitives::Address::new([1; 20])
        .to_text(&starling_primitives::Prefix::new("tstar").unwrap());
    let cases = [
        ("chain_getBlock", json!([]), "missing_parameter", "block"),
        ("chain_getBlock", json!({}), "missing_parameter", "block"),
        ("chain_getBlock", json!([1, 2]), "surplus_parameter", "at most 1"),
        ("chain_getBlock", json!({"block": 1, "blok": 2}), "unknown_parameter", "did you mean \"block\""),
        ("chain_getBlock", json!(["7"]), "bad_parameter", "height"),
        ("chain_getBlock", json!([-1]), "bad_parameter", "height"),
        ("chain_getBlock", json!([4_294_967_296u64]), "bad_parameter", "height"),
        ("chain_getBlock", json!([null]), "bad_parameter", "height"),
        ("chain_getBlock", json!([[[1]]]), "bad_parameter", "height"),
        ("chain_getRaw", json!(["tip", "tail"]), "bad_parameter", "header"),
        ("chain_getHeaders", json!([0, 2_001]), "out_of_range", "2000"),
        ("chain_getHeaders", json!([0, 0]), "out_of_range", "from 1"),
        ("chain_info", json!([1]), "surplus_parameter", "at most 0"),
        ("tx_get", json!(["ab"]), "bad_parameter", "64 hex digits"),
        ("tx_submit", json!(["0x00"]), "bad_hex", "hex"),
        ("tx_submit", json!(["00"]), "bad_version", "version 0"),
        ("tx_submit", json!(["00".repeat(16_385)]), "too_large", "longer"),
        ("tx_submit", json!([[1]]), "bad_parameter", "hex"),
        ("tx_submit", json!([vec!["00"; 1_001]]), "too_many_transactions", "1001"),
        ("tx_decode", json!([to_hex(&payment(0).bytes()[..100])]), "truncated", "malformed transaction"),
        ("account_get", json!(["nobody"]), "address_checksum", "typing error"),
        ("account_get", json!([other_chain]), "address_prefix", "another chain"),
        ("account_history", json!([address(1), null, 1_001]), "out_of_range", "1000"),
        ("account_history", json!([address(1), "x".repeat(129)]), "too_long", "129"),
        ("mining_getTemplate", json!([address(1), "0"]), "bad_hex", "hex"),
        ("mining_getTemplate", json!([address(1), "00".repeat(101)]), "too_long", "202"),
        ("mining_submit", json!(["00"]), "truncated", "malformed header"),
    ];
    for (method, params, expected, part) in cases {
        let answer = call(&server, method, params.clone()).await;
        let error = &answer["error"];
        assert_eq!(
            (&error["code"], code(&answer)),
            (&json!(-32602), expected),
            "{method} {params}: {answer}"
        );
        assert!(error["message"].as_str().unwrap().contains(part), "{method} {params}: {answer}");
    }
    let scalar = post(&server, r#"{"jsonrpc":"2.0","id":1,"method":"chain_getBlock","params":7}"#).await;
    assert_eq!(code(&scalar), "bad_parameters");
    let twice = r#"{"jsonrpc":"2.0","id":1,"method":"chain_getBlock","params":{"block":1,"block":2}}"#;
    assert_eq!(code(&post(&server, twice).await), "repeated_parameter");
}

#[tokio::test]
async fn unknown_methods_suggest_the_nearest() {
    let (server, _) = start(config()).await;
    let answer = call(&server, "chain_getblok", json!([])).await;
    assert_eq!(answer["error"]["code"], -32601);
    assert_eq!(code(&answer), "method_not_found");
    assert_eq!(answer["error"]["data"]["suggestion"], "chain_getBlock");
    assert!(answer["error"]["data"]["hint"].as_str().unwrap().contains("chain_getBlock"));
    let answer = call(&server, &"z".repeat(100_000), json!([])).await;
    assert_eq!(answer["error"]["code"], -32601);
    assert!(answer.to_string().len() < 1_000);
}

#[tokio::test]
async fn the_nodes_own_refusals_keep_their_shape() {
    let (server, _) = start(config()).await;
    let answer = call(&server, "chain_getBlock", json!([8])).await;
    let data = json!({"code": "block_not_found", "hint": "ask chain_info for the tip", "block": 8});
    let expected = json!({"code": -32021, "message": "there is no block 8", "data": data});
    assert_eq!(answer["error"], expected);
}

#[tokio::test]
async fn submissions_are_answered_in_order() {
    let (server, node) = start(config()).await;
    let [even, odd] = [payment(0), payment(1)].map(|tx| to_hex(tx.bytes()));
    let txid = payment(0).txid(&crate::testing::genesis()).to_string();
    let one = call(&server, "tx_submit", json!([even])).await;
    assert_eq!(one["result"], json!({"txid": txid}));
    let refused = call(&server, "tx_submit", json!({"tx": odd})).await;
    assert_eq!((&refused["error"]["code"], code(&refused)), (&json!(-32020), "nonce_too_low"));

    let many = call(&server, "tx_submit", json!([[odd, "zz", even, "", even]])).await;
    let items = many["result"].as_array().unwrap();
    let codes: Vec<_> = items.iter().map(|item| item["error"]["code"].as_str().unwrap_or("-")).collect();
    assert_eq!(codes, ["nonce_too_low", "bad_hex", "-", "truncated", "-"]);
    assert_eq!(items[0]["error"]["nonce"], 1);
    assert!(items[1]["error"]["message"].is_string());
    assert_eq!(items[4], json!({"txid": txid}));
    assert_eq!(call(&server, "tx_submit", json!([[]])).await["result"], json!([]));
    assert_eq!(node.submitted.load(Ordering::SeqCst), 5);
}

#[tokio::test]
async fn a_batch_is_checked_call_by_call() {
    let (server, _) = start(config()).await;
    let batch = json!([
        {"jsonrpc": "2.0", "id": 1, "method": "chain_info"},
        {"jsonrpc": "2.0", "method": "chain_info"},
        {"jsonrpc": "2.0", "id": 2, "method": "mining_stop"},
        {"jsonrpc": "2.0", "id": 3, "method": "chain_inf"},
        {"jsonrpc": "2.0", "id": 4, "method": "chain_getBlock", "params": {"block": 0, "x": 1}},
        {"jsonrpc": "2.0", "id": 5, "method": "subscribe_heads"},
        7,
    ]);
    let answer = post(&server, &batch.to_string()).await;
    let answers = answer.as_array().unwrap();
    assert_eq!(answers[0]["result"]["chain"], "dev");
    let codes: Vec<_> = answers[1..5].iter().map(code).collect();
    assert_eq!(codes, ["unauthorized", "method_not_found", "unknown_parameter", "needs_websocket"]);
    assert_eq!((answers.len(), &answers[5]["error"]["code"]), (6, &json!(-32600)));
}

#[tokio::test]
async fn batches_and_bodies_over_the_limit_are_refused() {
    let (server, _) = start(config()).await;
    let calls = |count: u32| {
        let one = request("chain_info", json!([]));
        format!("[{}]", vec![one; usize::try_from(count).unwrap()].join(","))
    };
    let full = post(&server, &calls(MAX_BATCH_CALLS)).await;
    assert_eq!(full.as_array().map(Vec::len), Some(1_000));
    let answer = post(&server, &calls(MAX_BATCH_CALLS + 1)).await;
    assert_eq!((&answer["error"]["code"], code(&answer)), (&json!(-32026), "batch_too_large"));

    let most = usize::try_from(MAX_BODY_BYTES).unwrap();
    let padded = |bytes: usize| {
        let call = request("chain_info", json!([]));
        format!("{call}{}", " ".repeat(bytes - call.len()))
    };
    let (status, answer) = post_with(&server, &padded(most), "").await;
    assert_eq!((status, &answer["result"]["chain"]), (200, &json!("dev")));
    // The body is sent on a socket that is read at the same time: the refusal comes before its end.
    let mut socket = TcpStream::connect(server.local_addr).await.unwrap();
    let body = post_head(most + 1, "") + &padded(most + 1);
    let (mut from, mut to) = socket.split();
    let mut answer = vec![0; 12];
    let (_, read) = tokio::join!(to.write_all(body.as_bytes()), from.read_exact(&mut answer));
    read.unwrap();
    assert_eq!(answer, b"HTTP/1.1 413");
    assert_eq!(call(&server, "chain_info", json!([])).await["result"]["chain"], "dev");
}

#[tokio::test]
async fn garbage_is_a_parse_error_and_the_server_lives() {
    let (server, _) = start(config()).await;
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let cases = [
        (String::new(), -32700),
        ("\u{0}\u{1}".to_owned(), -32700),
        ("{".to_owned(), -32700),
        ("{\"a\":1} x".to_owned(), -32700),
        ("7".to_owned(), -32600),
        ("null".to_owned(), -32600),
        ("{}".to_owned(), -32600),
        ("[]".to_owned(), -32600),
        (r#"{"jsonrpc":"1.0","id":1,"method":"chain_info"}"#.to_owned(), -32600),
        ("[".repeat(1_000_000), -32700),
        (r#"{"a":"#.repeat(200_000), -32700),
        (format!(r#"{{"jsonrpc":"2.0","id":{},"method":"chain_info"}}"#, deep(100_000)), -32600),
        (format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tx_get","params":[{}]}}"#, deep(100_000)), -32602),
        (format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tx_get","params":{}}}"#, deep(100_000)), -32602),
    ];
    for (body, expected) in cases {
        let answer = post(&server, &body).await;
        let start: String = body.chars().take(60).collect();
        assert_eq!(answer["error"]["code"], expected, "{start}: {answer}");
    }
    let nested = post(&server, &deep(100_000)).await;
    assert_eq!(nested[0]["error"]["code"], -32600, "{nested}");
    assert!(raw(&server, b"\x16\x03\x01\x02\x00 no http\r\n\r\n").await.starts_with("HTTP/1.1 400"));
    assert_eq!(call(&server, "chain_info", json!([])).await["result"]["chain"], "dev");
}

#[tokio::test]
async fn only_json_is_taken_by_post() {
    let (server, _) = start(config()).await;
    let text = "POST / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}";
    let answer = raw(&server, text.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 415") && answer.contains("application/json"), "{answer}");
    for (path, method, status) in [("/", "GET", "404"), ("/", "PUT", "405"), ("/x", "GET", "404")] {
        let request = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        let answer = raw(&server, request.as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
        assert!(answer.contains("POST JSON-RPC to /"), "{answer}");
        assert!(!answer.to_lowercase().contains("access-control"), "{answer}");
    }
}

#[tokio::test]
async fn marked_methods_need_the_token() {
    let (server, _) = start(config()).await;
    let marked: Vec<&str> = METHODS.iter().filter(|method| method.token).map(|method| method.name).collect();
    let nets = ["net_add", "net_remove", "net_ban", "net_unban"];
    assert_eq!(marked, [&["mining_start", "mining_stop", "mining_generate"][..], &nets].concat());
    for method in marked {
        let answer = call(&server, method, json!([])).await;
        assert_eq!((&answer["error"]["code"], code(&answer)), (&json!(-32022), "unauthorized"));
        let hint = answer["error"]["data"]["hint"].as_str().unwrap();
        assert!(hint.contains(" rpc.cookie ") && hint.contains("starling config show"), "{hint}");
        assert!(!answer.to_string().contains("/data"), "where it lies is not told: {answer}");
    }
    let stop = request("mining_stop", json!([]));
    for wrong in ["Bearer", "Bearer 00", "Basic abc", &format!("Bearer {TOKEN}0"), TOKEN] {
        let (_, answer) = post_with(&server, &stop, &format!("authorization: {wrong}\r\n")).await;
        assert_eq!(code(&answer), "unauthorized", "{wrong}");
    }
    let (_, answer) = post_with(&server, &stop, &format!("authorization: Bearer {TOKEN}\r\n")).await;
    assert_eq!(answer["result"]["mining"], false);

    let stranger = websocket(&server, None).await;
    assert!(stranger.request::<Value, _>("mining_stop", rpc_params![]).await.is_err());
    let operator = websocket(&server, Some(TOKEN)).await;
    assert!(operator.request::<Value, _>("mining_stop", rpc_params![]).await.is_ok());

    let (closed, _) = start(ServerConfig { token: None, ..config() }).await;
    let (_, answer) = post_with(&closed, &stop, "authorization: Bearer \r\n").await;
    assert_eq!(code(&answer), "unauthorized");
    assert_eq!(answer["error"]["data"]["hint"], "this node gives out no token");
}

#[tokio::test]
async fn foreign_hosts_and_origins_are_refused() {
    let allowed = ServerConfig {
        allowed_hosts: vec!["node.example".to_owned()],
        allowed_origins: vec!["https://pages.example".to_owned()],
        ..config()
    };
    let (server, _) = start(allowed).await;
    let port = server.local_addr.port();
    let status = async |headers: String| {
        let request = format!("GET /health HTTP/1.1\r\n{headers}connection: close\r\n\r\n");
        raw(&server, request.as_bytes()).await[9..12].to_owned()
    };
    for host in ["localhost", "LOCALHOST:1", "127.0.0.1", "[::1]:8645", "192.0.2.7:80", "node.example"] {
        assert_eq!(status(format!("host: {host}\r\n")).await, "200", "{host}");
    }
    for host in ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "", "node.example.x:1"] {
        assert_eq!(status(format!("host: {host}\r\n")).await, "403", "{host}");
    }
    assert_eq!(status(String::new()).await, "403");

    let opened = async |origin: &str| {
        let mut socket = TcpStream::connect(server.local_addr).await.unwrap();
        let request =
            format!("GET / HTTP/1.1\r\nhost: localhost:{port}\r\norigin: {origin}\r\n{UPGRADE}\r\n");
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut status = [0; 12];
        timeout(DEADLINE, socket.read_exact(&mut status)).await.unwrap().unwrap();
        String::from_utf8(status[9..].to_vec()).unwrap()
    };
    assert_eq!(opened(&format!("http://localhost:{port}")).await, "101");
    assert_eq!(opened("https://pages.example").await, "101");
    for origin in
        ["http://evil.example", "null", "http://localhost:1", "localhost", "https://pages.example.x"]
    {
        assert_eq!(opened(origin).await, "403", "{origin}");
    }
}

/// What a supervisor gets: status and JSON.
async fn get(server: &ServerHandle, path: &str) -> (u16, Value) {
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    let answer = raw(server, request.as_bytes()).await;
    let json = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    (answer[9..12].parse().unwrap(), json)
}

#[tokio::test]
async fn supervisors_see_health_and_readiness() {
    let (server, _) = start(config()).await;
    let alive = (200, json!({"alive": true}));
    assert_eq!(get(&server, "/health").await, alive);
    let mut expected = json!({"ready": true, "reason": null, "height": 7, "target_height": 7, "peers": 1,
        "seconds_since_block": 3});
    assert_eq!(get(&server, "/ready").await, (200, expected.clone()));

    let node = FakeNode { reason: Some("fetching headers".to_owned()), ..FakeNode::default() };
    let server = Server::start(config(), Arc::new(node)).await.unwrap();
    expected["ready"] = false.into();
    expected["reason"] = "fetching headers".into();
    assert_eq!(get(&server, "/ready").await, (503, expected));
    assert_eq!(get(&server, "/health").await, alive);

    let node = FakeNode { hangs: true, ..FakeNode::default() };
    let server = Server::start(config(), Arc::new(node)).await.unwrap();
    assert_eq!(get(&server, "/health").await, alive, "nobody is waited for");
    let busy = json!({"ready": false, "reason": "busy: the node has not answered within 1 s"});
    assert_eq!(get(&server, "/ready").await, (503, busy));
}

#[tokio::test]
async fn slow_heads_and_bodies_are_cut() {
    let quick = Duration::from_millis(200);
    let limits = ServerLimits { head_timeout: quick, body_timeout: quick, ..ServerLimits::default() };
    let (server, _) = start(limited(limits)).await;
    let begun = Instant::now();
    raw(&server, b"POST / HTTP/1.1\r\nhost: local").await;
    raw(&server, b"").await;
    let answer = raw(&server, (post_head(100, "") + "{").as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("body_timeout"), "{answer}");
    assert!(begun.elapsed() >= 3 * quick);
}

/// Waits until a new connection is served.
async fn until_served(server: &ServerHandle) {
    let begun = Instant::now();
    let get = b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    while !raw(server, get).await.starts_with("HTTP/1.1 200") {
        assert!(begun.elapsed() < DEADLINE, "no place is freed");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut() {
    let limits =
        ServerLimits { connections: 1, write_timeout: Duration::from_millis(200), ..ServerLimits::default() };
    let node = Arc::new(FakeNode { raw_bytes: 4 * 1024 * 1024, ..FakeNode::default() });
    let server = Server::start(limited(limits), node).await.unwrap();
    let mut socket = TcpStream::connect(server.local_addr).await.unwrap();
    let body = request("chain_getRaw", json!(["tip"]));
    let one = post_head(body.len(), "").replace("connection: close\r\n", "") + &body;
    // More than the sockets' buffers hold.
    socket.write_all(one.repeat(8).as_bytes()).await.unwrap();
    until_served(&server).await;
    drop(socket);
}

/// A WebSocket without a library, so that it can misbehave.
async fn bare_websocket(server: &ServerHandle) -> TcpStream {
    let mut socket = TcpStream::connect(server.local_addr).await.unwrap();
    let request = format!("GET / HTTP/1.1\r\nhost: localhost\r\n{UPGRADE}\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 101"));
    socket
}

/// A text frame, masked with zeros.
fn frame(text: &str) -> Vec<u8> {
    let mut frame = vec![0x81, 0xff];
    frame.extend_from_slice(&u64::try_from(text.len()).unwrap().to_be_bytes());
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(text.as_bytes());
    frame
}

/// The text of the next frame from the server.
async fn next_frame(socket: &mut TcpStream) -> String {
    let mut kind = socket.read_u8().await.unwrap();
    while kind == 0x89 {
        // An empty ping.
        socket.read_u8().await.unwrap();
        kind = socket.read_u8().await.unwrap();
    }
    assert_eq!(kind, 0x81);
    let length = match socket.read_u8().await.unwrap() {
        126 => socket.read_u16().await.unwrap().into(),
        short => usize::from(short),
    };
    let mut text = vec![0; length];
    socket.read_exact(&mut text).await.unwrap();
    String::from_utf8(text).unwrap()
}

#[tokio::test]
async fn a_websocket_that_does_not_read_is_cut() {
    let limits =
        ServerLimits { connections: 1, write_timeout: Duration::from_millis(200), ..ServerLimits::default() };
    let node = Arc::new(FakeNode { raw_bytes: 4 * 1024 * 1024, ..FakeNode::default() });
    let server = Server::start(limited(limits), node).await.unwrap();
    let mut socket = bare_websocket(&server).await;
    let call = frame(&request("chain_getRaw", json!(["tip"])));
    socket.write_all(&call.repeat(30)).await.unwrap();
    until_served(&server).await;
    drop(socket);
}

#[tokio::test]
async fn garbage_over_a_websocket_is_an_error_and_the_connection_lives() {
    let (server, _) = start(config()).await;
    let mut socket = bare_websocket(&server).await;
    let most = usize::try_from(MAX_MESSAGE_BYTES).unwrap();
    for (text, expected) in [
        ("garbage".to_owned(), -32700),
        (String::new(), -32700),
        ("[".repeat(100_000), -32700),
        ("[7]".to_owned(), -32600),
        (request("chain_inf", json!([])), -32601),
        (" ".repeat(most), -32700),
    ] {
        socket.write_all(&frame(&text)).await.unwrap();
        let answer: Value = serde_json::from_str(&next_frame(&mut socket).await).unwrap();
        let error = answer.get(0).unwrap_or(&answer);
        assert_eq!(error["error"]["code"], expected, "{answer}");
    }
    let many = format!("[{}]", vec![request("chain_info", json!([])); 1_001].join(","));
    socket.write_all(&frame(&many)).await.unwrap();
    assert!(next_frame(&mut socket).await.contains("-32010"));
    socket.write_all(&frame(r#"{"jsonrpc":"2.0","method":"chain_info"}"#)).await.unwrap();
    for empty in ["[]", r#"[{"jsonrpc":"2.0","method":"chain_info"},{"id":3}]"#] {
        socket.write_all(&frame(empty)).await.unwrap();
        assert!(next_frame(&mut socket).await.contains("\"code\":\"invalid_request\""), "{empty}");
    }
    let mut large = bare_websocket(&server).await;
    let _ = large.write_all(&frame(&" ".repeat(most + 1))).await;
    assert!(next_frame(&mut large).await.contains("-32007"));
    socket.write_all(&frame(&request("chain_info", json!([])))).await.unwrap();
    assert!(next_frame(&mut socket).await.contains("\"chain\":\"dev\""));
}

#[tokio::test]
async fn a_client_over_its_budget_waits() {
    let limits = ServerLimits { cost_per_second: 1, cost_burst: 30, ..ServerLimits::default() };
    let (server, node) = start(limited(limits)).await;
    assert!(call(&server, "chain_getBlock", json!(["tip"])).await["result"].is_object());
    let txs = vec![to_hex(payment(0).bytes()); 20];
    let answer = call(&server, "tx_submit", json!([txs])).await;
    assert_eq!((&answer["error"]["code"], code(&answer)), (&json!(-32023), "rate_limited"));
    let wait = answer["error"]["data"]["retry_after_ms"].as_u64().unwrap();
    assert!((1..=20_000).contains(&wait), "{wait}");
    assert_eq!(node.submitted.load(Ordering::SeqCst), 0);
    let (_, answer) = post_with(
        &server,
        &request("tx_submit", json!([txs])),
        &format!("authorization: Bearer {TOKEN}\r\n"),
    )
    .await;
    assert_eq!(answer["result"].as_array().map(Vec::len), Some(20));
    // Garbage is not free either.
    let mut garbage = post(&server, "garbage").await;
    for _ in 0..40 {
        garbage = post(&server, "garbage").await;
    }
    assert_eq!(code(&garbage), "rate_limited");
}

#[tokio::test]
async fn a_proof_of_the_past_costs_more_than_one_of_the_tip() {
    let limits = ServerLimits { cost_per_second: 1, cost_burst: 60, ..ServerLimits::default() };
    let (server, _) = start(limited(limits)).await;
    let past = call(&server, "account_getProof", json!([address(1), 1])).await;
    assert_eq!(code(&past), "rate_limited");
    let tip = call(&server, "account_getProof", json!({"address": address(1)})).await;
    assert!(tip["result"]["header"].is_string(), "{tip}");
}

#[tokio::test]
async fn subscriptions_deliver_and_end() {
    let (server, node) = start(config()).await;
    let client = websocket(&server, None).await;
    let mut events = heads(&client).await;
    node.heads.send(Event::Item(head(8))).unwrap();
    assert_eq!(events.next().await.unwrap().unwrap(), Event::Item(head(8)));
    events.unsubscribe().await.unwrap();
    let begun = Instant::now();
    while node.heads.receiver_count() > 0 {
        assert!(begun.elapsed() < DEADLINE, "the subscription does not end");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let params = jsonrpsee::core::params::ObjectParams::new;
    let mut by_name = params();
    by_name.insert("subscription", 1).unwrap();
    assert!(!client.request::<bool, _>("unsubscribe_heads", by_name).await.unwrap());
    assert!(client.request::<bool, _>("unsubscribe_heads", rpc_params![]).await.is_err());
    let surplus = client.subscribe::<Value, _>("subscribe_heads", rpc_params![1], "unsubscribe_heads").await;
    assert!(surplus.unwrap_err().to_string().contains("at most 0"));
}

#[tokio::test]
async fn a_slow_subscriber_learns_what_it_missed() {
    let (server, node) = start(config()).await;
    let client = websocket(&server, None).await;
    let mut events = heads(&client).await;
    // Sent in one go, without a chance for anybody to take them.
    let sent = u32::try_from(EVENTS_KEPT).unwrap() + 84;
    for height in 0..sent {
        node.heads.send(Event::Item(head(height))).unwrap();
    }
    assert_eq!(events.next().await.unwrap().unwrap(), Event::Missed { missed: 84 });
    for height in 84..sent {
        assert_eq!(events.next().await.unwrap().unwrap(), Event::Item(head(height)));
    }
}

#[tokio::test]
async fn many_calls_at_once_over_one_websocket_are_all_answered() {
    let (server, _) = start(config()).await;
    let client = websocket(&server, None).await;
    let calls = (0..200u32).map(|at| client.request::<Value, _>("chain_getHeader", rpc_params![at % 8]));
    let answers = timeout(DEADLINE, futures::future::join_all(calls)).await.unwrap();
    for (at, answer) in answers.into_iter().enumerate() {
        assert_eq!(answer.unwrap()["height"], at % 8);
    }
}

#[tokio::test]
async fn a_used_port_is_a_clear_error() {
    let (server, node) = start(config()).await;
    let again = ServerConfig { listen: server.local_addr, ..config() };
    let error = Server::start(again, node).await.unwrap_err();
    assert!(matches!(error, ServerError::PortInUse(address) if address == server.local_addr));
    assert!(error.to_string().contains("--rpc"));
    let nowhere = ServerConfig { listen: SocketAddr::from(([192, 0, 2, 1], 0)), ..config() };
    let error = Server::start(nowhere, Arc::new(FakeNode::default())).await.unwrap_err();
    assert!(matches!(error, ServerError::Listen { .. }));
}

#[tokio::test]
async fn stopping_ends_connections_and_frees_the_port() {
    let (server, node) = start(config()).await;
    let address = server.local_addr;
    let client = websocket(&server, None).await;
    let mut events = heads(&client).await;
    timeout(DEADLINE, server.stop()).await.unwrap();
    assert!(timeout(DEADLINE, events.next()).await.unwrap().is_none());
    let url = format!("http://{address}");
    let gone = Client::new(&url, None).unwrap().chain_info().await.unwrap_err();
    assert!(matches!(gone, ClientError::Unreachable { .. }), "{gone}");
    let again = Server::start(ServerConfig { listen: address, ..config() }, node).await.unwrap();
    assert_eq!(again.local_addr, address);
}
