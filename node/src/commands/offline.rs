//! What commands on the data directory of a stopped node share: the directory, Ctrl-C, progress.

use super::configure;
use crate::cli::PlaceArgs;
use crate::config::Config;
use crate::failure::{Failure, Outcome, code, say};
use crate::output;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use starling_node::has_database;
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::runtime::Builder;

/// Time that work has to end after Ctrl-C.
const PATIENCE: Duration = Duration::from_secs(4);
/// Time between two pictures of work that tells nothing meanwhile.
const TICK: Duration = Duration::from_millis(200);

/// The configuration of a directory that has a database: no command but an import makes one.
///
/// # Errors
/// There is none, or it has lost a part.
pub(super) fn existing(place: PlaceArgs) -> Outcome<Config> {
    let config = configure(place.layer())?;
    let dir = config.data_dir()?;
    if has_database(dir)? {
        return Ok(config);
    }
    let (chain, dir) = (&config.chain().name, dir.display());
    let hint = "name the directory with --data-dir, or run the node first";
    Err(Failure::data_dir(format!("there is no data of chain {chain} in {dir}; {hint}")))
}

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
                    told.set();
                    let _either = tokio::time::timeout(PATIENCE, tokio::signal::ctrl_c()).await;
                    say("error: interrupted");
                    std::process::exit(code::INTERRUPTED.into());
                }
            });
        };
        std::thread::Builder::new().name("interrupt".to_owned()).spawn(waiting).map_err(refused)?;
        Ok(stop)
    }

    pub(super) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it is set.
    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// The same for work that goes on step by step.
    pub(super) fn flow(&self) -> ControlFlow<()> {
        if self.is_set() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
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

/// The same, counting records; the message names their family.
pub(super) fn record_bar() -> ProgressBar {
    bar(Some(0), "{bar:30} {human_pos} of {human_len} records, {per_sec}, {eta} left, {msg}")
}

/// The same, counting families, of which one may take long; the message names it.
pub(super) fn family_bar() -> ProgressBar {
    let bar = bar(Some(0), "{spinner} {bar:20} {pos} of {len} families, {elapsed}, {msg}");
    bar.enable_steady_tick(TICK);
    bar
}

fn bar(total: Option<u64>, template: &str) -> ProgressBar {
    let target =
        if output::lively_stderr() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let style = ProgressStyle::with_template(template).expect("a test reads each template");
    ProgressBar::with_draw_target(total, target).with_style(style)
}

#[cfg(test)]
mod tests;
