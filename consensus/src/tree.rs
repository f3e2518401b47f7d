//! All headers worth keeping, as a tree in memory, and the branch with the most work (consensus: Fork
//! choice).

mod complete;
mod select;

use crate::asert::{self, Anchor, Stamp};
use crate::header::{CheckedHeader, Cursor, HeaderError};
use hashbrown::HashTable;
use starling_genesis::{Chain, Params};
use starling_primitives::history::{Accumulator, Leaf, PlacedNode};
use starling_primitives::{Bits, BlockId, Header, Target, Work};
use std::collections::{BTreeMap, VecDeque};

pub use select::kept_work;

/// Cursors kept at the ends of recently extended branches.
const MAX_CURSORS: usize = 32;

/// What is known of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Its header alone.
    Header,
    /// Its body is stored; a body without transactions always is.
    Body,
    /// It was connected once: it is valid.
    Connected,
    /// It, or an ancestor, broke a rule or was invalidated by hand.
    Invalid,
}

/// Nodes of the history of the best header chain, by position.
pub trait HistoryNodes {
    /// The node, if it is stored.
    fn node(&self, position: u64) -> Option<[u8; 32]>;
}

/// One header, at most 128 bytes with its share of the index.
#[derive(Clone, Debug)]
struct Entry {
    id: BlockId,
    work: Work,
    anchor: Anchor,
    /// Index of the parent; genesis is its own.
    parent: u32,
    height: u32,
    time: u32,
    bits: Bits,
    body_bytes: u32,
    status: Status,
    /// Whether its body and those of all its ancestors are stored, and none is invalid.
    complete: bool,
}

const _: () = assert!(size_of::<Entry>() <= 112);

impl Entry {
    /// It is invalid, by its own fault or an ancestor's.
    fn fall(&mut self) {
        (self.status, self.complete) = (Status::Invalid, false);
    }
}

/// What the tree tells of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeaderInfo {
    /// Its id.
    pub id: BlockId,
    /// Its parent's id; zero for genesis.
    pub parent: BlockId,
    /// Its height.
    pub height: u32,
    /// Its time in Unix seconds.
    pub time: u32,
    /// Its bits.
    pub bits: Bits,
    /// Cumulative work.
    pub work: Work,
    /// Bytes of its body; 0 when it has no transactions.
    pub body_bytes: u32,
    /// What is known of its block.
    pub status: Status,
    /// Whether its body and those of all its ancestors are stored, and none is known to be invalid.
    pub complete: bool,
}

/// The best header chain moved: the store must follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BestChange {
    /// Height of the last header that the old and the new chain share.
    pub fork: u32,
    /// History nodes of the new chain above the fork.
    pub nodes: Vec<PlacedNode>,
}

/// What became of a header that was offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// It was there already.
    Known,
    /// It is in the tree now; when it made its branch the best one, the change.
    New(Option<BestChange>),
}

/// The tree.
pub struct HeaderTree {
    params: Params,
    entries: Vec<Entry>,
    index: HashTable<u32>,
    /// Indexes of the best header chain, by height.
    best: Vec<u32>,
    /// Rules that were broken, by index of the block that broke them.
    broken: BTreeMap<u32, String>,
    /// Indexes, by parent, of blocks whose bodies are stored while their parents are not complete.
    waiting: HashTable<u32>,
    cursors: VecDeque<(u32, Cursor)>,
}

impl HeaderTree {
    /// The tree of genesis alone, and the history nodes that it makes.
    #[must_use]
    pub fn new(chain: &Chain) -> (Self, Vec<PlacedNode>) {
        let (cursor, nodes) = Cursor::genesis(chain);
        let entry = Entry {
            id: cursor.id,
            work: cursor.work,
            anchor: cursor.anchor,
            parent: 0,
            height: 0,
            time: cursor.time,
            bits: chain.params.genesis_bits,
            body_bytes: 0,
            status: Status::Connected,
            complete: true,
        };
        let mut tree = Self {
            params: chain.params.clone(),
            entries: Vec::new(),
            index: HashTable::new(),
            best: vec![0],
            broken: BTreeMap::new(),
            waiting: HashTable::new(),
            cursors: VecDeque::from([(0, cursor)]),
        };
        tree.add(entry);
        (tree, nodes)
    }

