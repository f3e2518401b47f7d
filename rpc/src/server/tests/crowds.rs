//! Many connections at once, and one client that wants everything.

use super::*;
use tokio::sync::Semaphore;

/// A client that says nothing.
async fn silent(server: &ServerHandle) -> TcpStream {
    TcpStream::connect(server.local_addr).await.unwrap()
}

/// A connection whose call the node does not answer yet.
async fn at_work(server: &ServerHandle, node: &FakeNode, calls: usize) -> TcpStream {
    let mut socket = silent(server).await;
    let body = request("mempool_info", json!([]));
    socket.write_all((post_head(body.len(), "") + &body).as_bytes()).await.unwrap();
    let begun = Instant::now();
    while node.waiting.load(Ordering::SeqCst) < calls {
        assert!(begun.elapsed() < DEADLINE, "the call does not reach the node");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    socket
}

/// A server with so many places, and a node that answers `mempool_info` when it is let.
async fn gated(connections: usize) -> (ServerHandle, Arc<FakeNode>) {
    let node = Arc::new(FakeNode { gate: Semaphore::new(0), ..FakeNode::default() });
    let config = limited(ServerLimits { connections, ..ServerLimits::default() });
    (Server::start(config, node.clone()).await.unwrap(), node)
}

async fn is_closed(socket: &mut TcpStream) -> bool {
    timeout(DEADLINE, socket.read(&mut [0; 1])).await.is_ok_and(|read| read.is_ok_and(|bytes| bytes == 0))
}

#[tokio::test]
async fn silent_connections_make_room_for_those_who_speak() {
    let config = limited(ServerLimits { connections: 8, ..ServerLimits::default() });
    let (server, _) = start(config).await;
    let mut crowd = Vec::new();
    for _ in 0..100 {
        crowd.push(silent(&server).await);
    }
    for _ in 0..8 {
        assert_eq!(get(&server, "/ready").await.0, 200);
        assert_eq!(call(&server, "chain_info", json!([])).await["result"]["chain"], "dev");
    }
    assert!(is_closed(&mut crowd[0]).await, "the oldest went first");
}

#[tokio::test]
async fn idle_connections_make_room_and_working_ones_do_not() {
    let (server, node) = gated(4).await;
    let mut worker = at_work(&server, &node, 1).await;
    let mut idle = silent(&server).await;
    idle.write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    idle.read_exact(&mut [0; 12]).await.unwrap();
    for _ in 0..10 {
        assert_eq!(call(&server, "chain_info", json!([])).await["result"]["chain"], "dev");
    }
    let mut rest = Vec::new();
    timeout(DEADLINE, idle.read_to_end(&mut rest)).await.unwrap().unwrap();
    node.gate.add_permits(1);
    let mut answer = String::new();
    timeout(DEADLINE, worker.read_to_string(&mut answer)).await.unwrap().unwrap();
    assert!(answer.contains("\"count\":1"), "{answer}");
}

#[tokio::test]
async fn over_the_limit_calls_are_refused_and_supervisors_are_not() {
    let (server, node) = gated(4).await;
    let workers = [at_work(&server, &node, 1).await, at_work(&server, &node, 2).await];
    let (status, answer) = post_with(&server, &request("chain_info", json!([])), "").await;
    assert_eq!((status, code(&answer)), (503, "too_many_connections"));
    assert!(answer["error"]["data"]["hint"].as_str().unwrap().contains("again"));
    assert_eq!(get(&server, "/health").await.0, 200);
    assert_eq!(get(&server, "/ready").await.0, 200);
    // A silent crowd at the door does not keep anybody out.
    let mut crowd = Vec::new();
    for _ in 0..300 {
        crowd.push(silent(&server).await);
    }
    assert_eq!(get(&server, "/ready").await.0, 200);

    let client = Client::new(&format!("http://{}", server.local_addr), None).unwrap();
    for error in [client.chain_info().await.unwrap_err(), client.subscribe_heads().await.unwrap_err()] {
        assert!(error.to_string().contains("the node is busy"), "{error}");
    }
    node.gate.add_permits(2);
    drop(workers);
    until_served(&server).await;
}

#[tokio::test]
async fn a_connection_over_the_limit_loses_no_place_for_good() {
    let (server, node) = gated(2).await;
    let worker = at_work(&server, &node, 1).await;
    for _ in 0..200 {
        let (status, _) = post_with(&server, &request("chain_info", json!([])), "").await;
        assert_eq!(status, 503);
    }
    drop(worker);
    node.gate.add_permits(1);
    let begun = Instant::now();
    while post_with(&server, &request("chain_info", json!([])), "").await.0 != 200 {
        assert!(begun.elapsed() < DEADLINE, "no place is freed");
    }
}

#[tokio::test]
async fn answers_thrown_away_are_not_counted_as_held() {
    let node = Arc::new(FakeNode { raw_bytes: 2 * 1024 * 1024, ..FakeNode::default() });
    let server = Server::start(config(), node).await.unwrap();
    let one = request("chain_getRaw", json!(["tip"]));
    let body = format!("[{}]", [one.as_str(); 3].join(","));
    // The operator, who has no budget.
    let head = post_head(body.len(), &format!("authorization: Bearer {TOKEN}\r\n"));
    let request = head.replace("connection: close\r\n", "") + &body;
    let mut socket = silent(&server).await;
    // More than all memory, had each of them been counted.
    for _ in 0..30 {
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"}}}") {
            answer.push(timeout(DEADLINE, socket.read_u8()).await.unwrap().unwrap());
        }
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.contains("answer_too_large"), "{answer}");
    }
    assert_eq!(call(&server, "chain_info", json!([])).await["result"]["chain"], "dev");
}

#[tokio::test]
async fn calls_that_waited_together_are_not_all_answered_into_the_same_room() {
    let raw_bytes = 5 * 1024 * 1024 - 100;
    let node = Arc::new(FakeNode { raw_bytes, gate: Semaphore::new(0), ..FakeNode::default() });
    let server = Server::start(config(), node.clone()).await.unwrap();
    let body = request("chain_getRaw", json!(["tip"]));
    let request = post_head(body.len(), "") + &body;
    let mut sockets = Vec::new();
    for _ in 0..100 {
        let mut socket = silent(&server).await;
        socket.write_all(request.as_bytes()).await.unwrap();
        sockets.push(socket);
        // Meanwhile the server has read the call, which waits for the node or for its turn.
        assert_eq!(get(&server, "/health").await.0, 200);
    }
    node.gate.add_permits(100);
    let mut refused = 0;
    for socket in &mut sockets {
        let mut beginning = [0; 220];
        timeout(DEADLINE, socket.read_exact(&mut beginning)).await.unwrap().unwrap();
        refused += usize::from(String::from_utf8_lossy(&beginning).contains("\"code\":-32024"));
    }
    // Half of 256 MiB less what the sockets hold, and what the 16 calls that ran at once have made beyond.
    let made = node.raw_answers.load(Ordering::SeqCst);
    assert!(made <= 60 && made + refused == 100, "{made} answers of 10 MiB, {refused} refusals");
}

#[tokio::test]
async fn large_answers_cost_more() {
    let limits = ServerLimits { cost_per_second: 1, cost_burst: 100, ..ServerLimits::default() };
    let node = Arc::new(FakeNode { raw_bytes: 512 * 1024, ..FakeNode::default() });
    let server = Server::start(limited(limits), node).await.unwrap();
    assert!(call(&server, "chain_getRaw", json!(["tip"])).await["result"].is_string());
    assert_eq!(code(&call(&server, "chain_info", json!([])).await), "rate_limited");
}
