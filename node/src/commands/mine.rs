//! `starling mine`: a miner of its own against a node's RPC, template in and block out.

mod report;
mod session;

use super::{client, configure, runtime};
use crate::cli::MineArgs;
use crate::failure::{Failure, Outcome};
use report::Report;
use session::Session;
use starling_mining::{FOUND_QUEUE, Job, Miner};
use starling_primitives::Header;
use std::collections::VecDeque;
use std::num::NonZeroU16;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

/// Time between two looks at the hash rate.
const LOOK: Duration = Duration::from_secs(1);

/// Mines until Ctrl-C or SIGTERM, which is how it is meant to end.
pub(super) fn mine(args: MineArgs) -> Outcome<()> {
    let json = args.format.json;
    let config = configure(args.layer())?;
    let client = client(&config)?;
    let hint =
        "--payout ADDRESS is needed, which the rewards go to; make one with `starling wallet new NAME`";
    let payout = config.payout_text().ok_or_else(|| Failure::usage(hint))?.to_owned();
    let threads = config.threads()?.unwrap_or_else(all_processors);
    runtime()?.block_on(async {
        let refused = |error| Failure::failed(format!("the system refused: {error}"));
        let mut terminate = signal(SignalKind::terminate()).map_err(refused)?;
        let session = Session::open(client, payout).await?;
        let mut mining = Mining::start(session, threads, Report::new(json))?;
        let end = tokio::select! {
            end = mining.run() => end,
            _ = tokio::signal::ctrl_c() => Ok(()),
            _ = terminate.recv() => Ok(()),
        };
        let hashes = mining.miner.hashes();
        mining.report.summary(hashes).and(end)
    })
}

fn all_processors() -> NonZeroU16 {
    let count = std::thread::available_parallelism().ok();
    count.and_then(|count| NonZeroU16::try_from(count).ok()).unwrap_or(NonZeroU16::MIN)
}

/// The miner's threads, the node they work for, and what both have come to.
struct Mining {
    session: Session,
    miner: Miner,
    found: mpsc::Receiver<Header>,
    /// Found blocks that the node has not answered for, oldest first; at most [`FOUND_QUEUE`].
    unsent: VecDeque<Header>,
    report: Report,
}

impl Mining {
    fn start(session: Session, threads: NonZeroU16, mut report: Report) -> Outcome<Self> {
        let refused = |error| Failure::failed(format!("the system starts no more threads: {error}"));
        let (miner, headers) = Miner::start(threads).map_err(refused)?;
        let (sender, found) = mpsc::channel(FOUND_QUEUE);
        let pass_on = move || {
            while let Ok(header) = headers.recv()
                && sender.blocking_send(header).is_ok()
            {}
        };
        std::thread::Builder::new().name("found".to_owned()).spawn(pass_on).map_err(refused)?;
        report.started(&session, threads)?;
        Ok(Self { session, miner, found, unsent: VecDeque::new(), report })
    }

    async fn run(&mut self) -> Outcome<()> {
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                header = self.found.recv() => match header {
                    Some(header) => self.submit(header).await?,
                    None => return Err(Failure::failed("the miner's threads have ended")),
                },
                () = self.session.changed() => self.renew().await?,
                _ = look.tick() => self.report.look(self.miner.hashes())?,
            }
        }
    }

    /// Mines the node's latest template, or rests while there is none.
    async fn renew(&mut self) -> Outcome<()> {
        match self.session.template(&mut self.report).await? {
            session::Answer::Same => {}
            session::Answer::Rest(reason) => {
                self.miner.set_job(None);
                self.report.resting(reason);
            }
            session::Answer::New(template) => {
                let header = &template.header;
                let job =
                    Job::new(*header.work(), header.extra().as_bytes(), *header.content(), template.pow);
                let job = job.map_err(|error| Failure::failed(format!("the node's template: {error}")))?;
                self.report.working(header.height(), job.target().work().to_f64());
                self.miner.set_job(Some(job));
            }
        }
        Ok(())
    }

    /// Hands in a found block, and those before it that could not be handed in.
    async fn submit(&mut self, header: Header) -> Outcome<()> {
        if self.unsent.len() == FOUND_QUEUE {
            self.unsent.pop_front();
        }
        self.unsent.push_back(header);
        while let Some(header) = self.unsent.front() {
            match self.session.submit(header, &mut self.report).await? {
                session::Verdict::Taken(block) => self.report.block(&block)?,
                session::Verdict::Refused(error) => self.report.refused(header.height(), &error)?,
            }
            self.unsent.pop_front();
        }
        self.renew().await
    }
}
