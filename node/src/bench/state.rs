//! `starling bench state`: the state tree alone, on a database of its own.

use super::chain::{easy_chain, store};
use super::hardware::Hardware;
use super::place::Place;
use super::report::{Line, Report, SIGNATURES_S, Target, float, median};
use super::seed::{Payments, Seed};
use super::work::Work;
use super::yardstick::{checks, yardstick};
use crate::failure::{Failure, Outcome};
use starling_ledger::{StateFigures, StatePlan, measure_state};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Accounts, unless said otherwise.
const ACCOUNTS: u64 = 1_000_000;
/// The larger of the two states of `--full`, which the target of the root is set for.
const MANY_ACCOUNTS: u64 = 10_000_000;
/// Accounts that a block changes.
const CHANGES: u64 = 20_000;
/// Blocks: the middle one counts.
const BLOCKS: u64 = 9;
/// Accounts that are proven: the middle one counts.
const PROOFS: u64 = 1_000;
/// Bytes on disk for each account at the most, while files are merged.
const BYTES_EACH: u64 = 250;
/// Signatures that the yardstick verifies.
const YARDSTICK_SIGNATURES: u64 = 16_384;

/// Measures, in a directory of its own.
///
/// # Errors
/// There is no room, the disk fails, or an interruption.
pub(crate) fn state(seed: u64, full: bool, accounts: Option<u64>, dir: Option<&Path>) -> Outcome<Report> {
    let (begun, work, seed) = (Instant::now(), Work::begin()?, Seed(seed));
    let states = match accounts {
        Some(accounts) => vec![accounts],
        None if full => vec![ACCOUNTS, MANY_ACCOUNTS],
        None => vec![ACCOUNTS],
    };
    let most = states.iter().copied().max().unwrap_or(0);
    let place = Place::open(dir, most.saturating_mul(BYTES_EACH), &work)?;
    let chain = Arc::new(easy_chain(seed)?.1);
    let payments = Payments::new(seed, chain.clone(), YARDSTICK_SIGNATURES);
    let signed = checks(&payments.sign(0..YARDSTICK_SIGNATURES), &chain.genesis_id());
    let yardstick = yardstick(&signed, &work)?;
    let mut lines =
        vec![Line::new("yardstick", "yardstick R: batches of 256", Some(yardstick), SIGNATURES_S)];
    for accounts in &states {
        lines.extend(of_state(*accounts, seed, &place, &work)?);
    }
    Ok(Report {
        bench: "state",
        seed: seed.0,
        hardware: Hardware::here(Some(&place.path(""))),
        sizes: ["accounts", "accounts in a second state"].into_iter().zip(states).collect(),
        tip: None,
        yardstick,
        lines,
        seconds: begun.elapsed().as_secs_f64(),
    })
}

fn of_state(accounts: u64, seed: Seed, place: &Place, work: &Work) -> Outcome<Vec<Line>> {
    let plan = StatePlan { accounts, changes: CHANGES, blocks: BLOCKS, proofs: PROOFS, seed: seed.0 };
    let dir = place.path("state");
    let begun = Instant::now();
    let figures = {
        let step = work.step("making accounts", accounts);
        let mut told = |written| {
            step.is_at(written);
            !work.is_stopped()
        };
        measure_state(&dir, &plan, &|| begun.elapsed(), &mut told).map_err(store)?
    };
    work.go_on()?;
    // The next state needs the space.
    std::fs::remove_dir_all(&dir).map_err(|error| Failure::file(&dir, &error))?;
    let figures = figures.ok_or_else(|| Failure::failed("nothing was measured"))?;
    Ok(lines(accounts, &figures))
}

fn lines(accounts: u64, figures: &StateFigures) -> Vec<Line> {
    let middle =
        |times: &[Duration], unit: f64| median(times.iter().map(|t| unit * t.as_secs_f64()).collect());
    let sizes = figures.proof_bytes.iter().map(|bytes| float(u64::try_from(*bytes).unwrap_or(u64::MAX)));
    let count = float(u64::try_from(figures.proof_bytes.len()).unwrap_or(u64::MAX));
    let (mean, largest) = (sizes.clone().sum::<f64>() / count, sizes.fold(0.0, f64::max));
    let tree = float(u64::try_from(figures.tree_bytes).unwrap_or(u64::MAX)) / float(accounts.max(1));
    let (small, large) = (accounts == ACCOUNTS, accounts >= MANY_ACCOUNTS);
    let changed = CHANGES.min(accounts);
    let line = |name, what: String, value, unit| Line {
        accounts: Some(accounts),
        ..Line::new(name, what, value, unit)
    };
    let root = middle(&figures.hash, 1e3);
    let read = middle(&figures.prefetch, 1e3);
    let per_account = if large { Target::AtMost(20.0) } else { Target::AtMost(72.0) };
    let load = figures.load.as_secs_f64();
    let proven = middle(&figures.prove, 1e6);
    vec![
        line("state_root", format!("state root for {changed} changes"), root, "ms")
            .target(Target::AtMost(15.0), large && changed == CHANGES),
        line("state_prefetch", "reading their buckets first".into(), read, "ms"),
        line("tree_per_account", "memory of the tree per account".into(), Some(tree), "bytes")
            .target(per_account, small || large),
        line("state_load", "building the tree at a start".into(), Some(load), "s"),
        line("proof_size", "proof of an account".into(), Some(mean), "bytes")
            .target(Target::AtMost(800.0), small),
        line("proof_size_max", "the largest of these proofs".into(), Some(largest), "bytes"),
        line("proof_time", "making a proof".into(), proven, "us").target(Target::AtMost(50.0), small),
    ]
}
