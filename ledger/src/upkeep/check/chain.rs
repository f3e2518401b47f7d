//! Headers, which of them are connected, the history over them, and how to undo the last.

use super::Check;
use crate::records::{HeaderRecord, Tip, Undo};
use crate::store::{Family, KeyValue, StoreError, meta};
use starling_consensus::{CheckedHeader, Cursor, Status};
use starling_primitives::history::PlacedNode;
use starling_primitives::{BlockId, Header};
use std::iter::Peekable;
use std::ops::ControlFlow::{self, Continue};

/// Ids of connected blocks by height; none where the record is missing or damaged.
pub(super) type Connected = Vec<Option<BlockId>>;

/// What a walk over the headers found.
pub(super) struct Walked {
    /// Transactions in each connected block, by height, up to the first header that does not hold.
    pub(super) tx_counts: Vec<u32>,
    /// The tip's header, if the walk came to it.
    pub(super) tip: Option<Header>,
}

/// The best header chain above the connected one.
struct Branch {
    /// Height of the last block that both have.
    fork: u32,
    /// Ids above it.
    ids: Connected,
}

/// Nodes as they are stored, in order.
struct History<'a> {
    stored: Peekable<Box<dyn Iterator<Item = Result<KeyValue, StoreError>> + 'a>>,
    read: u64,
}

