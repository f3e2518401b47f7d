//! `starling bench import`: whole blocks on a durable database, from reading them to answering from them.

use super::chain::{Made, Part, REORGANISED_BLOCKS, Sizes, make};
use super::hardware::{Hardware, forget_peak, peak_bytes};
use super::place::{Place, copy_dir};
use super::replica::{Replica, checked_blocks, seen_in};
use super::report::{Line, PAYMENTS_S, Report, SIGNATURES_S, Target, float};
use super::seed::{Payments, Seed};
use super::start::start;
use super::work::Work;
use super::yardstick::{checks, yardstick};
use crate::failure::{Failure, Outcome};
use starling_consensus::SignatureCheck;
use starling_node::{ImportOptions, ImportSummary, import_chain};
use starling_primitives::BlockId;
use std::fs::{self, File};
use std::io::BufReader;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// What is measured, unless said otherwise.
const USUAL: Sizes = Sizes { accounts: 200_000, payments: 200_000, empty: 20_000 };
/// What the targets are set for.
const FULL: Sizes = Sizes { accounts: 1_000_000, payments: 1_000_000, empty: 1_000_000 };
/// Signatures that the yardstick verifies.
const YARDSTICK_SIGNATURES: u64 = 16_384;
/// Bytes on disk for each account, payment and empty block, in all files together at the most.
const BYTES_EACH: [u64; 3] = [500, 2_500, 2_000];
/// Bytes that are read at once.
const BUFFER_BYTES: usize = 1 << 20;

/// What may be chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Choice {
    /// Accounts before the first payment.
    pub(crate) accounts: Option<u64>,
    /// Payments.
    pub(crate) payments: Option<u64>,
    /// Blocks without transactions.
    pub(crate) empty: Option<u64>,
}

/// Measures, in a directory of its own.
///
/// # Errors
/// There is no room, the disk fails, or an interruption.
pub(crate) fn import(seed: u64, full: bool, choice: Choice, dir: Option<&Path>) -> Outcome<Report> {
    let (begun, work, seed) = (Instant::now(), Work::begin()?, Seed(seed));
    let usual = if full { FULL } else { USUAL };
    let sizes = Sizes {
        accounts: choice.accounts.unwrap_or(usual.accounts),
        payments: choice.payments.unwrap_or(usual.payments),
        empty: choice.empty.unwrap_or(usual.empty),
    };
    let counts = [sizes.accounts, sizes.payments, sizes.empty];
    let bytes = counts
        .iter()
        .zip(BYTES_EACH)
        .fold(0, |sum: u64, (n, each)| sum.saturating_add(n.saturating_mul(each)));
    let place = Place::open(dir, bytes, &work)?;
    let made = make(seed, sizes, &place, &work)?;
    let signed = signatures(seed, &made);
    let before = yardstick(&signed, &work)?;
    let run = Run { made, work, cold: place.path("cold"), warm: place.path("warm") };
    let mut lines = run.measure()?;
    let yardstick = (before + yardstick(&signed, &run.work)?) / 2.0;
    lines.insert(0, Line::new("yardstick", "yardstick R: batches of 256", Some(yardstick), SIGNATURES_S));
    Ok(Report {
        bench: "import",
        seed: seed.0,
        hardware: Hardware::here(Some(&place.path(""))),
        sizes: vec![
            ("accounts", sizes.accounts),
            ("payments", sizes.payments),
            ("full blocks", run.made.payments.blocks.into()),
            ("empty blocks", sizes.empty),
        ],
        tip: Some(run.made.empty.tip.to_string()),
        yardstick,
        lines,
        seconds: begun.elapsed().as_secs_f64(),
    })
}

fn signatures(seed: Seed, made: &Made) -> Vec<SignatureCheck> {
    let payments = Payments::new(seed, made.chain.clone(), YARDSTICK_SIGNATURES);
    checks(&payments.sign(0..YARDSTICK_SIGNATURES), &made.chain.genesis_id())
}

/// A chain that is made, and the two directories that it is imported into.
struct Run {
    made: Made,
    work: Work,
    cold: PathBuf,
    warm: PathBuf,
}

impl Run {
    fn measure(&self) -> Outcome<Vec<Line>> {
        let sizes = self.made.sizes;
        let many = sizes.accounts >= FULL.accounts;
        self.import_file("importing accounts", &self.made.funding)?;
        copy_dir(&self.cold, &self.warm)?;
        let mut lines = self.cold(many)?;
        lines.insert(1, self.warm(many)?);
        lines.extend(self.reorganise(many)?);
        let seconds = self.import_file("importing empty blocks", &self.made.empty)?;
        let rate = float(sizes.empty) / seconds;
        lines.push(Line::new("import_empty", "import of empty blocks", Some(rate), "blocks/s"));
        let begun = start(&self.cold, &self.made.file, &self.work)?;
        let what = format!("start with {} empty blocks, to ready", sizes.empty);
        let full = many && sizes.empty >= FULL.empty;
        let ready = Line::new("start", what, Some(begun.seconds), "s").target(Target::AtMost(3.0), full);
        let peak = begun.peak.map(mebibytes);
        lines.extend([ready, Line::new("start_peak", "most memory of that start", peak, "MiB")]);
        Ok(lines)
    }

