//! A core on a data directory, fed with blocks from this process: what an import does, where the import
//! itself leaves no room to measure.

use super::chain::{Part, payments_in_block, store};
use super::work::Work;
use crate::failure::{Failure, Outcome};
use starling_consensus::{CheckedBlock, CheckedHeader, KnownKeys, SignatureCache};
use starling_genesis::Chain;
use starling_ledger::Ledger;
use starling_node::{Budget, Core, CoreConfig, Effect, Event, Now};
use starling_primitives::limits::MAX_HEADER_BYTES;
use starling_primitives::{Block, BlockId, Wtxid};
use std::fs::File;
use std::io::{BufReader, ErrorKind, Read};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Time after which no rival of equal work takes the place of a tip.
const LATER: Duration = Duration::from_secs(3_600);

/// The core, and its clock.
pub(super) struct Replica {
    core: Core,
    begun: Instant,
    /// By how much its clock was put forward.
    ahead: Duration,
}

impl Replica {
    /// Opens the database of a data directory, as a node does.
    ///
    /// # Errors
    /// It cannot be opened.
    pub(super) fn open(dir: &Path, chain: &Arc<Chain>, sync_blocks: bool) -> Outcome<Self> {
        let (ledger, tree) = Ledger::open(&dir.join("db"), chain.clone()).map_err(store)?;
        let budget = Budget::default();
        let config = CoreConfig {
            seed: 0,
            pool_bytes: budget.pool_bytes(),
            body_bytes: budget.body_bytes(),
            key_bytes: budget.key_bytes(),
            mine_alone: true,
            sync_blocks,
            pipelined: false,
            peers: Default::default(),
        };
        let begun = Instant::now();
        let core = Core::new(ledger, tree, config, Now { mono: Duration::ZERO, unix: unix() });
        let mut replica = Self { core, begun, ahead: LATER };
        // As it is some moments after a start.
        while replica.core.warm().map_err(store)? {}
        replica.go_on()?;
        Ok(replica)
    }

    /// The connected block.
    pub(super) fn tip(&self) -> BlockId {
        self.core.ledger().tip().id
    }

    /// Lets the tip grow old.
    pub(super) fn pass(&mut self) {
        self.ahead += LATER;
    }

    /// Takes a block, and connects what can be connected.
    ///
    /// # Errors
    /// It breaks a rule, or the database failed.
    pub(super) fn take(&mut self, block: CheckedBlock) -> Outcome<()> {
        self.core.import(block).map_err(Failure::failed)?;
        self.go_on()
    }

    /// Lets the core do what there is to do, and tells it the time.
    fn go_on(&mut self) -> Outcome<()> {
        loop {
            let now = Now { mono: self.ahead + self.begun.elapsed(), unix: unix() };
            let mut more = false;
            for effect in self.core.handle(Event::Continue, now) {
                match effect {
                    Effect::Fatal(error) => return Err(store(error)),
                    Effect::Continue => more = true,
                    _ => {}
                }
            }
            if !more {
                return Ok(());
            }
        }
    }
}

/// Bytes that one of many known transactions takes in the cache, and room for its tables to double.
const SEEN_BYTES: u64 = 160;

/// All transactions of a part as those whose signatures a node has verified before, when they came alone.
///
/// # Errors
/// The file cannot be read, or an interruption.
pub(super) fn seen_in(part: &Part, chain: &Chain, work: &Work) -> Outcome<Arc<SignatureCache>> {
    let mut file = Blocks::open(&part.path)?;
    let payments = u64::from(part.blocks).saturating_mul(payments_in_block());
    let bytes = usize::try_from(payments.saturating_mul(SEEN_BYTES)).unwrap_or(usize::MAX);
    let seen = SignatureCache::new(bytes);
    while let Some(bytes) = file.next(chain.params.max_body_bytes)? {
        let block = Block::decode(&bytes, chain.params.max_body_bytes).map_err(Failure::failed)?;
        seen.insert_many(block.txs.iter().map(|tx| tx.wtxid()));
        work.go_on()?;
    }
    Ok(Arc::new(seen))
}

/// All blocks of a file, checked, their signatures known.
///
/// # Errors
/// One is refused.
pub(super) fn checked_blocks(path: &Path, chain: &Chain) -> Outcome<Vec<CheckedBlock>> {
    let (mut file, mut blocks) = (Blocks::open(path)?, Vec::new());
    while let Some(bytes) = file.next(chain.params.max_body_bytes)? {
        blocks.push(check(chain, &bytes, |_| true)?);
    }
    Ok(blocks)
}

fn check(chain: &Chain, bytes: &[u8], known: impl Fn(&Wtxid) -> bool) -> Outcome<CheckedBlock> {
    let block = Block::decode(bytes, chain.params.max_body_bytes).map_err(Failure::failed)?;
    let header = CheckedHeader::check(block.header, &chain.params).map_err(Failure::failed)?;
    let none = KnownKeys::none();
    CheckedBlock::check(header, block.txs, &chain.genesis_id(), known, &none).map_err(Failure::failed)
}

fn unix() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// A file of blocks, each behind its length.
struct Blocks(BufReader<File>);

impl Blocks {
    fn open(path: &Path) -> Outcome<Self> {
        let file = File::open(path).map_err(|error| Failure::file(path, &error))?;
        Ok(Self(BufReader::with_capacity(1 << 20, file)))
    }

    fn next(&mut self, max_body_bytes: u32) -> Outcome<Option<Vec<u8>>> {
        let mut len = [0; 4];
        match self.0.read_exact(&mut len) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
            read => read.map_err(Failure::failed)?,
        }
        let size = |bytes: u32| usize::try_from(bytes).unwrap_or(usize::MAX);
        let (len, most) =
            (size(u32::from_le_bytes(len)), size(max_body_bytes).saturating_add(MAX_HEADER_BYTES));
        if len > most {
            return Err(Failure::failed(format!("a block of {len} bytes in a file of the benchmark")));
        }
        let mut bytes = vec![0; len];
        self.0.read_exact(&mut bytes).map_err(Failure::failed)?;
        Ok(Some(bytes))
    }
}