impl Check<'_> {
    /// Each header is stored under its id. Gives how many of them, where bodies are, say that theirs is.
    pub(super) fn headers(&mut self) -> ControlFlow<(), u64> {
        let (lowest, mut with_body) = (self.report.bodies_from, 0);
        self.each(Family::Headers, |check, key, value| match HeaderRecord::decode(value) {
            Ok(HeaderRecord { header, status, .. }) => {
                if header.id().as_bytes().as_slice() != key {
                    check.damage(Family::Headers, key, format!("this is the header of {}", header.id()));
                }
                with_body += u64::from(says_body(status) && header.height() >= lowest);
            }
            Err(error) => check.damage(Family::Headers, key, error),
        })?;
        Continue(with_body)
    }

    /// Every height from genesis to the tip has one id.
    pub(super) fn canonical(&mut self, tip: &Tip) -> ControlFlow<(), Connected> {
        let mut ids: Connected = vec![None; place(tip.height) + 1];
        let whole = self.each(Family::Canonical, |check, key, value| {
            let (Ok(height), Ok(id)) = (<[u8; 4]>::try_from(key), <[u8; 32]>::try_from(value)) else {
                return check.damage(Family::Canonical, key, "it has another size");
            };
            match ids.get_mut(place(u32::from_be_bytes(height))) {
                Some(known) => *known = Some(BlockId::new(id)),
                None => check.damage(Family::Canonical, key, "it is above the tip"),
            }
        })?;
        for (height, id) in (0..=tip.height).zip(&ids) {
            let key = height.to_be_bytes();
            match id {
                None if whole => self.damage(Family::Canonical, &key, "it is missing"),
                None => {}
                Some(id) if height == tip.height && *id != tip.id => {
                    self.damage(Family::Canonical, &key, format!("it is {id}, and the tip is {}", tip.id));
                }
                Some(_) => {}
            }
        }
        Continue(ids)
    }

    /// From genesis up: each connected header holds upon the one before it, its history root included, and
    /// is marked as connected. The stored history is that of the best header chain.
    pub(super) fn walk(&mut self, connected: &Connected) -> ControlFlow<(), Walked> {
        let branch = self.best_branch(connected);
        let fork = branch.as_ref().map_or(0, |branch| branch.fork);
        let (below, above) = connected.split_at(place(fork) + 1);
        let (mut cursor, genesis) = Cursor::genesis(self.chain);
        let stored: Box<dyn Iterator<Item = _>> = Box::new(self.store.scan(Family::History));
        let mut history = History { stored: stored.peekable(), read: 0 };
        let mut walked = Walked { tx_counts: vec![0], tip: None };
        let mut pass = |check: &mut Self, record: HeaderRecord| {
            if record.status != Status::Connected {
                let id = record.header.id();
                check.damage(Family::Headers, id.as_bytes(), "it is connected, and its record denies that");
            }
            walked.tx_counts.push(record.header.content().tx_count);
            walked.tip = Some(record.header);
        };
        self.compare_nodes(&genesis, &mut history);
        let reached = self.follow(&mut cursor, &below[1..], Some(&mut history), &mut pass)?;
        let mut best = cursor.clone();
        if !reached || !self.follow(&mut cursor, above, None, &mut pass)? {
            walked.tip = None;
        }
        if let Some(Branch { ids, .. }) = branch.filter(|_| reached) {
            self.follow(&mut best, &ids, Some(&mut history), &mut |_, _| ())?;
        }
        self.finish_history(history)?;
        Continue(walked)
    }

    /// Steps onto headers, one after another; `pass` is shown each that holds. False at the first that does
    /// not.
    fn follow(
        &mut self,
        cursor: &mut Cursor,
        ids: &[Option<BlockId>],
        mut history: Option<&mut History<'_>>,
        pass: &mut dyn FnMut(&mut Self, HeaderRecord),
    ) -> ControlFlow<(), bool> {
        for id in ids {
            let advanced = id.and_then(|id| self.advance(cursor, &id));
            let Some((record, nodes)) = advanced else { return Continue(false) };
            if let Some(history) = &mut history {
                self.compare_nodes(&nodes, history);
            }
            pass(self, record);
            self.step(Family::Headers)?;
        }
        Continue(true)
    }

    /// Steps onto one header, which follows what came before by every rule of headers.
    fn advance(&mut self, cursor: &mut Cursor, id: &BlockId) -> Option<(HeaderRecord, Vec<PlacedNode>)> {
        let bytes = self.get(Family::Headers, id.as_bytes())?;
        // One that does not decode was told when headers were read.
        let record = HeaderRecord::decode(&bytes).ok()?;
        let params = &self.chain.params;
        let checked = CheckedHeader::check(record.header.clone(), params);
        let checked = checked.and_then(|checked| cursor.check(&checked, params).map(|()| checked));
        let checked = checked.map_err(|error| self.damage(Family::Headers, id.as_bytes(), error)).ok()?;
        let nodes = cursor.advance(&checked, params);
        if record.work != cursor.work() {
            let what = format!("its record states work {}, and it is {}", record.work, cursor.work());
            self.damage(Family::Headers, id.as_bytes(), what);
        }
        Some((record, nodes))
    }

    /// The nodes that a header made are stored next.
    fn compare_nodes(&mut self, made: &[PlacedNode], history: &mut History<'_>) {
        for (position, node) in made {
            let key = position.to_be_bytes();
            let here = |stored: &Result<KeyValue, StoreError>| match stored {
                Ok((at, _)) => **at == key,
                Err(_) => false,
            };
            match history.stored.next_if(here) {
                Some(Ok((_, value))) if *value == *node => history.read += 1,
                Some(_) => {
                    history.read += 1;
                    self.damage(Family::History, &key, "it is not what the headers make");
                }
                None => self.damage(Family::History, &key, "it is missing"),
            }
        }
    }

    /// Nodes above those of the best header chain are left from a longer one.
    fn finish_history(&mut self, history: History<'_>) -> ControlFlow<()> {
        let History { stored, mut read } = history;
        for record in stored {
            match record {
                Ok(_) => read += 1,
                Err(error) => self.cut_off(Family::History, &[], &error),
            }
            self.step(Family::History)?;
        }
        self.report.records.push((Family::History.name(), read));
        Continue(())
    }

    /// The way from the connected chain up to the best header; none, and told, when it is interrupted.
    fn best_branch(&mut self, connected: &Connected) -> Option<Branch> {
        let best = self.get(Family::Meta, meta::BEST_HEADER)?;
        let (mut ids, Ok(best)) = (Vec::new(), <[u8; 32]>::try_from(best)) else {
            self.damage(Family::Meta, meta::BEST_HEADER, "it has another size");
            return None;
        };
        let (mut id, mut expected) = (BlockId::new(best), None);
        loop {
            let bytes = self.get(Family::Headers, id.as_bytes())?;
            let header = HeaderRecord::decode(&bytes).ok()?.header;
            let height = header.height();
            if connected.get(place(height)) == Some(&Some(id)) {
                ids.reverse();
                return Some(Branch { fork: height, ids });
            }
            let below = height.checked_sub(1);
            if below.is_none() || expected.is_some_and(|expected| expected != height) {
                self.damage(Family::Headers, id.as_bytes(), "it does not lead to the connected chain");
                return None;
            }
            ids.push(Some(id));
            (id, expected) = (header.parent(), below);
        }
    }

    /// Undo records are there for each block from the lowest to the tip.
    pub(super) fn undo(&mut self, tip: &Tip, connected: &Connected) -> ControlFlow<()> {
        let mut next = None;
        let whole = self.each(Family::Undo, |check, key, value| {
            let Some((height, id)) = split_key(key) else {
                return check.damage(Family::Undo, key, "its key has another size");
            };
            // Where no id is known, that was told.
            if !matches!(connected.get(place(height)), Some(known) if known.is_none_or(|known| known == id)) {
                return check.damage(Family::Undo, key, format!("block {id} is not connected there"));
            }
            if next.is_some_and(|next| next != height) {
                check.damage(Family::Undo, key, "the one before it is missing");
            }
            next = height.checked_add(1);
            match Undo::decode(value) {
                Ok(undo) if undo.values.is_sorted_by(|(a, _), (b, _)| a < b) => {}
                Ok(_) => check.damage(Family::Undo, key, "its keys do not ascend"),
                Err(error) => check.damage(Family::Undo, key, error),
            }
        })?;
        if whole && next.is_some_and(|next| next <= tip.height) {
            self.damage(Family::Undo, &tip.height.to_be_bytes(), "the tip cannot be undone");
        }
        Continue(())
    }
}

/// Whether a header with this status has its body stored.
pub(super) fn says_body(status: Status) -> bool {
    matches!(status, Status::Body | Status::Connected)
}

/// A height as a place in memory.
pub(super) fn place(height: u32) -> usize {
    usize::try_from(height).expect("memory has 32 bits of addresses or more")
}

/// Height and id of a body's or an undo record's key.
pub(super) fn split_key(key: &[u8]) -> Option<(u32, BlockId)> {
    let (height, id) = key.split_first_chunk()?;
    Some((u32::from_be_bytes(*height), BlockId::new(id.try_into().ok()?)))
}
