//! A line between a peer and a node that can become as slow as a byte a second.

use crate::{Node, wait};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// Bytes that are passed on at once.
const PART: usize = 64 << 10;

/// What dials it is connected with the node.
pub struct Line {
    address: String,
    drips: Arc<AtomicBool>,
    /// The line ends with it.
    _stop: oneshot::Sender<()>,
}

impl Line {
    /// A line to this node.
    ///
    /// # Panics
    /// When the system gives no port.
    #[must_use]
    pub fn to(node: &Node) -> Self {
        let (to, drips) = (node.peer_port(), Arc::<AtomicBool>::default());
        let listener = wait(TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let address = format!("/ip4/127.0.0.1/tcp/{port}/p2p/{}", node.ready().peer_id);
        let slow = Arc::clone(&drips);
        let (stop, stopped) = oneshot::channel();
        wait(async {
            drop(tokio::spawn(async move {
                tokio::select! {
                    () = carry(listener, to, slow) => {}
                    _ = stopped => {}
                }
            }));
        });
        Self { address, drips, _stop: stop }
    }

    /// Where it is dialled.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Once this is set, the node gets a byte a second.
    #[must_use]
    pub fn drips(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.drips)
    }
}

/// Connections end with the listener.
async fn carry(listener: TcpListener, to: SocketAddr, drips: Arc<AtomicBool>) {
    let mut pairs = JoinSet::new();
    while let Ok((from, _)) = listener.accept().await {
        let Ok(to) = TcpStream::connect(to).await else { continue };
        let ((from_peer, to_peer), (from_node, to_node)) = (from.into_split(), to.into_split());
        let slow = Arc::clone(&drips);
        pairs.spawn(pass(from_peer, to_node, move || slow.load(Ordering::Relaxed)));
        pairs.spawn(pass(from_node, to_peer, || false));
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, drips: impl Fn() -> bool) {
    let mut part = vec![0; PART];
    while let Ok(bytes @ 1..) = from.read(&mut part).await {
        let mut rest = &part[..bytes];
        while !rest.is_empty() {
            let now = if drips() { 1 } else { rest.len() };
            if to.write_all(&rest[..now]).await.is_err() {
                return;
            }
            rest = &rest[now..];
            if !rest.is_empty() {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}
