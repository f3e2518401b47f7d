//! What peers send, delivered late (`--link-delay`): a network of long distances on one machine.
//!
//! The delay is on the side of the reader, stream by stream: who sends does not wait for it, as on a real
//! line.

use futures::AsyncRead;
use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// Bytes of a stream that may be on their way; more stay with the sender.
const MOST: usize = 1 << 20;
/// Bytes read at a time.
const PIECE: usize = 16 * 1024;

/// What was read of a stream and is not due yet.
pub(super) struct Delay {
    by: Duration,
    /// Pieces and when they are due; an empty one is the end.
    waiting: VecDeque<(Instant, Vec<u8>)>,
    bytes: usize,
    ended: bool,
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Delay {
    /// Delivers so much later; nothing to do if at once.
    pub(super) fn by(by: Duration) -> Option<Box<Self>> {
        let nothing = Self { by, waiting: VecDeque::new(), bytes: 0, ended: false, alarm: None };
        (!by.is_zero()).then(|| Box::new(nothing))
    }

    /// Reads as `inner` does, only later.
    pub(super) fn poll_read(
        &mut self,
        mut inner: Pin<&mut impl AsyncRead>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        // All that is there is taken at once, for its delay begins now.
        while !self.ended && self.bytes < MOST {
            let mut piece = vec![0; PIECE];
            let Poll::Ready(read) = inner.as_mut().poll_read(cx, &mut piece) else { break };
            piece.truncate(read?);
            self.ended = piece.is_empty();
            self.bytes += piece.len();
            self.waiting.push_back((Instant::now() + self.by, piece));
        }
        let Some((due, _)) = self.waiting.front() else { return Poll::Pending };
        let due = *due;
        if due > Instant::now() {
            let alarm = self.alarm.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
            if alarm.deadline() != due {
                alarm.as_mut().reset(due);
            }
            ready!(alarm.as_mut().poll(cx));
        }
        let Some((_, piece)) = self.waiting.front_mut() else { return Poll::Pending };
        if piece.is_empty() {
            // The end stays.
            return Poll::Ready(Ok(0));
        }
        let count = piece.len().min(buffer.len());
        for (to, from) in buffer.iter_mut().zip(piece.drain(..count)) {
            *to = from;
        }
        if piece.is_empty() {
            self.waiting.pop_front();
        }
        self.bytes -= count;
        Poll::Ready(Ok(count))
    }
}

#[cfg(test)]
mod tests;
