//! Long work on files: bytes are counted for a progress display, and Ctrl-C ends the work between two of
//! them.

use crate::failure::{Failure, Outcome};
use crate::output;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::runtime::Builder;

/// Time that work has to end after Ctrl-C.
const PATIENCE: Duration = Duration::from_secs(4);

/// Set by Ctrl-C.
#[derive(Clone, Debug, Default)]
pub(super) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Set by the first Ctrl-C from now on; a second one ends the process at once, and so does time, for a
    /// read from a pipe may wait for ever.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn on_interrupt() -> Outcome<Self> {
        let stop = Self::default();
        let (told, refused) =
            (stop.clone(), |error: io::Error| Failure::failed(format!("the system refused: {error}")));
        let runtime = Builder::new_current_thread().enable_all().build().map_err(refused)?;
        let waiting = move || {
            runtime.block_on(async {
                if tokio::signal::ctrl_c().await.is_ok() {
                    told.0.store(true, Ordering::Relaxed);
                    let _either = tokio::time::timeout(PATIENCE, tokio::signal::ctrl_c()).await;
                    std::process::exit(crate::failure::code::INTERRUPTED.into());
                }
            });
        };
        std::thread::Builder::new().name("interrupt".to_owned()).spawn(waiting).map_err(refused)?;
        Ok(stop)
    }

    /// Whether it is set.
    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn check(&self) -> io::Result<()> {
        if self.is_set() { Err(io::Error::other("interrupted")) } else { Ok(()) }
    }
}

/// A reader or writer that a [`Stop`] ends, and whose bytes the bar counts where it counts bytes.
pub(super) struct Stream<T> {
    pub(super) inner: T,
    pub(super) stop: Stop,
    /// Moved on with each byte, if it counts bytes.
    pub(super) bar: Option<ProgressBar>,
}

impl<T> Stream<T> {
    fn count(&self, bytes: usize) -> usize {
        if let (Some(bar), Ok(bytes)) = (&self.bar, u64::try_from(bytes)) {
            bar.inc(bytes);
        }
        bytes
    }
}

impl<T: Read> Read for Stream<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stop.check()?;
        let bytes = self.inner.read(buffer)?;
        Ok(self.count(bytes))
    }
}

impl<T: Write> Write for Stream<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stop.check()?;
        let bytes = self.inner.write(bytes)?;
        Ok(self.count(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// A progress display on stderr that counts blocks; hidden where stderr is no terminal.
pub(super) fn block_bar() -> ProgressBar {
    bar(Some(0), "{bar:30} {human_pos} of {human_len} blocks, {per_sec}, {eta} left")
}

/// The same, counting bytes, of so many if that is known; the message says how far the chain has come.
pub(super) fn byte_bar(total: Option<u64>) -> ProgressBar {
    match total {
        Some(_) => bar(total, "{bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left, {msg}"),
        None => bar(None, "{spinner} {bytes}, {bytes_per_sec}, {msg}"),
    }
}

fn bar(total: Option<u64>, template: &str) -> ProgressBar {
    let target =
        if output::lively_stderr() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let style = ProgressStyle::with_template(template).expect("a test reads each template");
    ProgressBar::with_draw_target(total, target).with_style(style)
}

#[cfg(test)]
mod tests;
