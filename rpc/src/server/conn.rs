//! One connection's socket, and what is known about it while it lives.
//!
//! The library under WebSocket starts a task for every message that it can read. So what bounds a connection
//! is here, below it: nothing is read while a write is blocked, while enough calls run, or while its client
//! has calls enough in memory, and a write that stays blocked ends the connection.

use super::places::Place;
use super::quota::{Client, Memory, Share};
use futures::task::AtomicWaker;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{Notify, Semaphore, SemaphorePermit};
use tokio::time::{Sleep, sleep};

/// Calls of one connection that run at once; a batch is one.
const MAX_RUNNING_CALLS: usize = 8;

/// How much a connection is in use: what loses its place first stands first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    /// It has never sent a request.
    Silent,
    /// It has, and waits for the next, or for the rest of one.
    Idle,
    /// A call runs, an answer is being written, or it is a WebSocket.
    Busy,
}

/// What is shared between a socket and the calls that came over it.
#[derive(Debug)]
pub(crate) struct Conn {
    /// Who is at the other end.
    pub(crate) client: Client,
    /// Whether it was let in only to be told that no place is left.
    pub(crate) turned_away: bool,
    spoke: AtomicBool,
    websocket: AtomicBool,
    evicted: Notify,
    memory: Arc<Memory>,
    /// Bytes of answers that were made and not written yet.
    owed: Mutex<Share>,
    /// Bytes that a WebSocket has brought while calls ran: they may be messages whose calls wait.
    brought: Mutex<Share>,
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
        if self.0.entered.fetch_sub(1, Ordering::AcqRel) == 1 {
            lock(&self.0.brought).clear();
        }
        self.0.reader.wake();
    }
}

impl Conn {
    pub(crate) fn new(client: Client, memory: &Arc<Memory>, turned_away: bool) -> Arc<Self> {
        let share = || Mutex::new(Share::new(memory, client));
        Arc::new(Self {
            client,
            turned_away,
            spoke: AtomicBool::new(false),
            websocket: AtomicBool::new(false),
            evicted: Notify::new(),
            memory: memory.clone(),
            owed: share(),
            brought: share(),
            entered: AtomicUsize::new(0),
            turns: Semaphore::new(MAX_RUNNING_CALLS),
            reader: AtomicWaker::new(),
        })
    }

    /// A request's head has come.
    pub(crate) fn speaks(&self) {
        self.spoke.store(true, Ordering::Release);
    }

    /// From now on the connection is a WebSocket.
    pub(crate) fn upgrades(&self) {
        self.websocket.store(true, Ordering::Release);
    }

    pub(crate) fn is_websocket(&self) -> bool {
        self.websocket.load(Ordering::Acquire)
    }

    /// How much it is in use.
    pub(crate) fn standing(&self) -> Standing {
        let calls = self.entered.load(Ordering::Acquire) > 0;
        if self.is_websocket() || calls || !lock(&self.owed).is_empty() {
            Standing::Busy
        } else if self.spoke.load(Ordering::Acquire) {
            Standing::Idle
        } else {
            Standing::Silent
        }
    }

    /// Takes its place away; it ends.
    pub(crate) fn evict(&self) {
        self.evicted.notify_one();
    }

    /// Waits until its place is taken away.
    pub(crate) async fn evicted(&self) {
        self.evicted.notified().await;
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
        lock(&self.owed).add(bytes);
    }

    /// Counts what was written, or will never be.
    pub(crate) fn settle(&self, bytes: usize) {
        lock(&self.owed).shrink(bytes);
    }

    /// Whether there is no room for what another call of this client may need.
    pub(crate) fn is_out_of_memory(&self) -> bool {
        self.memory.is_full(self.client)
    }

    /// Whether nothing more is read before one of the running calls has ended.
    fn is_busy(&self) -> bool {
        match self.entered.load(Ordering::Acquire) {
            0 => false,
            calls => calls >= MAX_RUNNING_CALLS || self.is_out_of_memory(),
        }
    }
}

fn lock(share: &Mutex<Share>) -> MutexGuard<'_, Share> {
    share.lock().unwrap_or_else(PoisonError::into_inner)
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
    _place: Place,
}

impl GuardedSocket {
    /// Wraps an accepted socket, which keeps its place among all connections until it is dropped.
    pub(crate) fn new(tcp: TcpStream, conn: Arc<Conn>, write_timeout: Duration, place: Place) -> Self {
        Self { tcp, conn, write_timeout, blocked: None, cut: false, rest: false, _place: place }
    }

    /// Notes how a write went.
    fn settle(&mut self, result: Poll<io::Result<usize>>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        match result {
            Poll::Ready(result) => {
                if let Ok(bytes) = result {
                    self.conn.settle(bytes);
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
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.tcp).poll_read(cx, buf))?;
        if self.conn.is_websocket() && self.conn.entered.load(Ordering::Acquire) > 0 {
            lock(&self.conn.brought).add(buf.filled().len() - before);
        }
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
