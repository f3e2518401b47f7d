//! Work on a data directory without a node: export, import, verify.

use super::NodeError;
use super::core_task::Clock;
use super::data_dir::DataDir;
use super::options::StorageOptions;
use crate::core::{CHECKED_BYTES, Core, CoreConfig, Effect, Event, SubmitBlockError};
use starling_consensus::{CheckedBlock, CheckedHeader, KnownKeys, SignatureCache, Status};
use starling_genesis::Chain;
use starling_ledger::{
    CHECKED_AHEAD, Ledger, LedgerOptions, Reader, ahead as on_another_core, open_settled, verify_chain_from,
};
use starling_primitives::limits::MAX_HEADER_BYTES;
use starling_primitives::{Block, BlockId, Header, Wtxid};
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};

/// Bytes that the mempool of an importing core may use: nothing is pending there.
const IMPORT_POOL_BYTES: usize = 1 << 20;

/// Blocks that are checked ahead however little memory there is: one for each of two cores.
const LEAST_AHEAD: usize = 2;

/// How blocks are imported.
#[derive(Clone, Debug, Default)]
pub struct ImportOptions {
    /// Memory, and what is kept.
    pub storage: StorageOptions,
    /// Signatures that were found right before; none unless given.
    pub signatures: Option<Arc<SignatureCache>>,
}

/// What an import did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImportSummary {
    /// Blocks in the file.
    pub read: u64,
    /// Blocks that were new.
    pub blocks: u32,
    /// Transactions in them.
    pub txs: u64,
    /// Height of the tip afterwards.
    pub height: u32,
    /// Bytes that the database wrote, by its own count, compactions up to the end included.
    pub disk_bytes: u64,
}

/// Writes the connected chain above genesis: each block behind its length, a little-endian `u32`. Returns how
/// many.
///
/// # Errors
/// [`NodeError`].
pub fn export_chain(
    chain: &Chain,
    data_dir: &Path,
    out: &mut dyn Write,
    progress: &mut dyn FnMut(u32, u32),
) -> Result<u32, NodeError> {
    let (_held, reader) = open(chain, data_dir)?;
    let view = reader.view()?;
    let tip = view.tip().height;
    for height in 1..=tip {
        let missing = NodeError::from(starling_ledger::VerifyError::Missing(height));
        let block = match view.canonical(height)? {
            Some(id) => view.block(&id)?,
            None => None,
        };
        let bytes = block.ok_or(missing)?.encode();
        let len = u32::try_from(bytes.len()).expect("a block is within 33 MiB");
        out.write_all(&len.to_le_bytes()).and_then(|()| out.write_all(&bytes)).map_err(NodeError::Stream)?;
        progress(height, tip);
    }
    out.flush().map_err(NodeError::Stream)?;
    Ok(tip)
}

/// Reads blocks as [`export_chain`] writes them, and validates each fully; those that are known are passed
/// over.
///
/// # Errors
/// [`NodeError::Import`] names the first block that is refused; stopped when `progress` ended
/// it; those before it stay. A directory that was made for nothing is removed again.
pub fn import_chain(
    chain: &Chain,
    data_dir: &Path,
    options: &ImportOptions,
    input: &mut dyn Read,
    progress: &mut dyn FnMut(u32) -> ControlFlow<()>,
) -> Result<ImportSummary, NodeError> {
    options.storage.budget.choose_pages();
    let dir = DataDir::open(data_dir)?;
    let mut summary = ImportSummary::default();
    let result = import_into(&dir, chain, options, input, &mut |so_far| {
        summary = so_far;
        progress(so_far.height)
    });
    if result.is_err() && summary.blocks == 0 {
        dir.give_up();
    }
    result.map(|disk_bytes| ImportSummary { disk_bytes, ..summary })
}

/// Imports into a directory that is held; tells after each block what was done so far, and returns how many
/// bytes the database wrote.
fn import_into(
    dir: &DataDir,
    chain: &Chain,
    options: &ImportOptions,
    input: &mut dyn Read,
    tell: &mut dyn FnMut(ImportSummary) -> ControlFlow<()>,
) -> Result<u64, NodeError> {
    let storage = &options.storage;
    let ledger = LedgerOptions { memory_bytes: storage.budget.import_ledger_bytes(), ..storage.ledger() };
    let (ledger, tree) = Ledger::open_with(&dir.file("db"), Arc::new(chain.clone()), &ledger)?;
    let config = CoreConfig {
        seed: 0,
        pool_bytes: IMPORT_POOL_BYTES,
        body_bytes: storage.budget.body_bytes(),
        key_bytes: storage.budget.key_bytes(),
        mine_alone: true,
        sync_blocks: false,
        pipelined: true,
        peers: Default::default(),
    };
    let clock = Clock::start();
    let mut core = Core::new(ledger, tree, config, clock.now());
    let result = connect_all(&mut core, clock, options, input, tell);
    // Those before a block that is refused stay.
    let settled = core.settle();
    // After a failed write the database refuses every other: the first says why.
    result?;
    settled?;
    Ok(core.ledger().store().written_bytes())
}

