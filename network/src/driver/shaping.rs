//! How fast we send (`--upload-limit`): all streams of all connections share one bucket.
//!
//! What is counted is what the protocols send, over TCP and QUIC alike; encryption, packets and their
//! acknowledgements add a few percent to it, which [`OVERHEAD`] takes off.

use super::delay::Delay;
use futures::{AsyncRead, AsyncWrite};
use libp2p::core::muxing::{StreamMuxer, StreamMuxerEvent};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
use tokio::time::Sleep;

/// Percent that the layers below add.
const OVERHEAD: u64 = 4;
/// What may be sent at once after a pause.
const BURST: Duration = Duration::from_millis(100);
/// Bytes of a burst at the least: a large message in a few pieces.
const LEAST_BURST: u64 = 16 * 1024;
/// Bytes for which it is worth while to wake up.
const PIECE: u64 = 1_024;

/// Our line to the world, as far as we may use it.
#[derive(Debug)]
pub(super) struct Uplink {
    /// Bytes a second.
    limit: Option<u64>,
    /// When the bucket is whole again, as in `limits`: it needs no timer.
    whole_at: Mutex<Instant>,
    sent: AtomicU64,
}

impl Uplink {
    /// A line with this limit, in bytes a second.
    pub(super) fn new(limit: Option<u64>, now: Instant) -> Self {
        let limit = limit.map(|limit| (limit - limit * OVERHEAD / 100).max(1));
        Self { limit, whole_at: Mutex::new(now), sent: AtomicU64::new(0) }
    }

    /// Bytes sent since the start.
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Relaxed)
    }

    /// How many of so many bytes may be sent now, at least one; or how long to wait.
    fn permit(&self, want: usize, now: Instant) -> Result<usize, Duration> {
        let Some(limit) = self.limit else { return Ok(want) };
        let burst = per_bytes(limit, LEAST_BURST).max(BURST);
        let whole_at = self.whole_at.lock().unwrap_or_else(PoisonError::into_inner);
        let used = whole_at.saturating_duration_since(now);
        let free = burst.saturating_sub(used);
        let bytes = u128::from(limit) * free.as_nanos() / 1_000_000_000;
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let wanted = u64::try_from(want).unwrap_or(u64::MAX);
        if bytes < wanted.min(PIECE) {
            return Err(per_bytes(limit, wanted.min(PIECE) - bytes).max(Duration::from_millis(1)));
        }
        Ok(usize::try_from(bytes.min(wanted)).unwrap_or(want))
    }

    /// So many were sent.
    fn note(&self, bytes: usize, now: Instant) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.sent.fetch_add(bytes, Relaxed);
        if let Some(limit) = self.limit {
            let mut whole_at = self.whole_at.lock().unwrap_or_else(PoisonError::into_inner);
            *whole_at = (*whole_at).max(now) + per_bytes(limit, bytes);
        }
    }
}

/// The time that so many bytes take.
fn per_bytes(limit: u64, bytes: u64) -> Duration {
    let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(limit.max(1));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// A connection whose streams share the line.
pub(super) struct Shaped<M> {
    inner: M,
    line: Arc<Uplink>,
    delay: Duration,
}

impl<M> Shaped<M> {
    /// A connection on this line, over which what others send takes so much longer.
    pub(super) fn new(inner: M, line: Arc<Uplink>, delay: Duration) -> Self {
        Self { inner, line, delay }
    }

    fn stream<S>(&self, inner: S) -> Stream<S> {
        Stream { inner, line: Arc::clone(&self.line), pause: None, delay: Delay::by(self.delay) }
    }
}

impl<M> StreamMuxer for Shaped<M>
where
    M: StreamMuxer + Unpin,
    M::Substream: Unpin,
{
    type Substream = Stream<M::Substream>;
    type Error = M::Error;

    fn poll_inbound(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Self::Substream, Self::Error>> {
        let inner = ready!(Pin::new(&mut self.inner).poll_inbound(cx))?;
        Poll::Ready(Ok(self.stream(inner)))
    }

    fn poll_outbound(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Self::Substream, Self::Error>> {
        let inner = ready!(Pin::new(&mut self.inner).poll_outbound(cx))?;
        Poll::Ready(Ok(self.stream(inner)))
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Pin::new(&mut self.inner).poll_close(cx)
    }

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<StreamMuxerEvent, Self::Error>> {
        Pin::new(&mut self.inner).poll(cx)
    }
}

/// A stream that waits for its share of the line.
pub(super) struct Stream<S> {
    inner: S,
    line: Arc<Uplink>,
    pause: Option<Pin<Box<Sleep>>>,
    delay: Option<Box<Delay>>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Stream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let Self { inner, delay, .. } = &mut *self;
        match delay {
            Some(delay) => delay.poll_read(Pin::new(inner), cx, buffer),
            None => Pin::new(inner).poll_read(cx, buffer),
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Stream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            if let Some(pause) = &mut self.pause {
                ready!(pause.as_mut().poll(cx));
                self.pause = None;
            }
            match self.line.permit(bytes.len(), Instant::now()) {
                Ok(count) => {
                    let piece = bytes.get(..count).unwrap_or(bytes);
                    let sent = ready!(Pin::new(&mut self.inner).poll_write(cx, piece))?;
                    self.line.note(sent, Instant::now());
                    return Poll::Ready(Ok(sent));
                }
                Err(wait) => self.pause = Some(Box::pin(tokio::time::sleep(wait))),
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_close(cx)
    }
}

#[cfg(test)]
mod tests;
