//! Blocks on demand: for `mining_generate`, and for the private chain of `starling dev`.

use super::core_task::{CoreGone, CoreHandle};
use crate::core::{SubmitBlockError, TemplateError};
use starling_mining::{Job, Part, search};
use starling_primitives::{Address, BlockId, PowKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use thiserror::Error;
use tokio::sync::broadcast;

/// Why no block was made.
#[derive(Debug, Error)]
pub(super) enum GenerateError {
    #[error(transparent)]
    Template(#[from] TemplateError),
    #[error("the block was refused: {0}")]
    Refused(#[from] SubmitBlockError),
    #[error("the template cannot be mined: {0}")]
    Job(String),
    #[error("the search was given up")]
    Stopped,
    #[error("the node is stopping")]
    Gone,
}

impl From<CoreGone> for GenerateError {
    fn from(_: CoreGone) -> Self {
        Self::Gone
    }
}

/// Ends a search when whoever asked for it is gone.
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Makes one block now, its time ahead of the clock if the chain allows.
pub(super) async fn generate(
    core: &CoreHandle,
    pow: PowKind,
    payout: Address,
) -> Result<BlockId, GenerateError> {
    let template = core.call(move |core| core.template(payout, &[], true)).await??;
    let header = template.header;
    let job = Job::new(*header.work(), header.extra().as_bytes(), *header.content(), pow);
    let job = job.map_err(|error| GenerateError::Job(error.to_string()))?;
    let stop = StopOnDrop(Arc::default());
    let flag = stop.0.clone();
    let found = tokio::task::spawn_blocking(move || search(&job, Part::WHOLE, &flag, &AtomicU64::new(0)));
    let header = found.await.ok().flatten().ok_or(GenerateError::Stopped)?;
    let id = header.id();
    core.call(move |core| core.submit_block(header)).await??;
    Ok(id)
}

/// Mines as `starling dev` does, until the core ends: on each transaction, or every so many seconds.
pub(super) async fn mine(core: CoreHandle, pow: PowKind, payout: Address, block_time: Option<u32>) {
    let mut txs = core.news.txs.subscribe();
    loop {
        match block_time {
            Some(seconds) => tokio::time::sleep(Duration::from_secs(u64::from(seconds))).await,
            None => {
                if let Err(broadcast::error::RecvError::Closed) = txs.recv().await {
                    return;
                }
                // What else arrived meanwhile goes into the same block.
                while txs.try_recv().is_ok() {}
            }
        }
        let wanted = core.call(move |core| block_time.is_some() || core.pool().info().executable > 0).await;
        match wanted {
            Ok(true) => {}
            Ok(false) => continue,
            Err(CoreGone) => return,
        }
        match generate(&core, pow, payout).await {
            Ok(_) => {}
            Err(GenerateError::Gone) => return,
            Err(error) => tracing::warn!(%error, "no block was made"),
        }
    }
}
