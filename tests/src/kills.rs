//! Kills at random moments: how many, at which ones, and what came of them.
//!
//! `STARLING_KILLS` says how many kills all phases together make, `STARLING_SEED` which moments; a phase that
//! fails prints both, with the command that repeats it.

use crate::{Node, variable};
use starling_primitives::sha256;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// Kills of all phases together unless told otherwise.
const USUAL_KILLS: u32 = 20;

/// What a node does when it is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It mines, beside another miner.
    Mining,
    /// It catches up with a peer.
    Syncing,
    /// It reads a file of blocks.
    Importing,
    /// It takes payments as fast as they come, and puts them into blocks.
    Flushing,
    /// It leaves its branch for a better one.
    Reorganising,
    /// It starts after a kill.
    Starting,
}

impl Phase {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Mining, Self::Syncing, Self::Importing, Self::Flushing, Self::Reorganising, Self::Starting];

    /// As the test of this phase is called.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Mining => "mining",
            Self::Syncing => "syncing",
            Self::Importing => "importing",
            Self::Flushing => "flushing",
            Self::Reorganising => "reorganising",
            Self::Starting => "starting",
        }
    }
}

/// What the environment asks for; the only place that asks it.
#[derive(Clone, Copy)]
struct Asked {
    kills: u32,
    seed: u64,
}

impl Asked {
    fn get() -> Self {
        static ASKED: OnceLock<Asked> = OnceLock::new();
        *ASKED.get_or_init(|| Self {
            kills: variable("STARLING_KILLS").unwrap_or(USUAL_KILLS),
            // Its keys are random.
            seed: variable("STARLING_SEED").unwrap_or_else(|| RandomState::new().hash_one(0) >> 32),
        })
    }
}

/// The kills of one phase. Dropped, it tells what came of them, or how to repeat what failed.
pub struct Kills {
    phase: Phase,
    asked: Asked,
    drawn: u32,
    left: u32,
    counts: Counts,
}

/// What was done, of one phase or of all.
#[derive(Clone, Debug, Default)]
struct Counts {
    kills: u32,
    /// How long each start after a kill took, until RPC answered.
    restarts: Vec<Duration>,
    /// Chains that were executed again, and the blocks in them.
    verified: u32,
    blocks: u64,
    transactions: u64,
}

impl Kills {
    /// A phase's share of all kills.
    #[must_use]
    pub fn of(phase: Phase) -> Self {
        let asked = Asked::get();
        let phases = u32::try_from(Phase::ALL.len()).expect("a handful");
        let before = Phase::ALL.iter().take_while(|other| **other != phase).count();
        let rest = usize::try_from(asked.kills % phases).expect("less than the phases");
        let left = asked.kills / phases + u32::from(before < rest);
        Self { phase, asked, drawn: 0, left, counts: Counts::default() }
    }

    /// Kills that are still to be made.
    #[must_use]
    pub fn left(&self) -> u32 {
        self.left
    }

    /// A size: `usual`, and more when there is more time, as more kills than usual say.
    #[must_use]
    pub fn size(&self, usual: u32, more: u32) -> u32 {
        if self.asked.kills > USUAL_KILLS { more } else { usual }
    }

    /// A number below `limit`, which is not 0.
    pub fn below(&mut self, limit: u32) -> u32 {
        let text = format!("{} {} {}", self.asked.seed, self.phase.name(), self.drawn);
        self.drawn += 1;
        let [first, second, third, fourth, ..] = sha256(text.as_bytes());
        u32::from_be_bytes([first, second, third, fourth]) % limit
    }

    /// Lets a random part of `most` pass: the moment is the test's subject, no progress is waited for.
    pub fn let_pass(&mut self, most: Duration) {
        std::thread::sleep(most * self.below(1_000) / 1_000);
    }

    /// Counts a kill.
    ///
    /// # Panics
    /// When none is left.
    pub fn killed(&mut self) {
        self.left = self.left.checked_sub(1).expect("a kill more than asked for");
        self.counts.kills += 1;
    }

    /// Starts a killed node again on its directory.
    ///
    /// # Panics
    /// When it does not get ready, or does not answer.
    pub fn restart(&mut self, node: &mut Node) {
        self.timed(|| {
            node.restart();
            drop(node.info());
        });
    }

    /// Does what is a start after a kill.
    pub fn timed<T>(&mut self, start: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let started = start();
        self.counts.restarts.push(begun.elapsed());
        started
    }

    /// Counts transactions that were asked for after a kill.
    pub fn found(&mut self, transactions: usize) {
        self.counts.transactions += u64::try_from(transactions).expect("a count is a u64");
    }

    /// Counts a chain that was executed again.
    pub fn verified(&mut self, blocks: u64) {
        self.counts.verified += 1;
        self.counts.blocks += blocks;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sorted = self.restarts.clone();
        sorted.sort_unstable();
        let millis = |at: usize| sorted.get(at).map_or(0, Duration::as_millis);
        let (median, longest) = (millis(sorted.len() / 2), millis(sorted.len().saturating_sub(1)));
        let Self { kills, verified, blocks, transactions, .. } = self;
        write!(
            f,
            "{kills} kills, {} restarts (median {median} ms, longest {longest} ms), {verified} chains of \
             {blocks} blocks verified, {transactions} transactions found again",
            sorted.len()
        )
    }
}

impl Drop for Kills {
    fn drop(&mut self) {
        let (phase, Asked { kills, seed }) = (self.phase.name(), self.asked);
        if std::thread::panicking() {
            eprintln!(
                "kill {} of this phase; repeat it: STARLING_KILLS={kills} STARLING_SEED={seed} cargo test \
                 --release --workspace --test all -- {phase}_survives_kills",
                self.counts.kills
            );
            return;
        }
        eprintln!("killed while {phase}: {}; seed {seed}", self.counts);
        static DONE: Mutex<Vec<Counts>> = Mutex::new(Vec::new());
        let mut done = DONE.lock().unwrap_or_else(PoisonError::into_inner);
        done.push(self.counts.clone());
        if done.len() == Phase::ALL.len() {
            let mut all = Counts::default();
            for one in done.drain(..) {
                all.kills += one.kills;
                all.restarts.extend(one.restarts);
                all.verified += one.verified;
                all.blocks += one.blocks;
                all.transactions += one.transactions;
            }
            eprintln!("killed in all phases: {all}");
        }
    }
}
