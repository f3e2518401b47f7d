//! Keeps the files of the mempool and of the peers close behind them, so that a kill loses only what came
//! last.

use super::super::core_task::{CoreGone, CoreHandle};
use super::super::data_dir::DataDir;
use crate::core::{PoolEntry, TipEvent};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::sleep;

/// Time from a new transaction to its write; others that come meanwhile are written with it.
const SOON: Duration = Duration::from_secs(2);
/// Time between two writes at the most.
const SELDOM: Duration = Duration::from_secs(60);
/// The pause after a write is at least so many times what it took: no pool costs more than that share.
const PAUSE_FACTOR: u32 = 20;
/// What is known of peers.
pub(super) const PEERS_FILE: &str = "peers.dat";
/// When it is first written, and the time between two writes.
const PEERS_SOON: Duration = Duration::from_secs(30);
const PEERS_EVERY: Duration = Duration::from_secs(300);

/// Writes the mempool again and again, until the core is gone.
pub(super) async fn keep_saving_pool(core: &CoreHandle, dir: &DataDir) {
    let mut pause = SOON;
    loop {
        sleep(pause).await;
        // What comes after the snapshot is news.
        let changes = Changes::from_now(core);
        match save(core, dir).await {
            Ok(took) => pause = pause_after(took),
            Err(CoreGone) => return,
        }
        // Blocks take transactions out: a file that has them still is only larger than it must be.
        drop(tokio::time::timeout(SELDOM, changes.next()).await);
    }
}

/// Writes the peers' file again and again, until the core is gone.
pub(super) async fn keep_saving_peers(core: &CoreHandle, dir: &DataDir) {
    let mut pause = PEERS_SOON;
    loop {
        // What people decide is written at once.
        drop(tokio::time::timeout(pause, core.news.peers.notified()).await);
        pause = PEERS_EVERY;
        let begun = Instant::now();
        let Ok(bytes) = core.call(|core| core.net().save()).await else { return };
        if let Err(error) = dir.write(PEERS_FILE, &bytes) {
            tracing::warn!(%error, "what is known of peers could not be saved; it will be tried again");
        }
        sleep(begun.elapsed().saturating_mul(PAUSE_FACTOR).min(SELDOM)).await;
    }
}

/// Writes the mempool's file; says how long that took, the wait for the core included.
async fn save(core: &CoreHandle, dir: &DataDir) -> Result<Duration, CoreGone> {
    let begun = Instant::now();
    let snapshot = core.call(|core| core.pool().snapshot()).await?;
    let bytes = tokio::task::spawn_blocking(move || snapshot.encode()).await;
    // Written here and not in the background: none may go on when the node, stopping, writes the last one.
    if let Ok(bytes) = bytes
        && let Err(error) = dir.write("mempool.dat", &bytes)
    {
        tracing::warn!(%error, "the mempool could not be saved; it will be tried again");
    }
    Ok(begun.elapsed())
}

fn pause_after(took: Duration) -> Duration {
    took.saturating_mul(PAUSE_FACTOR).clamp(SOON, SELDOM)
}

/// What is new in the pool since it was last written.
struct Changes {
    txs: broadcast::Receiver<PoolEntry>,
    tips: broadcast::Receiver<Arc<TipEvent>>,
}

impl Changes {
    fn from_now(core: &CoreHandle) -> Self {
        Self { txs: core.news.txs.subscribe(), tips: core.news.tips.subscribe() }
    }

    /// Waits for a transaction, or for blocks that gave theirs back.
    async fn next(mut self) {
        loop {
            tokio::select! {
                tx = self.txs.recv() => match tx {
                    // The loop above learns from the core itself that it is gone.
                    Err(RecvError::Closed) => std::future::pending().await,
                    Ok(_) | Err(RecvError::Lagged(_)) => return,
                },
                Ok(change) = self.tips.recv() => if !change.disconnected.is_empty() {
                    return;
                },
            }
        }
    }
}

#[cfg(test)]
mod tests;
