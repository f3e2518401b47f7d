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

/// How `starling dev` mines, in words.
pub(super) fn describe(block_time: Option<u32>) -> String {
    match block_time {
        Some(seconds) => format!("this private chain makes a block every {seconds} s"),
        None => "this private chain makes a block for each transaction".to_owned(),
    }
}

/// Mines as `starling dev` does, until the core ends: on each transaction, or every so many seconds.
pub(super) async fn mine(core: CoreHandle, pow: PowKind, payout: Address, block_time: Option<u32>) {
    let ended = match block_time {
        Some(seconds) => mine_every(Duration::from_secs(seconds.into()), &core, pow, payout).await,
        None => mine_on_transactions(&core, pow, payout).await,
    };
    // The core is gone, and nobody is left to tell.
    drop(ended);
}

async fn mine_every(
    time: Duration,
    core: &CoreHandle,
    pow: PowKind,
    payout: Address,
) -> Result<(), CoreGone> {
    loop {
        tokio::time::sleep(time).await;
        make_block(core, pow, payout).await?;
    }
}

async fn mine_on_transactions(core: &CoreHandle, pow: PowKind, payout: Address) -> Result<(), CoreGone> {
    loop {
        // What comes while a block is made is news; what waits from before is mined at once.
        let mut txs = core.news.txs.subscribe();
        mine_all(core, pow, payout).await?;
        if let Err(broadcast::error::RecvError::Closed) = txs.recv().await {
            return Err(CoreGone);
        }
    }
}

/// Makes blocks until nothing can be mined: what waits may not fit into one.
async fn mine_all(core: &CoreHandle, pow: PowKind, payout: Address) -> Result<(), CoreGone> {
    let waiting = || core.call(|core| core.pool().info().executable);
    let mut before = waiting().await?;
    while before > 0 {
        make_block(core, pow, payout).await?;
        let left = waiting().await?;
        // What no block takes is tried again with the next transaction.
        if left >= before {
            break;
        }
        before = left;
    }
    Ok(())
}

/// Makes one block, or says in the log why not.
async fn make_block(core: &CoreHandle, pow: PowKind, payout: Address) -> Result<(), CoreGone> {
    match generate(core, pow, payout).await {
        Ok(_) => Ok(()),
        Err(GenerateError::Gone) => Err(CoreGone),
        Err(error) => {
            tracing::warn!(%error, "no block was made");
            Ok(())
        }
    }
}
