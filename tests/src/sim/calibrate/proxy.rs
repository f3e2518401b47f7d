//! A connection that takes its time: what comes in on one side leaves on the other one later.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

/// Bytes that are read at once.
const PART: usize = 64 << 10;
/// Parts on their way.
const PARTS: usize = 4_096;

/// Passes connections on to `target`, each packet `latency` later; returns where it listens.
pub(super) async fn start(target: SocketAddr, latency: Duration) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let Ok(far) = TcpStream::connect(target).await else { continue };
            let prompt = near.set_nodelay(true).and_then(|()| far.set_nodelay(true));
            prompt.expect("a connection that stands");
            let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
            pass(near_in, far_out, latency);
            pass(far_in, near_out, latency);
        }
    });
    Ok(address)
}

fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, latency: Duration) {
    let (sender, mut parts) = mpsc::channel::<(Instant, Vec<u8>)>(PARTS);
    tokio::spawn(async move {
        loop {
            let mut part = vec![0; PART];
            match from.read(&mut part).await {
                Ok(count) if count > 0 => {
                    part.truncate(count);
                    if sender.send((Instant::now() + latency, part)).await.is_err() {
                        return;
                    }
                }
                _ => return,
            }
        }
    });
    tokio::spawn(async move {
        while let Some((at, part)) = parts.recv().await {
            sleep_until(at).await;
            if to.write_all(&part).await.is_err() {
                return;
            }
        }
    });
}
