//! What a start reads back: all headers into their tree, and how deep undo reaches.

use super::Ledger;
use crate::records::{HeaderRecord, block_key};
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

impl Ledger {
    /// Undo records of connected blocks are kept without a gap up to the tip: the first tells how deep they
    /// reach.
    pub(super) fn lowest_undo(&self) -> Result<u32, StoreError> {
        for entry in self.store.scan(Family::Undo) {
            let (key, _) = entry?;
            let damaged = || self.store.damaged("an undo key");
            let height = key.first_chunk().map(|height| u32::from_be_bytes(*height)).ok_or_else(damaged)?;
            if height <= self.tip.height && *key == *block_key(height, &self.canonical(height)?) {
                return Ok(height.saturating_sub(1));
            }
        }
        Ok(self.tip.height)
    }
}