    /// The import as it is.
    fn cold(&self, many: bool) -> Outcome<Vec<Line>> {
        forget_peak();
        let options = ImportOptions::default();
        let (seconds, written) = self.import("importing, cold", &self.made.payments, &self.cold, &options)?;
        let (peak, payments) = (peak_bytes("self").map(mebibytes), float(self.made.sizes.payments));
        let rate = Some(payments / seconds);
        let each = Some(float(written) / payments);
        let (least, most) = (Target::Yardsticks(0.8), Target::AtMost(2_500.0));
        Ok(vec![
            Line::new("import_cold", "import, signatures unknown", rate, PAYMENTS_S).target(least, many),
            Line::new("disk_per_payment", "written to disk per payment", each, "bytes").target(most, many),
            Line::new("import_peak", "most memory of that import", peak, "MiB"),
        ])
    }

    /// The same blocks where each transaction has been seen before.
    fn warm(&self, many: bool) -> Outcome<Line> {
        let signatures = Some(seen_in(&self.made.payments, &self.made.chain, &self.work)?);
        let options = ImportOptions { signatures, ..ImportOptions::default() };
        let (seconds, _) =
            self.import("importing, seen before", &self.made.payments, &self.warm, &options)?;
        let rate = float(self.made.sizes.payments) / seconds;
        // Its space is needed.
        fs::remove_dir_all(&self.warm).map_err(|error| Failure::file(&self.warm, &error))?;
        let line = Line::new("import_warm", "import, signatures seen before", Some(rate), PAYMENTS_S);
        Ok(line.target(Target::Yardsticks(4.0), many))
    }

    /// The last blocks leave for those of another miner, a moment after a start, which has not connected them
    /// itself; and these for those of a third.
    fn reorganise(&self, many: bool) -> Outcome<[Line; 2]> {
        let mut replica = Replica::open(&self.cold, &self.made.chain, true)?;
        let [second, third] = &self.made.branches;
        let after_start = self.replace(&mut replica, &self.made.payments.tip, second)?;
        let running = self.replace(&mut replica, &second.tip, third)?;
        let blocks = self.made.replaced;
        let full = self.made.is_full && blocks == REORGANISED_BLOCKS;
        let what = format!("reorganisation of {blocks} {}blocks", if full { "full " } else { "" });
        let after =
            Line::new("reorganisation_start", format!("{what} after a start"), Some(after_start), "s");
        let line = Line::new("reorganisation", what, Some(running), "s");
        Ok([line.target(Target::AtMost(0.5), many && full), after])
    }

    /// The blocks of a branch came before and are checked: the one that makes it the better one is what
    /// counts, in seconds.
    fn replace(&self, replica: &mut Replica, tip: &BlockId, by: &Part) -> Outcome<f64> {
        let mut branch = checked_blocks(&by.path, &self.made.chain)?;
        let last = branch.pop().ok_or_else(|| Failure::failed("the rival branch is empty"))?;
        replica.pass();
        for block in branch {
            replica.take(block)?;
            self.work.go_on()?;
        }
        expect_tip(replica.tip(), tip)?;
        let started = Instant::now();
        replica.take(last)?;
        let seconds = started.elapsed().as_secs_f64();
        expect_tip(replica.tip(), &by.tip)?;
        Ok(seconds)
    }

    fn import_file(&self, what: &'static str, part: &Part) -> Outcome<f64> {
        self.import(what, part, &self.cold, &ImportOptions::default()).map(|(seconds, _)| seconds)
    }

    /// Imports a file by the way of `starling chain import`; tells the seconds from the first block on: what
    /// opening the database takes is another line's. And the bytes that the database wrote.
    fn import(
        &self,
        what: &'static str,
        part: &Part,
        to: &Path,
        with: &ImportOptions,
    ) -> Outcome<(f64, u64)> {
        let file = File::open(&part.path).map_err(|error| Failure::file(&part.path, &error))?;
        let mut input = BufReader::with_capacity(BUFFER_BYTES, self.work.reader(file));
        let step = self.work.step(what, part.blocks.into());
        let mut first = None;
        let mut progress = |height: u32| {
            let (from, _) = *first.get_or_insert_with(|| (height, Instant::now()));
            step.is_at(height.saturating_sub(from).into());
            ControlFlow::Continue(())
        };
        let imported = import_chain(&self.made.chain, to, with, &mut input, &mut progress);
        let seconds = first.map_or(0.0, |(_, begun)| begun.elapsed().as_secs_f64());
        self.work.go_on()?;
        let ImportSummary { blocks, disk_bytes, .. } = imported?;
        if blocks != part.blocks {
            return Err(Failure::failed(format!("{blocks} of {} blocks were imported", part.blocks)));
        }
        Ok((seconds, disk_bytes))
    }
}

fn expect_tip(found: BlockId, expected: &BlockId) -> Outcome<()> {
    if found == *expected {
        return Ok(());
    }
    Err(Failure::failed(format!("the benchmark ended on block {found}, and not on {expected}")))
}

fn mebibytes(bytes: u64) -> f64 {
    float(bytes) / 1_048_576.0
}