/// Reads blocks and connects them, while those behind are checked.
fn connect_all(
    core: &mut Core,
    clock: Clock,
    options: &ImportOptions,
    input: &mut dyn Read,
    tell: &mut dyn FnMut(ImportSummary) -> ControlFlow<()>,
) -> Result<(), NodeError> {
    let max_body_bytes = core.chain().params.max_body_bytes;
    let judge = Arc::new(Judge::of(core, options));
    let budget = &options.storage.budget;
    let file_bytes = |bytes| bytes / usize::try_from(CHECKED_BYTES).expect("a small number");
    let (most_ahead, most_at_once) = (file_bytes(budget.import_bytes()), file_bytes(budget.body_bytes()));
    let mut summary = ImportSummary { height: core.ledger().tip().height, ..ImportSummary::default() };
    let mut flow = tell(summary);
    let (mut ahead, mut ended) = (VecDeque::<Ahead>::new(), None);
    loop {
        if flow.is_break() {
            return Err(starling_ledger::VerifyError::Stopped.into());
        }
        // What came before the end of a file that was cut short is connected all the same.
        let bytes = |ahead: &VecDeque<Ahead>| ahead.iter().map(|block| block.len).sum::<usize>();
        let has_room = |count, bytes| count < CHECKED_AHEAD && (count < LEAST_AHEAD || bytes < most_ahead);
        while has_room(ahead.len(), bytes(&ahead)) && ended.is_none() {
            match next_block(input, summary.read + 1, max_body_bytes) {
                Ok(Some(bytes)) => {
                    summary.read += 1;
                    let (judge, len) = (judge.clone(), bytes.len());
                    let checked = on_another_core(move || judge.check(&bytes));
                    ahead.push_back(Ahead { number: summary.read, len, checked, judged: None });
                }
                Ok(None) => ended = Some(Ok(())),
                Err(error) => ended = Some(Err(error)),
            }
        }
        if ahead.is_empty() {
            break;
        }
        core.warm()?;
        let (blocks, refused) = take_checked(&mut ahead, most_at_once);
        if let Some(next) = ahead.front_mut().and_then(Ahead::block) {
            core.expect(next);
        }
        let headers: Vec<_> = blocks.iter().map(|(_, block)| block.header().header().clone()).collect();
        let (before, imported) = (summary.height, import_blocks(core, clock, blocks));
        summary.height = core.ledger().tip().height;
        summary.blocks += summary.height.saturating_sub(before);
        let connected = |header: &&Header| {
            let info = core.tree().get(&header.id());
            header.height() > before && info.is_some_and(|info| info.status == Status::Connected)
        };
        let txs = headers.iter().filter(connected).map(|header| u64::from(header.content().tx_count));
        summary.txs += txs.sum::<u64>();
        flow = tell(summary);
        imported.and(refused)?;
    }
    ended.unwrap_or(Ok(()))
}

/// A block that is being checked.
struct Ahead {
    number: u64,
    /// Its bytes in the file.
    len: usize,
    checked: Receiver<Judged>,
    /// What was found, when somebody looked for it already.
    judged: Option<Judged>,
}

impl Ahead {
    /// The block, if it is checked by now and right.
    fn block(&mut self) -> Option<&CheckedBlock> {
        if self.judged.is_none() {
            self.judged = self.checked.try_recv().ok();
        }
        self.judged.as_ref().and_then(|judged| judged.as_ref().ok()?.as_ref().ok())
    }
}

/// The next block, and those behind it that are checked already, with so many bytes in all: what goes in
/// together waits for the disk once. Also tells why the one behind them was refused, if it was.
fn take_checked(
    ahead: &mut VecDeque<Ahead>,
    most_bytes: usize,
) -> (Vec<(u64, CheckedBlock)>, Result<(), NodeError>) {
    let (mut taken, mut bytes) = (Vec::new(), 0);
    while let Some(next) = ahead.front_mut() {
        let (number, is_first) = (next.number, taken.is_empty());
        bytes += next.len;
        if !is_first && bytes > most_bytes {
            break;
        }
        let judged = match next.judged.take().map_or_else(|| next.checked.try_recv(), Ok) {
            Err(TryRecvError::Empty) if is_first => next.checked.recv().ok(),
            Err(TryRecvError::Empty) => break,
            judged => judged.ok(),
        };
        ahead.pop_front();
        let refuse = |what: String| NodeError::Import { number, what };
        match judged.ok_or_else(|| refuse("its check was given up".into())).flatten() {
            Ok(Ok(block)) => taken.push((number, block)),
            Ok(Err(what)) => return (taken, Err(refuse(what))),
            Err(error) => return (taken, Err(error)),
        }
    }
    (taken, Ok(()))
}

/// A block that needs no state to be judged by, or why it is refused.
type Judged = Result<Result<CheckedBlock, String>, NodeError>;