    /// Headers in the tree.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Never: genesis is always there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What is known of a header.
    #[must_use]
    pub fn get(&self, id: &BlockId) -> Option<HeaderInfo> {
        self.find(id).map(|at| self.info(at))
    }

    /// Whether the header is in the tree.
    #[must_use]
    pub fn contains(&self, id: &BlockId) -> bool {
        self.find(id).is_some()
    }

    /// The rule that a block, or its nearest invalid ancestor, broke.
    #[must_use]
    pub fn broken_rule(&self, id: &BlockId) -> Option<&str> {
        let mut at = self.find(id)?;
        while self.entry(at).status == Status::Invalid {
            if let Some(rule) = self.broken.get(&at) {
                return Some(rule);
            }
            at = self.entry(at).parent;
        }
        None
    }

    /// The end of the branch that ends with `id`, to judge what follows it.
    #[must_use]
    pub fn cursor(&mut self, id: &BlockId, history: &dyn HistoryNodes) -> Option<Cursor> {
        let at = self.find(id)?;
        self.cursor_at(at, history)
    }

    /// Takes a header into the tree, after rules 5 to 8; rule 9 and the least work are the caller's to ask
    /// first ([`crate::check_time`], [`kept_work`]), for they do not depend on the header alone.
    ///
    /// # Errors
    /// [`HeaderError::UnknownParent`], [`HeaderError::InvalidAncestor`], or the rule that the header breaks.
    pub fn insert(
        &mut self,
        checked: &CheckedHeader,
        history: &dyn HistoryNodes,
    ) -> Result<Inserted, HeaderError> {
        let header = checked.header();
        if self.contains(&header.id()) {
            return Ok(Inserted::Known);
        }
        let unknown = || HeaderError::UnknownParent(header.parent());
        let parent = self.find(&header.parent()).ok_or_else(unknown)?;
        if self.entry(parent).status == Status::Invalid {
            return Err(HeaderError::InvalidAncestor(header.parent()));
        }
        let mut cursor = self.cursor_at(parent, history).ok_or_else(unknown)?;
        cursor.check(checked, &self.params)?;
        let nodes = cursor.advance(checked, &self.params);
        let at = self.add(Entry {
            id: cursor.id,
            work: cursor.work,
            anchor: cursor.anchor,
            parent,
            height: cursor.height,
            time: cursor.time,
            bits: header.work().bits,
            body_bytes: header.content().body_bytes,
            status: Status::Header,
            complete: false,
        });
        self.keep_cursor(at, cursor);
        Ok(Inserted::New(self.prefer(at, nodes, history)))
    }

    /// Takes back a header that was stored; parents come before children. Its rules were checked when it was
    /// first inserted, and the store keeps no history for it.
    ///
    /// # Errors
    /// [`HeaderError::UnknownParent`] when the parent is missing, [`HeaderError::Bits`] when the bits are
    /// damaged.
    pub fn restore(&mut self, header: &Header, status: Status) -> Result<(), HeaderError> {
        if self.contains(&header.id()) {
            return Ok(());
        }
        let unknown = HeaderError::UnknownParent(header.parent());
        let parent = self.find(&header.parent()).ok_or(unknown)?;
        let work = header.work();
        let own = work.bits.target().map(Target::work)?;
        let above = self.entry(parent);
        let stamp = Stamp { height: header.height(), time: work.time, bits: work.bits };
        let anchor = asert::anchor_of(stamp, Some((above.time, above.anchor)), &self.params);
        let cumulative = above.work + own;
        let inherited = if above.status == Status::Invalid { Status::Invalid } else { status };
        let at = self.add(Entry {
            id: header.id(),
            work: cumulative,
            anchor,
            parent,
            height: stamp.height,
            time: stamp.time,
            bits: stamp.bits,
            body_bytes: header.content().body_bytes,
            status: inherited,
            complete: false,
        });
        self.note_body(at);
        let best = *self.best.last().expect("genesis is always there");
        if inherited != Status::Invalid && self.entry(at).work > self.entry(best).work {
            self.follow(at);
        }
        Ok(())
    }

