//! `starling bench verify`: signatures, and what a block needs before it needs a state.

use super::chain::{content, easy_chain, payments_in_block, solve};
use super::hardware::Hardware;
use super::report::{Line, PAYMENTS_S, Report, SIGNATURES_S};
use super::seed::{Nobody, Payments, Seed};
use super::work::Work;
use super::yardstick::{checks, rate, yardstick};
use crate::failure::{Failure, Outcome};
use starling_consensus::{CheckedBlock, CheckedHeader, KnownKeys, verify_batch};
use starling_genesis::Chain;
use starling_primitives::{Block, BlockId, Transaction, WorkHeader, Wtxid};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

/// Payments that are signed for it, unless said otherwise.
const PAYMENTS: u64 = 32_768;
/// With `--full`.
const FULL_PAYMENTS: u64 = 131_072;

/// Measures, on so many payments.
///
/// # Errors
/// An interruption.
pub(crate) fn verify(seed: u64, full: bool, payments: Option<u64>) -> Outcome<Report> {
    let (begun, work, seed) = (Instant::now(), Work::begin()?, Seed(seed));
    let payments = payments.unwrap_or(if full { FULL_PAYMENTS } else { PAYMENTS });
    let chain = Arc::new(easy_chain(seed)?.1);
    let txs = Payments::new(seed, chain.clone(), payments).sign(0..payments);
    let signed = checks(&txs, &chain.genesis_id());
    let before = yardstick(&signed, &work)?;
    let batch =
        rate(signed.len(), &work, || verify_batch(&signed, &KnownKeys::none()).map_err(Failure::failed))?;
    let in_block = usize::try_from(payments_in_block()).unwrap_or(usize::MAX).min(txs.len());
    let mut lines = of_block(&chain, &txs[..in_block], seed, &work)?;
    let yardstick = (before + yardstick(&signed, &work)?) / 2.0;
    lines.insert(0, Line::new("yardstick", "yardstick R: batches of 256", Some(yardstick), SIGNATURES_S));
    lines.insert(1, Line::new("verify_batch", "our batches, cold", Some(batch), SIGNATURES_S));
    Ok(Report {
        bench: "verify",
        seed: seed.0,
        hardware: Hardware::here(None),
        sizes: vec![("payments", payments), ("payments in the block", u64::try_from(in_block).unwrap_or(0))],
        tip: None,
        yardstick,
        lines,
        seconds: begun.elapsed().as_secs_f64(),
    })
}

/// A block of these transactions: decoding it, and checking it with signatures unknown and known.
fn of_block(chain: &Chain, txs: &[Arc<Transaction>], seed: Seed, work: &Work) -> Outcome<Vec<Line>> {
    let header = header(chain, txs, seed)?;
    let block = Block { header: header.header().clone(), txs: txs.to_vec() };
    let bytes = block.encode();
    let most = chain.params.max_body_bytes;
    let decode = rate(txs.len(), work, || Block::decode(&bytes, most).map(|_| ()).map_err(Failure::failed))?;
    let genesis = chain.genesis_id();
    let check = |known: &dyn Fn(&Wtxid) -> bool| {
        let checked = CheckedBlock::check(header.clone(), txs.to_vec(), &genesis, known, &KnownKeys::none());
        checked.map(|_| ()).map_err(Failure::failed)
    };
    let cold = rate(txs.len(), work, || check(&|_| false))?;
    let seen: HashSet<Wtxid> = txs.iter().map(|tx| tx.wtxid()).collect();
    let warm = rate(txs.len(), work, || check(&|id| seen.contains(id)))?;
    Ok(vec![
        Line::new("decode", "decoding a full block, one core", Some(decode), PAYMENTS_S),
        Line::new("check_cold", "checking it, cold", Some(cold), PAYMENTS_S),
        Line::new("check_known", "checking it, signatures known, one core", Some(warm), PAYMENTS_S),
    ])
}

/// A header that is true by itself over these transactions.
fn header(chain: &Chain, txs: &[Arc<Transaction>], seed: Seed) -> Outcome<CheckedHeader> {
    let parent: BlockId = chain.genesis.id();
    let work = WorkHeader {
        version: WorkHeader::BASE_VERSION,
        parent,
        root: [0; 32],
        time: chain.genesis.work().time.saturating_add(1),
        bits: chain.params.genesis_bits,
        nonce: 0,
    };
    solve(work, content(txs, seed.address(Nobody::Miner, 0), 1), chain)
}
