//! Bytes on their way into a file or out of it: counted for a progress display, and ended by Ctrl-C.

use crate::commands::offline::Stop;
use indicatif::ProgressBar;
use std::io::{self, Read, Write};

/// A reader or writer that a [`Stop`] ends, and whose bytes the bar counts where it counts bytes.
pub(super) struct Stream<T> {
    pub(super) inner: T,
    pub(super) stop: Stop,
    /// Moved on with each byte, if it counts bytes.
    pub(super) bar: Option<ProgressBar>,
}

impl<T> Stream<T> {
    fn check(&self) -> io::Result<()> {
        if self.stop.is_set() { Err(io::Error::other("interrupted")) } else { Ok(()) }
    }

    fn count(&self, bytes: usize) -> usize {
        if let (Some(bar), Ok(bytes)) = (&self.bar, u64::try_from(bytes)) {
            bar.inc(bytes);
        }
        bytes
    }
}

impl<T: Read> Read for Stream<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.check()?;
        let bytes = self.inner.read(buffer)?;
        Ok(self.count(bytes))
    }
}

impl<T: Write> Write for Stream<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.check()?;
        let bytes = self.inner.write(bytes)?;
        Ok(self.count(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests;