    /// Takes back which rule a stored block broke.
    pub fn restore_rule(&mut self, id: &BlockId, rule: &str) {
        if let Some(at) = self.find(id) {
            self.broken.insert(at, rule.to_owned());
        }
    }

    /// Follows the branch whose history the store holds; among equals it need not be the first restored.
    /// False when it is unknown, invalid, or another has more work.
    #[must_use]
    pub fn follow_stored(&mut self, id: &BlockId) -> bool {
        let Some(at) = self.find(id) else { return false };
        let stored = self.entry(at);
        if stored.status == Status::Invalid || stored.work < self.best().work {
            return false;
        }
        self.follow(at);
        true
    }

    /// Records that a block's body is stored, or that it was connected.
    pub fn set_status(&mut self, id: &BlockId, status: Status) {
        if let Some(at) = self.find(id) {
            self.entry_mut(at).status = status;
            self.note_body(at);
        }
    }

    fn add(&mut self, entry: Entry) -> u32 {
        let at = u32::try_from(self.entries.len()).expect("fewer than 2^32 headers fit into memory");
        let hash = hash_of(&entry.id);
        self.entries.push(entry);
        let entries = &self.entries;
        self.index.insert_unique(hash, at, |&other| hash_of(&entries[position(other)].id));
        at
    }

    fn find(&self, id: &BlockId) -> Option<u32> {
        self.index.find(hash_of(id), |&at| self.entry(at).id == *id).copied()
    }

    fn entry(&self, at: u32) -> &Entry {
        &self.entries[position(at)]
    }

    fn entry_mut(&mut self, at: u32) -> &mut Entry {
        &mut self.entries[position(at)]
    }

    fn info(&self, at: u32) -> HeaderInfo {
        let entry = self.entry(at);
        HeaderInfo {
            id: entry.id,
            parent: if entry.height == 0 { BlockId::ZERO } else { self.entry(entry.parent).id },
            height: entry.height,
            time: entry.time,
            bits: entry.bits,
            work: entry.work,
            body_bytes: entry.body_bytes,
            status: entry.status,
            complete: entry.complete,
        }
    }

    fn is_best(&self, at: u32) -> bool {
        self.best.get(position(self.entry(at).height)) == Some(&at)
    }

    /// From the nearest ancestor whose history is at hand: a kept cursor, or the store for the best chain.
    fn cursor_at(&mut self, at: u32, history: &dyn HistoryNodes) -> Option<Cursor> {
        let (mut above, mut here) = (Vec::new(), at);
        let mut cursor = loop {
            if let Some((_, cursor)) = self.cursors.iter().find(|(kept, _)| *kept == here) {
                break cursor.clone();
            }
            let entry = self.entry(here);
            if self.is_best(here) {
                let history = Accumulator::load(entry.height + 1, |position| history.node(position))?;
                let Entry { id, height, time, work, anchor, .. } = entry.clone();
                break Cursor { id, height, time, work, anchor, history };
            }
            above.push(here);
            here = entry.parent;
        };
        for here in above.into_iter().rev() {
            self.step(&mut cursor, here);
        }
        self.keep_cursor(at, cursor.clone());
        Some(cursor)
    }

    /// Steps a cursor onto a child that is in the tree already.
    fn step(&self, cursor: &mut Cursor, child: u32) -> Vec<PlacedNode> {
        let Entry { id, height, time, bits, work, anchor, .. } = self.entry(child).clone();
        let nodes = cursor.history.push(&Leaf { id, height, time, bits, work });
        let history = std::mem::take(&mut cursor.history);
        *cursor = Cursor { id, height, time, work, anchor, history };
        nodes
    }

    fn keep_cursor(&mut self, at: u32, cursor: Cursor) {
        self.cursors.retain(|(kept, _)| *kept != at);
        if self.cursors.len() == MAX_CURSORS {
            self.cursors.pop_front();
        }
        self.cursors.push_back((at, cursor));
    }
}

/// Ids are hashes, and those of real work: eight bytes away from the zeros spread as well as any hash.
fn hash_of(id: &BlockId) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *id.as_bytes();
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

/// An index or a height as a position in a list.
fn position(at: u32) -> usize {
    usize::try_from(at).expect("32 bits fit")
}

#[cfg(test)]
mod tests;
