//! Bytes on a socket, for what no client would send.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long the other end may be silent.
const SILENCE: Duration = Duration::from_secs(60);
/// Bytes that are read of an answer.
const MAX_ANSWER_BYTES: u64 = 1 << 24;

/// Sends bytes and reads until the other end closes, as text; the other end may stop reading before all is
/// sent.
///
/// # Panics
/// When nobody listens there, or the other end falls silent.
#[must_use]
pub fn exchange(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).expect("somebody listens there");
    stream.set_read_timeout(Some(SILENCE)).expect("a timeout can be set");
    stream.set_write_timeout(Some(SILENCE)).expect("a timeout can be set");
    // A peer that has heard enough may close before it has heard all.
    drop(stream.write_all(bytes));
    let mut answer = Vec::new();
    match stream.take(MAX_ANSWER_BYTES).read_to_end(&mut answer) {
        Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("no end of the answer: {error}"),
        _ => String::from_utf8_lossy(&answer).into_owned(),
    }
}

/// Posts a body as JSON, and gives the answer's status and body.
///
/// # Panics
/// When the answer is not HTTP.
#[must_use]
pub fn post(address: SocketAddr, body: &[u8]) -> (u16, String) {
    let head = format!(
        "POST / HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n",
        body.len()
    );
    let answer = exchange(address, &[head.as_bytes(), body].concat());
    let status = answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
    let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    (status.unwrap_or_else(|| panic!("not HTTP: {answer:?}")), body.to_owned())
}
