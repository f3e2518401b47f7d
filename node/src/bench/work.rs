//! Long work that is watched: a progress display with rate and time left, and an end between two steps when
//! somebody asks for it.

use crate::failure::{Failure, Outcome, code};
use crate::output;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::fs;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

/// Time that work has to end by itself.
const PATIENCE: Duration = Duration::from_secs(4);

/// Whether somebody has asked for the end: by Ctrl-C or SIGTERM.
#[derive(Clone, Default)]
pub(super) struct Work {
    stopped: Arc<AtomicBool>,
    /// Removed also where the work does not end in time.
    passing: Arc<Mutex<Vec<PathBuf>>>,
}

impl Work {
    /// Listens from now on. The first signal asks; a second one ends the process at once, and so does time.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn begin() -> Outcome<Self> {
        let work = Self::default();
        let refused = |error: io::Error| Failure::failed(format!("the system refused: {error}"));
        let runtime = Builder::new_current_thread().enable_all().build().map_err(refused)?;
        let (told, (mut interrupt, mut end)) = (work.clone(), {
            let _inside = runtime.enter();
            (
                signal(SignalKind::interrupt()).map_err(refused)?,
                signal(SignalKind::terminate()).map_err(refused)?,
            )
        });
        let waiting = move || {
            runtime.block_on(async {
                tokio::select! { _ = interrupt.recv() => {}, _ = end.recv() => {} }
                told.stopped.store(true, Ordering::Relaxed);
                let again = async {
                    tokio::select! { _ = interrupt.recv() => {}, _ = end.recv() => {} }
                };
                let _either = tokio::time::timeout(PATIENCE, again).await;
            });
            told.abandon()
        };
        std::thread::Builder::new().name("signals".to_owned()).spawn(waiting).map_err(refused)?;
        Ok(work)
    }

    /// Names directories that must not stay behind: the first with all that is in it, those around it when
    /// they are empty then.
    pub(super) fn must_not_leave(&self, passing: Vec<PathBuf>) {
        *self.passing.lock().unwrap_or_else(PoisonError::into_inner) = passing;
    }

    fn abandon(&self) {
        if let [passing, around @ ..] = &**self.passing.lock().unwrap_or_else(PoisonError::into_inner) {
            // Whoever works on may still be writing into it; the next run removes what stays.
            let _ = fs::remove_dir_all(passing);
            around.iter().for_each(|path| drop(fs::remove_dir(path)));
        }
        std::process::exit(code::INTERRUPTED.into())
    }

    /// Goes on, or not.
    ///
    /// # Errors
    /// Somebody asked for the end.
    pub(super) fn go_on(&self) -> Outcome<()> {
        if self.is_stopped() {
            return Err(Failure::interrupted("the benchmark was interrupted; nothing is left of it"));
        }
        Ok(())
    }

    /// Whether somebody asked for the end.
    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// A step of so many units, shown on stderr while it lasts.
    pub(super) fn step(&self, what: &'static str, units: u64) -> Step {
        let target =
            if output::lively_stderr() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let template = "{msg:24} {bar:30} {human_pos} of {human_len}, {per_sec}, {eta} left";
        let style = ProgressStyle::with_template(template).expect("a test reads the template");
        let bar = ProgressBar::with_draw_target(Some(units), target).with_style(style).with_message(what);
        Step { work: self.clone(), bar }
    }

    /// A reader that fails when somebody has asked for the end.
    pub(super) fn reader<R: Read>(&self, inner: R) -> impl Read + use<R> {
        Stoppable { work: self.clone(), inner }
    }
}

/// A step on its way; its display goes when it is dropped.
pub(super) struct Step {
    work: Work,
    bar: ProgressBar,
}

impl Step {
    /// Some more units are done.
    ///
    /// # Errors
    /// Somebody asked for the end.
    pub(super) fn did(&self, units: u64) -> Outcome<()> {
        self.bar.inc(units);
        self.work.go_on()
    }

    /// So many units are done.
    pub(super) fn is_at(&self, units: u64) {
        self.bar.set_position(units);
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

struct Stoppable<R> {
    work: Work,
    inner: R,
}

impl<R: Read> Read for Stoppable<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.work.is_stopped() {
            return Err(io::Error::other("interrupted"));
        }
        self.inner.read(buffer)
    }
}

#[cfg(test)]
mod tests;
