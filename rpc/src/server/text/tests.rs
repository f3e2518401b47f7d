//! What is on the port of metrics, and what is not.

use super::*;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const ANYWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

async fn server() -> TextServer {
    let asked = AtomicU32::new(0);
    let text = move || {
        let count = asked.fetch_add(1, Relaxed);
        async move { (count < 2).then(|| format!("asked {count}\n")) }
    };
    TextServer::start(ANYWHERE, text).await.unwrap()
}

/// What the server says to this, until it closes the connection.
async fn say(server: &TextServer, request: &str) -> String {
    let mut tcp = TcpStream::connect(server.local_addr).await.unwrap();
    tcp.write_all(request.as_bytes()).await.unwrap();
    let mut said = String::new();
    tcp.read_to_string(&mut said).await.unwrap();
    said
}

#[tokio::test]
async fn the_text_is_made_anew_for_each_request() {
    let server = server().await;
    assert_eq!(server.url(), format!("http://{}/metrics", server.local_addr));
    let get = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
    let first = say(&server, get).await;
    assert!(first.starts_with("HTTP/1.1 200") && first.ends_with("asked 0\n"), "{first}");
    assert!(first.contains("application/openmetrics-text; version=1.0.0"), "{first}");
    assert!(say(&server, get).await.ends_with("asked 1\n"));
    let gone = say(&server, get).await;
    assert!(gone.starts_with("HTTP/1.1 503"), "{gone}");
}

#[tokio::test]
async fn nothing_else_is_there() {
    let server = server().await;
    let said = say(&server, "GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(said.starts_with("HTTP/1.1 404") && said.contains("metrics are at /metrics"), "{said}");
    let said = say(&server, "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n").await;
    assert!(said.starts_with("HTTP/1.1 405") && said.contains("allow: GET"), "{said}");
    let head = format!("GET /metrics HTTP/1.1\r\nHost: {}\r\n\r\n", "x".repeat(2 * MAX_HEAD_BYTES));
    let said = say(&server, &head).await;
    assert!(said.starts_with("HTTP/1.1 431"), "{said}");
}

#[tokio::test]
async fn few_connections_are_open_at_a_time() {
    let server = server().await;
    let mut open = Vec::new();
    for _ in 0..MAX_CONNECTIONS {
        let mut tcp = TcpStream::connect(server.local_addr).await.unwrap();
        tcp.write_all(b"GET /metrics HTTP/1.1\r\n").await.unwrap();
        open.push(tcp);
    }
    // One more is closed at once, with nothing said.
    let mut more = TcpStream::connect(server.local_addr).await.unwrap();
    assert_eq!(more.read(&mut [0; 8]).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn a_place_that_is_taken_is_told_with_what_to_do() {
    let server = server().await;
    let error = TextServer::start(server.local_addr, || async { None }).await.unwrap_err();
    assert!(matches!(error, TextError::InUse(_)) && error.to_string().contains("--metrics"), "{error}");
    let nowhere: SocketAddr = "192.0.2.1:0".parse().unwrap();
    let error = TextServer::start(nowhere, || async { None }).await.unwrap_err();
    assert!(matches!(error, TextError::Listen { .. }) && error.to_string().contains("--metrics"), "{error}");
}
