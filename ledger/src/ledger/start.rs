//! What a start reads back: all headers into their tree, and how deep undo reaches.

use crate::records::{HeaderRecord, Tip};
use crate::store::{Family, Store, StoreError, meta};
use starling_consensus::{HeaderTree, Status};
use starling_primitives::{Address, BlockId, Content, Header, HistoryRoot, StateRoot, TxRoot, WorkHeader};

/// What the header tree keeps of a header. Headers lie by id, and parents must come before children, so all
/// are in memory at once: as these they take less than the tree itself, as records three times as much.
struct Outline {
    work: WorkHeader,
    height: u32,
    body_bytes: u32,
    status: Status,
}

const _: () = assert!(size_of::<Outline>() <= 92);

impl Outline {
    fn of(record: &HeaderRecord) -> Self {
        let Content { height, body_bytes, .. } = *record.header.content();
        Self { work: *record.header.work(), height, body_bytes, status: record.status }
    }

    /// A header in which what the tree keeps is right, and its id.
    fn header(&self) -> Header {
        let content = Content {
            height: self.height,
            miner: Address::new([0; 20]),
            tx_count: 0,
            body_bytes: self.body_bytes,
            tx_root: TxRoot::ZERO,
            state_root: StateRoot::ZERO,
            history_root: HistoryRoot::ZERO,
        };
        Header::new(self.work, &[0], content).expect("its version is allowed, and one byte of extra fits")
    }
}

pub(super) fn restore_headers(store: &Store, headers: &mut HeaderTree) -> Result<(), StoreError> {
    let (mut outlines, mut rules) = (Vec::new(), Vec::new());
    for entry in store.scan(Family::Headers) {
        let record = HeaderRecord::decode(&entry?.1);
        let record = record.map_err(|error| store.record_damaged("header", &error))?;
        outlines.push(Outline::of(&record));
        if record.status == Status::Invalid && !record.rule.is_empty() {
            rules.push((record.header.id(), record.rule));
        }
    }
    outlines.sort_unstable_by_key(|outline| outline.height);
    for outline in outlines {
        let header = outline.header();
        let restored = headers.restore(&header, outline.status);
        restored.map_err(|error| store.damaged(&format!("header {}: {error}", header.id())))?;
    }
    for (id, rule) in rules {
        headers.restore_rule(&id, &rule);
    }
    let best = store.get(Family::Meta, meta::BEST_HEADER)?.and_then(|id| id.try_into().ok());
    let best = BlockId::new(best.ok_or_else(|| store.damaged("no best header"))?);
    if !headers.follow_stored(&best) {
        return Err(store.damaged(&format!("the best header {best} has less work than another")));
    }
    Ok(())
}

/// Undo records are kept without a gap up to the tip: the first tells how deep they reach.
pub(super) fn deepest_fork(store: &Store, tip: &Tip) -> Result<u32, StoreError> {
    let Some((key, _)) = store.scan(Family::Undo).next().transpose()? else { return Ok(tip.height) };
    let height = key.first_chunk().map(|height| u32::from_be_bytes(*height));
    let height = height.ok_or_else(|| store.damaged("an undo key"))?;
    Ok(height.saturating_sub(1).min(tip.height))
}
