//! One connection's socket, and what is known about it while it lives.
//!
//! The library under WebSocket starts a task for every message that it can read. So what bounds a connection
//! is here, below it: nothing is read while a write is blocked or while enough calls run, and a write that
//! stays blocked ends the connection.

use super::quota::{Memory, Share};
use futures::task::AtomicWaker;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use tokio::time::{Sleep, sleep};

/// Calls of one connection that run at once; a batch is one.
const MAX_RUNNING_CALLS: usize = 8;

/// What is shared between a socket and the calls that came over it.
#[derive(Debug)]
pub(crate) struct Conn {
    /// Who is at the other end.
    pub(crate) ip: IpAddr,
    /// Bytes of answers that were made and not written yet.
    owed: Mutex<Share>,
    /// Calls that run or wait to.
    entered: AtomicUsize,
    turns: Semaphore,
    reader: AtomicWaker,
}

/// A call's turn; its end lets the connection read on.
pub(crate) struct Turn<'a> {
    _permit: SemaphorePermit<'a>,
    _entered: Entered<'a>,
}

/// A call that runs or waits for its turn.
struct Entered<'a>(&'a Conn);

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.0.entered.fetch_sub(1, Ordering::AcqRel);
        self.0.reader.wake();
    }
}

impl Conn {
    pub(crate) fn new(ip: IpAddr, memory: &Arc<Memory>) -> Arc<Self> {
        Arc::new(Self {
            ip,
            owed: Mutex::new(Share::new(memory)),
            entered: AtomicUsize::new(0),
            turns: Semaphore::new(MAX_RUNNING_CALLS),
            reader: AtomicWaker::new(),
        })
    }

    /// Waits for a call's turn.
    pub(crate) async fn turn(&self) -> Turn<'_> {
        self.entered.fetch_add(1, Ordering::AcqRel);
        let entered = Entered(self);
        let permit = self.turns.acquire().await.expect("turns are never closed");
        Turn { _permit: permit, _entered: entered }
    }

    /// Counts an answer that is about to be written.
    pub(crate) fn owe(&self, bytes: usize) {
        self.owed.lock().unwrap_or_else(PoisonError::into_inner).add(bytes);
    }

    fn written(&self, bytes: usize) {
        self.owed.lock().unwrap_or_else(PoisonError::into_inner).shrink(bytes);
    }

    fn is_busy(&self) -> bool {
        self.entered.load(Ordering::Acquire) >= MAX_RUNNING_CALLS
    }
}

/// The socket of a connection.
#[derive(Debug)]
pub(crate) struct GuardedSocket {
    tcp: TcpStream,
    conn: Arc<Conn>,
    write_timeout: Duration,
    /// Runs while a write is blocked.
    blocked: Option<Pin<Box<Sleep>>>,
    /// Whether a write was blocked for too long: the connection is over in both directions.
    cut: bool,
    /// Whether the tasks that the last read gave rise to get to run before the next.
    rest: bool,
    _place: OwnedSemaphorePermit,
}

impl GuardedSocket {
    /// Wraps an accepted socket, which keeps its place among all connections until it is dropped.
    pub(crate) fn new(
        tcp: TcpStream,
        conn: Arc<Conn>,
        write_timeout: Duration,
        place: OwnedSemaphorePermit,
    ) -> Self {
        Self { tcp, conn, write_timeout, blocked: None, cut: false, rest: false, _place: place }
    }

    /// Notes how a write went.
    fn settle(&mut self, result: Poll<io::Result<usize>>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        match result {
            Poll::Ready(result) => {
                if let Ok(bytes) = result {
                    self.conn.written(bytes);
                }
                if self.blocked.take().is_some() {
                    self.conn.reader.wake();
                }
                Poll::Ready(result)
            }
            Poll::Pending => {
                let timeout = self.write_timeout;
                let timer = self.blocked.get_or_insert_with(|| Box::pin(sleep(timeout)));
                ready!(timer.as_mut().poll(cx));
                self.cut = true;
                self.conn.reader.wake();
                Poll::Ready(Err(does_not_read()))
            }
        }
    }
}

fn does_not_read() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the client does not read")
}

impl AsyncRead for GuardedSocket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // Registered first: what ends the wait may happen right after it is looked at.
        self.conn.reader.register(cx.waker());
        if self.cut {
            return Poll::Ready(Err(does_not_read()));
        }
        if self.blocked.is_some() || self.conn.is_busy() {
            return Poll::Pending;
        }
        if std::mem::take(&mut self.rest) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        ready!(Pin::new(&mut self.tcp).poll_read(cx, buf))?;
        self.rest = true;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for GuardedSocket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.tcp).poll_write(cx, bytes);
        self.settle(result, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.tcp).poll_write_vectored(cx, parts);
        self.settle(result, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}
