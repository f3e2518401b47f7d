//! The chain that an import is measured with, made from the seed: blocks of real payments with real roots and
//! signatures, and proofs of work that two hashes make.
//!
//! It begins with payments of one funder that bring the accounts into being. Full blocks of payments follow;
//! the last ten of them a second and a third time, each by another miner and with one block more; and then
//! blocks without transactions. All of it goes to files as `starling chain export` writes them, block by
//! block: no more than a few are in memory.

use super::place::Place;
use super::seed::{Nobody, Payments, Seed, transfer};
use super::work::Work;
use crate::failure::{Failure, Outcome};
use starling_consensus::{BestChange, CheckedBlock, CheckedHeader, HeaderTree, Inserted, KnownKeys, Status};
use starling_genesis::{Chain, ChainFile, NewChain};
use starling_ledger::{Ledger, StoreError};
use starling_node::NodeError;
use starling_primitives::{
    Address, BlockId, Content, Header, Output, Prefix, Transaction, WorkHeader, limits, tx_root,
};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;

/// Blocks that are reorganised: the target's.
pub(super) const REORGANISED_BLOCKS: u32 = 10;
/// Bytes of a payment in a body.
const PAYMENT_BYTES: usize = limits::MIN_TX_BYTES + limits::TX_LEN_BYTES;
/// Accounts that one transaction of the funder brings into being.
const FUNDED_TOGETHER: u64 = 255;
/// Transactions of the funder in a block: less than 2 MiB.
const FUNDINGS_IN_BLOCK: u64 = 200;
/// The number of the funder's key, which no sender has.
const FUNDER: u64 = u64::MAX;
/// What the funder has, in STAR: enough for any number of accounts.
const FUNDS: &str = "100000000000";
/// The first block's time in Unix seconds: always the same, and past.
const GENESIS_TIME: u32 = 1_000_000_000;
/// Bytes that are written at once.
const BUFFER_BYTES: usize = 1 << 20;

/// How large the chain is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sizes {
    /// Accounts before the first payment.
    pub(super) accounts: u64,
    /// Payments.
    pub(super) payments: u64,
    /// Blocks without transactions.
    pub(super) empty: u64,
}

/// A file of blocks.
pub(super) struct Part {
    /// Where it is.
    pub(super) path: PathBuf,
    /// Blocks in it.
    pub(super) blocks: u32,
    /// The last of them.
    pub(super) tip: BlockId,
}

/// A chain in files.
pub(super) struct Made {
    pub(super) chain: Arc<Chain>,
    pub(super) sizes: Sizes,
    /// The chain file.
    pub(super) file: PathBuf,
    /// Blocks that bring the accounts into being.
    pub(super) funding: Part,
    /// Blocks of payments.
    pub(super) payments: Part,
    /// Twice the last of the blocks of payments again, by another miner, each with one block more than the
    /// branch before.
    pub(super) branches: [Part; 2],
    /// How many blocks of payments each branch replaces.
    pub(super) replaced: u32,
    /// Whether each of these is full.
    pub(super) is_full: bool,
    /// Blocks without transactions upon the last branch.
    pub(super) empty: Part,
}

/// Payments in a full block: as many as fit on the public test network.
pub(super) fn payments_in_block() -> u64 {
    let bytes = usize::try_from(Chain::testnet().params.max_body_bytes).unwrap_or(usize::MAX);
    u64::try_from(bytes / PAYMENT_BYTES).unwrap_or(u64::MAX)
}

/// A private chain on which two hashes make a block, and its file.
pub(super) fn easy_chain(seed: Seed) -> Outcome<(ChainFile, Chain)> {
    let prefix = Prefix::new("dstar").map_err(Failure::failed)?;
    let funder = seed.key(FUNDER).address().to_text(&prefix);
    Ok(Chain::create(NewChain {
        name: "bench".to_owned(),
        interval: 1,
        bits: Some("207fffff".to_owned()),
        pow: "sha256d".to_owned(),
        time: GENESIS_TIME,
        prefund: vec![(funder, FUNDS.to_owned())],
    })?)
}

/// Makes a chain of these sizes and writes it into files of `place`.
///
/// # Errors
/// The disk, or an interruption.
pub(super) fn make(seed: Seed, sizes: Sizes, place: &Place, work: &Work) -> Outcome<Made> {
    let (file, chain) = easy_chain(seed)?;
    let chain = Arc::new(chain);
    let path = place.path("chain.toml");
    let text = toml::to_string(&file).map_err(Failure::failed)?;
    std::fs::write(&path, text).map_err(|error| Failure::file(&path, &error))?;
    let scratch = place.path("maker");
    let (ledger, tree) = Ledger::open(&scratch, chain.clone()).map_err(store)?;
    let mut maker = Maker { chain: chain.clone(), ledger, tree, seed, sizes, work };
    let funding = maker.fund(place.path("funding"))?;
    let payments = maker.pay(place.path("payments"))?;
    let replaced = REORGANISED_BLOCKS.min(payments.blocks);
    let (second, is_full) = maker.branch(place.path("branch2"), replaced, 1)?;
    let (third, _) = maker.branch(place.path("branch3"), second.blocks, 2)?;
    let empty = maker.idle(place.path("empty"))?;
    drop(maker);
    // Its space is needed.
    std::fs::remove_dir_all(&scratch).map_err(|error| Failure::file(&scratch, &error))?;
    let branches = [second, third];
    Ok(Made { chain, sizes, file: path, funding, payments, branches, replaced, is_full, empty })
}

