//! Mining inside the node: threads on the latest template, what they find handed to the core.

use super::core_task::{CoreGone, CoreHandle};
use super::{DevOptions, dev};
use crate::core::TemplateError;
use starling_mining::{Job, Miner};
use starling_primitives::{Address, Header, PowKind};
use std::num::NonZeroU16;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};
use tokio::sync::{broadcast, mpsc};

/// A template is asked for anew after this time, for better fees and a later time.
const REFRESH: Duration = Duration::from_secs(1);
/// Found blocks that wait for the core.
const FOUND_QUEUE: usize = 64;

/// What the miner does now.
#[derive(Clone, Debug, Default)]
pub(super) struct MinerStatus {
    pub(super) threads: u16,
    pub(super) payout: Option<Address>,
    pub(super) hash_rate: f64,
    pub(super) blocks_found: u64,
    pub(super) reason: Option<String>,
}

struct Running {
    threads: u16,
    payout: Address,
    /// Ends the refreshing task, and with it the miner's threads, when dropped.
    _stop: mpsc::Sender<()>,
}

#[derive(Default)]
struct Shared {
    running: Mutex<Option<Running>>,
    rate: Mutex<(f64, Option<String>)>,
    found: AtomicU64,
}

/// Starts and stops mining.
#[derive(Clone)]
pub(super) struct MinerHandle {
    core: CoreHandle,
    pow: PowKind,
    /// What is told while no threads mine: a private chain makes its blocks without them.
    idle: Arc<MinerStatus>,
    shared: Arc<Shared>,
}

impl MinerHandle {
    pub(super) fn new(core: CoreHandle, pow: PowKind, dev: Option<&DevOptions>) -> Self {
        let idle = dev.map(|dev| MinerStatus {
            payout: Some(dev.payout),
            reason: Some(dev::describe(dev.block_time)),
            ..MinerStatus::default()
        });
        Self { core, pow, idle: Arc::new(idle.unwrap_or_default()), shared: Arc::default() }
    }

    /// Starts, or starts anew, with so many threads.
    pub(super) fn start(&self, payout: Address, threads: NonZeroU16) -> std::io::Result<()> {
        let (miner, found) = Miner::start(threads)?;
        let (stop, stopped) = mpsc::channel(1);
        let (sender, blocks) = mpsc::channel(FOUND_QUEUE);
        std::thread::Builder::new().name("found-blocks".into()).spawn(move || {
            while let Ok(header) = found.recv() {
                if sender.blocking_send(header).is_err() {
                    break;
                }
            }
        })?;
        let task = Task { handle: self.clone(), payout, miner, blocks, stopped };
        tokio::spawn(task.run());
        *lock(&self.shared.running) = Some(Running { threads: threads.get(), payout, _stop: stop });
        Ok(())
    }

    pub(super) fn stop(&self) {
        *lock(&self.shared.running) = None;
        *lock(&self.shared.rate) = (0.0, None);
    }

    pub(super) fn status(&self) -> MinerStatus {
        let (hash_rate, reason) = lock(&self.shared.rate).clone();
        let found = self.shared.found.load(Ordering::Relaxed);
        match &*lock(&self.shared.running) {
            Some(running) => MinerStatus {
                threads: running.threads,
                payout: Some(running.payout),
                hash_rate,
                blocks_found: found,
                reason,
            },
            None => MinerStatus { blocks_found: found, ..MinerStatus::clone(&self.idle) },
        }
    }
}

struct Task {
    handle: MinerHandle,
    payout: Address,
    miner: Miner,
    blocks: mpsc::Receiver<Header>,
    stopped: mpsc::Receiver<()>,
}

impl Task {
    async fn run(mut self) {
        let mut tips = self.handle.core.news.tips.subscribe();
        let mut timer = tokio::time::interval(REFRESH);
        let mut since = (Instant::now(), 0);
        loop {
            let asked = tokio::select! {
                _ = self.stopped.recv() => break,
                tip = tips.recv() => match tip {
                    Err(broadcast::error::RecvError::Closed) => break,
                    _ => self.refresh().await,
                },
                header = self.blocks.recv() => match header {
                    Some(header) => self.found(header).await,
                    None => break,
                },
                _ = timer.tick() => {
                    since = self.measure(since);
                    self.refresh().await
                }
            };
            if asked.is_err() {
                break;
            }
        }
        self.miner.set_job(None);
    }

    /// Takes the latest template; without one the threads rest.
    async fn refresh(&self) -> Result<(), CoreGone> {
        let payout = self.payout;
        let template = self.handle.core.call(move |core| core.template(payout, &[], false)).await?;
        let (job, reason) = match template {
            Ok(template) => {
                let header = template.header;
                let (work, extra) = (*header.work(), header.extra().as_bytes());
                match Job::new(work, extra, *header.content(), self.handle.pow) {
                    Ok(job) => (Some(job), None),
                    Err(error) => (None, Some(error.to_string())),
                }
            }
            // The parent's time and the step lie ahead of the clock: the next refresh is soon enough.
            Err(TemplateError::TooEarly { .. }) => (None, None),
            Err(error) => (None, Some(error.to_string())),
        };
        self.miner.set_job(job);
        lock(&self.handle.shared.rate).1 = reason;
        Ok(())
    }

    async fn found(&self, header: Header) -> Result<(), CoreGone> {
        let (id, height) = (header.id(), header.height());
        match self.handle.core.call(move |core| core.submit_block(header)).await? {
            Ok(true) => {
                self.handle.shared.found.fetch_add(1, Ordering::Relaxed);
                tracing::info!(block = %id, height, "mined a block");
            }
            Ok(false) => tracing::info!(block = %id, height, "mined a block beside the best branch"),
            Err(error) => tracing::warn!(block = %id, height, %error, "a mined block was refused"),
        }
        Ok(())
    }

    /// The hash rate since the last look.
    fn measure(&self, (then, hashes): (Instant, u64)) -> (Instant, u64) {
        let now = (Instant::now(), self.miner.hashes());
        let seconds = now.0.duration_since(then).as_secs_f64();
        let done = u32::try_from(now.1.saturating_sub(hashes)).unwrap_or(u32::MAX);
        if seconds > 0.0 {
            lock(&self.handle.shared.rate).0 = f64::from(done) / seconds;
        }
        now
    }
}

/// The locks guard plain values, whole at every moment: a panic elsewhere leaves nothing half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
