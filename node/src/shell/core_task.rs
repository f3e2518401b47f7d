//! The thread that runs the core, and the handle by which others ask it.

use super::checkers::{Checkers, pool};
use crate::core::{Call, Core, Done, Effect, Event, Job, Now, PoolEntry, TipEvent};
use rayon::ThreadPool;
use starling_ledger::StoreError;
use starling_network::{NetCommand, NetEvent, NetHandle};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::{Notify, broadcast, mpsc, oneshot};

/// Calls that wait for the core; whoever calls then waits too.
const CALL_QUEUE: usize = 1_024;
/// Results of jobs that wait for the core: more than bodies are ever fetched ahead, so that no worker waits
/// for the core while the core waits for the workers.
const DONE_QUEUE: usize = 4_096;
/// Commands that wait for the network; beyond, its events wait.
const MAX_PENDING_COMMANDS: usize = 4_096;
/// Threads that answer peers' questions from the database.
const SERVER_THREADS: usize = 2;
/// Time between two ticks.
const TICK: Duration = Duration::from_millis(100);
/// Events that a subscriber may fall behind.
pub(super) const SUBSCRIPTION_QUEUE: usize = 1_024;

/// The core stopped: the node is going down.
#[derive(Debug)]
pub(super) struct CoreGone;

/// What the core tells everybody.
#[derive(Clone)]
pub(super) struct News {
    pub(super) tips: broadcast::Sender<Arc<TipEvent>>,
    pub(super) txs: broadcast::Sender<PoolEntry>,
    /// Somebody decided about a peer, which is to last.
    pub(super) peers: Arc<Notify>,
}

/// Asks the core.
#[derive(Clone)]
pub(super) struct CoreHandle {
    calls: mpsc::Sender<Call>,
    pub(super) news: News,
}

impl CoreHandle {
    /// Runs `f` on the core, between two events.
    pub(super) async fn call<T: Send + 'static>(
        &self,
        f: impl FnOnce(&mut Core) -> T + Send + 'static,
    ) -> Result<T, CoreGone> {
        let (reply, answer) = oneshot::channel();
        // Whoever asked may have gone meanwhile; then nobody wants the answer.
        let call: Call = Box::new(move |core| drop(reply.send(f(core))));
        self.calls.send(call).await.map_err(|_| CoreGone)?;
        answer.await.map_err(|_| CoreGone)
    }
}

/// The running core.
pub(super) struct CoreTask {
    pub(super) handle: CoreHandle,
    /// Resolves when the core ends: with its last state, or why it failed.
    pub(super) ended: oneshot::Receiver<Result<Core, StoreError>>,
    stop: mpsc::Sender<()>,
}

impl CoreTask {
    /// Asks the core to end after the event at hand.
    pub(super) fn stop(&self) {
        let _already_told = self.stop.try_send(());
    }
}

/// The network side of the core's loop.
pub(super) struct NetSide {
    pub(super) handle: NetHandle,
    pub(super) events: mpsc::Receiver<NetEvent>,
}

/// Monotonic and wall time since the start.
#[derive(Clone, Copy)]
pub(super) struct Clock(Instant);

impl Clock {
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }

    pub(super) fn now(&self) -> Now {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Now { mono: self.0.elapsed(), unix }
    }
}

/// Starts the core on a thread of its own: nothing else can hold it up.
pub(super) fn start(core: Core, clock: Clock, net: NetSide) -> std::io::Result<CoreTask> {
    let (calls, call_queue) = mpsc::channel(CALL_QUEUE);
    let (stop, stopped) = mpsc::channel(1);
    let (end, ended) = oneshot::channel();
    let news = News {
        tips: broadcast::channel(SUBSCRIPTION_QUEUE).0,
        txs: broadcast::channel(SUBSCRIPTION_QUEUE).0,
        peers: Arc::default(),
    };
    let (done, done_queue) = mpsc::channel(DONE_QUEUE);
    let shell = Shell {
        core,
        clock,
        news: news.clone(),
        done,
        pending: VecDeque::new(),
        more: true,
        checkers: Checkers::start()?,
        servers: pool("serve", SERVER_THREADS)?,
    };
    let inputs = Inputs { calls: call_queue, done: done_queue, net, stopped };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    std::thread::Builder::new().name("core".into()).spawn(move || {
        let result = runtime.block_on(shell.run(inputs));
        // When nobody waits any more, the node is ending already.
        drop(end.send(result));
    })?;
    Ok(CoreTask { handle: CoreHandle { calls, news }, ended, stop })
}

struct Inputs {
    calls: mpsc::Receiver<Call>,
    done: mpsc::Receiver<Event>,
    net: NetSide,
    stopped: mpsc::Receiver<()>,
}

struct Shell {
    core: Core,
    clock: Clock,
    news: News,
    done: mpsc::Sender<Event>,
    pending: VecDeque<NetCommand>,
    more: bool,
    /// Check bodies. The core's own batches of signatures run in the global pool, so they never
    /// queue behind the bodies of a long sync.
    checkers: Checkers,
    /// Answer peers, who must not take all cores.
    servers: ThreadPool,
}

impl Shell {
    async fn run(mut self, mut inputs: Inputs) -> Result<Core, StoreError> {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let commands = inputs.net.handle.commands().clone();
        loop {
            let event = tokio::select! {
                _ = inputs.stopped.recv() => return Ok(self.core),
                permit = commands.reserve(), if !self.pending.is_empty() => {
                    match (permit, self.pending.pop_front()) {
                        (Ok(permit), Some(command)) => permit.send(command),
                        _ => return Ok(self.core),
                    }
                    continue;
                }
                Some(event) = inputs.done.recv() => event,
                Some(call) = inputs.calls.recv() => Event::Call(call),
                event = inputs.net.events.recv(), if self.takes_network_events() => match event {
                    Some(event) => Event::Net(event),
                    None => return Ok(self.core),
                },
                _ = ticks.tick() => Event::Tick,
                () = std::future::ready(()), if self.more => {
                    self.more = false;
                    Event::Continue
                }
            };
            let (began, before) = (Instant::now(), self.core.moved());
            let effects = self.core.handle(event, self.clock.now());
            if self.core.moved() != before {
                inputs.net.handle.traffic().connected_since(began);
            }
            for effect in effects {
                self.carry_out(effect)?;
            }
        }
    }

    /// While the network has much to do for us, its news wait.
    fn takes_network_events(&self) -> bool {
        self.pending.len() < MAX_PENDING_COMMANDS
    }

    fn carry_out(&mut self, effect: Effect) -> Result<(), StoreError> {
        match effect {
            Effect::Net(command) => self.pending.push_back(command),
            Effect::Work(job) => {
                let done = self.done.clone();
                // The core may have ended meanwhile; then nobody wants the result.
                let tell = move |found| drop(done.blocking_send(Event::Done(found)));
                match job {
                    Job::Check(job) => {
                        self.checkers.check(job.turn(), move || tell(Done::Checked(Box::new(job.run()))));
                    }
                    Job::Serve(job) => self.servers.spawn(move || tell(Done::Served(Box::new(job.run())))),
                }
            }
            // Nobody may be listening; then there is nobody to tell.
            Effect::Tip(change) => drop(self.news.tips.send(Arc::from(change))),
            Effect::Pool(entry) => drop(self.news.txs.send(entry)),
            Effect::Continue => self.more = true,
            Effect::Fatal(error) => return Err(error),
        }
        Ok(())
    }
}