/// Mines on a ledger of its own, without verifying what it has signed itself.
struct Maker<'a> {
    chain: Arc<Chain>,
    ledger: Ledger,
    tree: HeaderTree,
    seed: Seed,
    sizes: Sizes,
    work: &'a Work,
}

impl Maker<'_> {
    fn payers(&self) -> Payments {
        let senders = self.sizes.payments.min(self.sizes.accounts);
        Payments::new(self.seed, self.chain.clone(), senders)
    }

    fn fund(&mut self, path: PathBuf) -> Outcome<Part> {
        let (accounts, senders) = (self.sizes.accounts, self.sizes.payments.min(self.sizes.accounts));
        let (stake, funder) = (self.payers().stake(self.sizes.payments), self.seed.key(FUNDER));
        let step = self.work.step("making accounts", accounts);
        let mut out = Blocks::create(path)?;
        let (mut next, mut nonce) = (0, 0);
        while next < accounts {
            let mut txs = Vec::new();
            for _ in 0..FUNDINGS_IN_BLOCK.min((accounts - next).div_ceil(FUNDED_TOGETHER)) {
                let numbers = next..next.saturating_add(FUNDED_TOGETHER).min(accounts);
                next = numbers.end;
                let seed = self.seed;
                let address = |number| match number < senders {
                    true => seed.key(number).address(),
                    false => seed.address(Nobody::Bystander, number),
                };
                let addresses = in_parallel(numbers, address);
                let outputs = addresses.into_iter().map(|to| Output { to, amount: stake }).collect();
                txs.push(Arc::new(transfer(&self.chain, &funder, nonce, outputs)));
                nonce += 1;
            }
            let funded = txs.iter().map(|tx| tx.unsigned().outputs.len()).sum::<usize>();
            out.write(&self.mine(&txs, 0)?)?;
            step.did(u64::try_from(funded).unwrap_or(u64::MAX))?;
        }
        out.finish()
    }

    /// Signs the next block while one is mined. All but the first are full.
    fn pay(&mut self, path: PathBuf) -> Outcome<Part> {
        let (payers, payments, size) = (self.payers(), self.sizes.payments, payments_in_block());
        let step = self.work.step("making payments", payments);
        let mut out = Blocks::create(path)?;
        let mut next = match payments % size {
            0 => size,
            rest => rest,
        };
        let mut txs = payers.sign(0..next);
        while !txs.is_empty() {
            let end = next.saturating_add(size).min(payments);
            let (signed, mined) = rayon::join(|| payers.sign(next..end), || self.mine(&txs, 0));
            out.write(&mined?)?;
            step.did(u64::try_from(txs.len()).unwrap_or(u64::MAX))?;
            (txs, next) = (signed, end);
        }
        out.finish()
    }

    /// The last blocks once more by the miner with this number, and one more; tells whether those were full.
    fn branch(&mut self, path: PathBuf, blocks: u32, miner: u64) -> Outcome<(Part, bool)> {
        let step = self.work.step("making a rival branch", u64::from(blocks) + 1);
        let mut bodies = Vec::new();
        for _ in 0..blocks {
            bodies.push(self.ledger.disconnect(false).map_err(store)?.txs);
        }
        let full = |txs: &Vec<_>| u64::try_from(txs.len()).is_ok_and(|count| count >= payments_in_block());
        let all_full = bodies.iter().all(full);
        let mut out = Blocks::create(path)?;
        while let Some(txs) = bodies.pop() {
            out.write(&self.mine(&txs, miner)?)?;
            step.did(1)?;
        }
        out.write(&self.mine(&[], miner)?)?;
        Ok((out.finish()?, all_full))
    }

    fn idle(&mut self, path: PathBuf) -> Outcome<Part> {
        let step = self.work.step("making empty blocks", self.sizes.empty);
        let mut out = Blocks::create(path)?;
        for _ in 0..self.sizes.empty {
            out.write(&self.mine(&[], 0)?)?;
            step.did(1)?;
        }
        out.finish()
    }

    /// The next block, by a miner with this number; all transactions must apply.
    fn mine(&mut self, txs: &[Arc<Transaction>], miner: u64) -> Outcome<CheckedBlock> {
        let miner = self.seed.address(Nobody::Miner, miner);
        let draft = self.ledger.draft(txs).map_err(store)?;
        if draft.txs().len() != txs.len() {
            return Err(Failure::failed("a payment of the benchmark does not apply"));
        }
        let (tip, db) = (self.ledger.tip(), self.ledger.store().clone());
        let cursor = self.tree.cursor(&tip.id, &*db);
        let cursor = cursor.ok_or_else(|| Failure::failed("the tip of the benchmark's chain is unknown"))?;
        let state_root = self.ledger.root_paying(&miner, &draft).map_err(store)?;
        let content = Content { state_root, ..content(txs, miner, tip.height.saturating_add(1)) };
        let work = WorkHeader {
            version: WorkHeader::BASE_VERSION,
            parent: tip.id,
            root: [0; 32],
            time: cursor.time().saturating_add(self.chain.params.interval),
            bits: cursor.next_bits(&self.chain.params),
            nonce: 0,
        };
        let header = solve(work, Content { history_root: cursor.history_root(), ..content }, &self.chain)?;
        let id = header.header().id();
        let change = match self.tree.insert(&header, &*db).map_err(Failure::failed)? {
            Inserted::New(change) => change,
            Inserted::Known => None,
        };
        let changes: Vec<BestChange> = change.into_iter().collect();
        let total = self.tree.get(&id).map_or_else(|| header.work(), |info| info.work);
        self.ledger.put_headers(&[(&header, total)], &changes, &self.tree.best().id).map_err(store)?;
        if !txs.is_empty() {
            self.ledger.put_body(header.header(), txs).map_err(store)?;
        }
        let genesis = self.chain.genesis_id();
        let block = CheckedBlock::check(header, txs.to_vec(), &genesis, |_| true, &KnownKeys::none());
        let block = block.map_err(Failure::failed)?;
        self.ledger.connect(&block, false).map_err(Failure::failed)?;
        self.tree.set_status(&id, Status::Connected);
        Ok(block)
    }
}

