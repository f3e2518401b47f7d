//! Every refusal says what it is and what to do; what has no id is not answered.

use super::*;
use crate::limits::MAX_ANSWER_BYTES;

/// A body that is refused, and the number and name of the refusal.
type Case = (String, i32, &'static str);

/// Calls that are refused for their parameters.
fn misparametered() -> Vec<Case> {
    let other_chain = starling_primitives::Address::new([1; 20])
        .to_text(&starling_primitives::Prefix::new("tstar").unwrap());
    [
        ("chain_getBlock", json!([]), "missing_parameter"),
        ("chain_getBlock", json!([1, 2]), "surplus_parameter"),
        ("chain_getBlock", json!({"block": 1, "blok": 2}), "unknown_parameter"),
        ("chain_getBlock", json!(7), "bad_parameters"),
        ("chain_getBlock", json!(["7"]), "bad_parameter"),
        ("chain_getHeaders", json!([0, 2_001]), "out_of_range"),
        ("tx_submit", json!(["0x00"]), "bad_hex"),
        ("tx_submit", json!(["00"]), "bad_version"),
        ("tx_submit", json!(["00".repeat(16_385)]), "too_large"),
        ("tx_submit", json!([vec!["00"; 1_001]]), "too_many_transactions"),
        ("tx_decode", json!([to_hex(&payment(0).bytes()[..100])]), "truncated"),
        ("account_get", json!(["nobody"]), "address_checksum"),
        ("account_get", json!([other_chain]), "address_prefix"),
        ("account_history", json!([address(1), "x".repeat(129)]), "too_long"),
        ("mining_submit", json!(["00"]), "truncated"),
    ]
    .map(|(method, params, code)| (request(method, params), -32602, code))
    .into()
}

/// Everything else that a body can be refused for.
fn refused() -> Vec<Case> {
    let info = request("chain_info", json!([]));
    let calls = |count: usize| format!("[{}]", vec![info.as_str(); count].join(","));
    let twice = r#"{"jsonrpc":"2.0","id":1,"method":"chain_getBlock","params":{"block":1,"block":2}}"#;
    let plain = |text: &str, number, code| (text.to_owned(), number, code);
    let mut cases = vec![
        plain("", -32700, "parse_error"),
        plain("{", -32700, "parse_error"),
        plain("7", -32600, "invalid_request"),
        plain("{}", -32600, "invalid_request"),
        plain("[]", -32600, "invalid_request"),
        plain("[ ]", -32600, "invalid_request"),
        plain(r#"{"jsonrpc":"1.0","id":1,"method":"chain_info"}"#, -32600, "invalid_request"),
        plain(r#"{"jsonrpc":"2.0","id":[1],"method":"chain_info"}"#, -32600, "invalid_request"),
        plain(r#"{"jsonrpc":"2.0","id":1}"#, -32600, "invalid_request"),
        plain(twice, -32602, "repeated_parameter"),
        (calls(1_001), -32026, "batch_too_large"),
        (request("chain_inf", json!([])), -32601, "method_not_found"),
        (request("zzzzzzzzzz", json!([])), -32601, "method_not_found"),
        (request("mining_stop", json!([])), -32022, "unauthorized"),
        (request("subscribe_heads", json!([])), -32025, "needs_websocket"),
        (request("chain_getBlock", json!([8])), -32021, "block_not_found"),
        (request("tx_submit", json!([to_hex(payment(1).bytes())])), -32020, "nonce_too_low"),
    ];
    cases.extend(misparametered());
    cases
}

/// Holds an error against its promise: a number, a name, a message and what to do.
fn check(answer: &Value, number: i32, expected: &str) {
    assert_eq!((&answer["error"]["code"], code(answer)), (&json!(number), expected), "{answer}");
    for text in [&answer["error"]["message"], &answer["error"]["data"]["hint"]] {
        assert!(text.as_str().is_some_and(|text| !text.is_empty()), "{answer}");
    }
}

#[tokio::test]
async fn every_error_names_itself_and_the_way_out() {
    let (server, _) = start(config()).await;
    for (body, number, expected) in refused() {
        check(&post(&server, &body).await, number, expected);
        // In a batch, the library takes a call with a broken id for a notification.
        if body.starts_with("{\"") && !body.contains(r#""id":[1]"#) {
            let batch = post(&server, &format!("[{body}]")).await;
            check(&batch[0], number, expected);
        }
    }
    let mixed = post(&server, &format!("[7,{}]", request("chain_info", json!([])))).await;
    check(&mixed[0], -32600, "invalid_request");
    assert_eq!(mixed[1]["result"]["chain"], "dev");
}

#[tokio::test]
async fn invalid_requests_are_answered_to_their_id() {
    let (server, _) = start(config()).await;
    let answer = post(&server, r#"{"jsonrpc":"2.0","id":"a","method":7}"#).await;
    check(&answer, -32600, "invalid_request");
    assert_eq!(answer["id"], "a");
    let answer = post(&server, r#"[{"jsonrpc":"2.0","id":"b","method":7}]"#).await;
    assert_eq!(answer[0]["id"], "b");
    // However much white space stands before it.
    let late = " \n".repeat(500) + &request("chain_info", json!([]));
    assert_eq!(post(&server, &late).await["result"]["chain"], "dev");
}

#[tokio::test]
async fn limits_of_answers_and_subscriptions_are_named() {
    let most = usize::try_from(MAX_ANSWER_BYTES).unwrap();
    let node = FakeNode { raw_bytes: most / 2, ..FakeNode::default() };
    let server = Server::start(config(), Arc::new(node)).await.unwrap();
    check(&call(&server, "chain_getRaw", json!(["tip"])).await, -32026, "answer_too_large");
    let node = FakeNode { raw_bytes: most / 4, ..FakeNode::default() };
    let server = Server::start(config(), Arc::new(node)).await.unwrap();
    let one = request("chain_getRaw", json!(["tip"]));
    check(&post(&server, &format!("[{one},{one},{one}]")).await, -32026, "answer_too_large");

    let mut socket = bare_websocket(&server).await;
    for _ in 0..crate::server::MAX_SUBSCRIPTIONS {
        socket.write_all(&frame(&request("subscribe_heads", json!([])))).await.unwrap();
        assert!(next_frame(&mut socket).await.contains("result"));
    }
    socket.write_all(&frame(&request("subscribe_heads", json!([])))).await.unwrap();
    let answer: Value = serde_json::from_str(&next_frame(&mut socket).await).unwrap();
    check(&answer, -32025, "too_many_subscriptions");
}

#[tokio::test]
async fn what_http_itself_refuses_is_named_too() {
    let limits = ServerLimits { body_timeout: Duration::from_millis(100), ..ServerLimits::default() };
    let (server, _) = start(limited(limits)).await;
    let (status, answer) = get(&server, "/nothing").await;
    assert_eq!((status, &answer["error"]["code"]), (404, &json!("not_found")));
    assert!(answer["error"]["hint"].as_str().unwrap().contains("POST JSON-RPC to /"));
    let text = "POST / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}";
    for (request, number, expected) in
        [(text.to_owned(), -32600, "bad_content_type"), (post_head(9, ""), -32600, "body_timeout")]
    {
        let answer = raw(&server, request.as_bytes()).await;
        let json = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
        check(&json, number, expected);
    }
}

#[tokio::test]
async fn notifications_are_not_answered() {
    let (server, _) = start(config()).await;
    let one = r#"{"jsonrpc":"2.0","method":"chain_info"}"#;
    for body in [one.to_owned(), format!("[{one}]"), format!("[{one},{one}]")] {
        let answer = raw(&server, (post_head(body.len(), "") + &body).as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 204") && answer.ends_with("\r\n\r\n"), "{answer}");
    }
    let mixed = post(&server, &format!("[{one},{}]", request("chain_info", json!([])))).await;
    assert_eq!((mixed.as_array().map(Vec::len), &mixed[0]["id"]), (Some(1), &json!(1)));
}

#[tokio::test]
async fn the_refusal_of_a_long_body_reaches_who_writes_all_before_reading() {
    let (server, _) = start(config()).await;
    let body = vec![b' '; 20_000_000];
    for head in
        [post_head(body.len(), ""), post_head(body.len(), "").replace("application/json", "text/plain")]
    {
        let mut socket = TcpStream::connect(server.local_addr).await.unwrap();
        socket.write_all(head.as_bytes()).await.unwrap();
        timeout(DEADLINE, socket.write_all(&body)).await.unwrap().unwrap();
        let mut answer = String::new();
        timeout(DEADLINE, socket.read_to_string(&mut answer)).await.unwrap().unwrap();
        let expected = if head.contains("json") { "body_too_large" } else { "bad_content_type" };
        assert!(answer.contains(expected), "{answer}");
    }
    // Who asks first is not asked for the rest.
    let head = post_head(body.len(), "expect: 100-continue\r\n");
    let answer = raw(&server, head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("body_too_large"), "{answer}");
}