/// What blocks are judged by before they meet a state.
struct Judge {
    chain: Arc<Chain>,
    keys: Arc<KnownKeys>,
    signatures: Option<Arc<SignatureCache>>,
}

impl Judge {
    fn of(core: &Core, options: &ImportOptions) -> Self {
        let (chain, keys) = (core.chain().clone(), core.keys().clone());
        Self { chain, keys, signatures: options.signatures.clone() }
    }

    /// Decodes and checks a block.
    fn check(&self, bytes: &[u8]) -> Judged {
        let chain = &self.chain;
        let block = match Block::decode(bytes, chain.params.max_body_bytes) {
            Ok(block) => block,
            Err(error) => return Ok(Err(error.to_string())),
        };
        check_start(chain, &block)?;
        let header = match CheckedHeader::check(block.header, &chain.params) {
            Ok(header) => header,
            Err(error) => return Ok(Err(error.to_string())),
        };
        let known = |id: &Wtxid| self.signatures.as_ref().is_some_and(|known| known.contains(id));
        let checked = CheckedBlock::check(header, block.txs, &chain.genesis_id(), known, &self.keys);
        Ok(checked.map_err(|error| error.to_string()))
    }
}

/// The first block of a chain follows its genesis.
fn check_start(chain: &Chain, block: &Block) -> Result<(), NodeError> {
    let (found, genesis) = (block.header.parent(), chain.genesis.id());
    if block.header.height() == 1 && found != genesis {
        return Err(NodeError::OtherChain { found, chain: chain.name.clone(), genesis });
    }
    Ok(())
}

/// Executes the stored chain again from genesis, and from block `from` on checks every signature and compares
/// every root; returns the height of the tip. `progress` may end it.
///
/// # Errors
/// [`NodeError::Verify`].
pub fn verify_stored_chain(
    chain: &Chain,
    data_dir: &Path,
    from: u32,
    progress: &mut dyn FnMut(u32, u32) -> ControlFlow<()>,
) -> Result<u32, NodeError> {
    let (_held, reader) = open(chain, data_dir)?;
    Ok(verify_chain_from(&reader, from, progress)?)
}

fn open(chain: &Chain, data_dir: &Path) -> Result<(DataDir, Reader), NodeError> {
    let dir = DataDir::open(data_dir)?;
    let ledger = open_settled(&dir.file("db"), &Arc::new(chain.clone()))?;
    Ok((dir, ledger.reader()))
}

/// Brings blocks in, headers and bodies, and connects what can be connected.
fn import_blocks(core: &mut Core, clock: Clock, blocks: Vec<(u64, CheckedBlock)>) -> Result<(), NodeError> {
    let named = |(number, block): &(u64, CheckedBlock)| (*number, block.header().header().id());
    let names: Vec<(u64, BlockId)> = blocks.iter().map(named).collect();
    let taken = core.import_all(blocks.into_iter().map(|(_, block)| block).collect());
    let mut goes_on = true;
    while goes_on {
        goes_on = false;
        for effect in core.handle(Event::Continue, clock.now()) {
            match effect {
                Effect::Fatal(error) => return Err(error.into()),
                Effect::Continue => goes_on = true,
                _ => {}
            }
        }
    }
    for (number, id) in &names {
        if let Some(rule) = core.tree().broken_rule(id) {
            let what = format!("it breaks the rule {rule}");
            return Err(NodeError::Import { number: *number, what });
        }
    }
    taken.map_err(|(at, error)| match error {
        SubmitBlockError::Store(error) => error.into(),
        error => NodeError::Import { number: names[at].0, what: error.to_string() },
    })
}

/// The next length and its bytes; none at the end. The length is bounded before anything is read.
fn next_block(input: &mut dyn Read, number: u64, max_body_bytes: u32) -> Result<Option<Vec<u8>>, NodeError> {
    let mut bytes = Vec::new();
    let mut read = |count: usize, bytes: &mut Vec<u8>| {
        let most = u64::try_from(count).unwrap_or(u64::MAX);
        Read::take(&mut *input, most).read_to_end(bytes).map_err(NodeError::Stream)
    };
    match read(size_of::<u32>(), &mut bytes)? {
        0 => return Ok(None),
        count if count < size_of::<u32>() => return Err(NodeError::CutShort { number }),
        _ => {}
    }
    let len = u32::from_le_bytes(*bytes.first_chunk().expect("four bytes were read"));
    let len = usize::try_from(len).unwrap_or(usize::MAX);
    let limit = usize::try_from(max_body_bytes).unwrap_or(usize::MAX).saturating_add(MAX_HEADER_BYTES);
    if len > limit {
        let what = format!("a block of {len} bytes is over the limit of {limit}; is this an exported chain?");
        return Err(NodeError::Stream(io::Error::new(io::ErrorKind::InvalidData, what)));
    }
    bytes.clear();
    if read(len, &mut bytes)? < len {
        return Err(NodeError::CutShort { number });
    }
    Ok(Some(bytes))
}