/// What a block of these transactions says; its state and history are still to be filled in.
pub(super) fn content(txs: &[Arc<Transaction>], miner: Address, height: u32) -> Content {
    let bytes: usize = txs.iter().map(|tx| tx.size() + limits::TX_LEN_BYTES).sum();
    Content {
        height,
        miner,
        tx_count: u32::try_from(txs.len()).expect("a body has fewer than 2^32 transactions"),
        body_bytes: u32::try_from(bytes).expect("a body is within its limit of 32 MiB"),
        tx_root: tx_root(txs.iter().map(|tx| tx.wtxid())),
        state_root: starling_primitives::StateRoot::ZERO,
        history_root: starling_primitives::HistoryRoot::ZERO,
    }
}

/// Finds the work of a block.
///
/// # Errors
/// The chain does not take such a header.
pub(super) fn solve(work: WorkHeader, content: Content, chain: &Chain) -> Outcome<CheckedHeader> {
    const EXTRA: &[u8] = b"bench";
    let rootless = Header::new(work, EXTRA, content).map_err(Failure::failed)?;
    let root = rootless.coinbase().root();
    let target = work.bits.target().map_err(Failure::failed)?;
    let mut nonces = (0..u32::MAX).map(|nonce| WorkHeader { root, nonce, ..work });
    let solved = nonces.find(|work| target.is_met_by(&work.pow_hash(chain.params.pow)));
    let solved = solved.ok_or_else(|| Failure::failed("no nonce makes a block of the benchmark"))?;
    let header = Header::new(solved, EXTRA, content).map_err(Failure::failed)?;
    CheckedHeader::check(header, &chain.params).map_err(Failure::failed)
}

fn in_parallel<T: Send>(numbers: std::ops::Range<u64>, f: impl Fn(u64) -> T + Sync + Send) -> Vec<T> {
    use rayon::prelude::*;
    numbers.into_par_iter().map(f).collect()
}

/// What the database said.
pub(super) fn store(error: StoreError) -> Failure {
    NodeError::from(error).into()
}

/// A file of blocks on its way, each behind its length.
struct Blocks {
    out: BufWriter<File>,
    path: PathBuf,
    last: Option<BlockId>,
    count: u32,
}

impl Blocks {
    fn create(path: PathBuf) -> Outcome<Self> {
        let file = File::create_new(&path).map_err(|error| Failure::file(&path, &error))?;
        Ok(Self { out: BufWriter::with_capacity(BUFFER_BYTES, file), path, last: None, count: 0 })
    }

    fn write(&mut self, block: &CheckedBlock) -> Outcome<()> {
        let bytes = block.to_block().encode();
        let len = u32::try_from(bytes.len()).expect("a block is within 33 MiB").to_le_bytes();
        let written = self.out.write_all(&len).and_then(|()| self.out.write_all(&bytes));
        self.last = Some(block.header().header().id());
        self.count = self.count.saturating_add(1);
        written.map_err(|error| Failure::file(&self.path, &error))
    }

    /// Waits until all of it is on the disk, so that writing it disturbs nothing later.
    fn finish(mut self) -> Outcome<Part> {
        let synced = self.out.flush().and_then(|()| self.out.get_ref().sync_all());
        synced.map_err(|error| Failure::file(&self.path, &error))?;
        let tip = self.last.ok_or_else(|| Failure::failed("a part of the benchmark's chain has no block"))?;
        Ok(Part { path: self.path, blocks: self.count, tip })
    }
}

#[cfg(test)]
mod tests;
