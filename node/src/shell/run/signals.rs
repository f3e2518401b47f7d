//! How a node is told to end: by Ctrl-C, SIGTERM or SIGHUP.

use std::future::poll_fn;
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// Signals within this time are one wish: a terminal and a supervisor may both pass the same one on.
const ONE_WISH: Duration = Duration::from_millis(500);
/// The exit code of a node that was told twice.
const INTERRUPTED: i32 = 130;

/// Whether the node was asked to end.
pub(super) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Listens from now on, on a task of its own: whatever the node is busy with, the first signal asks it to
    /// end, and a later one ends the process at once.
    pub(super) fn on_signals() -> std::io::Result<Self> {
        let mut signals = Signals::new()?;
        let (told, stop) = watch::channel(false);
        tokio::spawn(async move {
            signals.next().await;
            tracing::info!("stopping");
            told.send_replace(true);
            let first = Instant::now();
            loop {
                signals.next().await;
                if first.elapsed() >= ONE_WISH {
                    std::process::exit(INTERRUPTED);
                }
            }
        });
        Ok(Self(stop))
    }

    /// Waits until it was asked.
    pub(super) async fn asked(&mut self) {
        // It fails only when the task above is gone, and then nobody could ask any more.
        drop(self.0.wait_for(|asked| *asked).await);
    }
}

struct Signals(Vec<Signal>);

impl Signals {
    fn new() -> std::io::Result<Self> {
        let mut kinds = vec![SignalKind::terminate(), SignalKind::interrupt()];
        // Whoever started the node with `nohup` wants it to outlive the terminal.
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        if !ignores_hangup(&status) {
            kinds.push(SignalKind::hangup());
        }
        Ok(Self(kinds.into_iter().map(signal).collect::<Result<_, _>>()?))
    }

    async fn next(&mut self) {
        poll_fn(|context| {
            let came = self.0.iter_mut().any(|signal| signal.poll_recv(context).is_ready());
            if came { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

/// Whether a process with this `/proc/PID/status` ignores SIGHUP, signal 1 and so the lowest bit (proc(5)).
fn ignores_hangup(status: &str) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 == 1)
}

#[cfg(test)]
mod tests;
