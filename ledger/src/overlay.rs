//! What the settled state has become since it was last written to disk.

use crate::state_tree::{Bucket, Entry, EntryChange, Value, merged as merged_entries};
use starling_primitives::state::StateKey;
use std::sync::Arc;

/// Changes that are not on disk yet: a few sorted runs, each much longer than the next newer one, so that
/// adding one costs little, a lookup asks few, and a copy for readers shares all of them.
#[derive(Clone, Default)]
pub(crate) struct Overlay {
    /// The newest last.
    runs: Vec<Arc<Vec<EntryChange>>>,
}

impl Overlay {
    /// Adds newer changes, ascending by key.
    pub(crate) fn push(&mut self, changes: Arc<Vec<EntryChange>>) {
        let mut newest = changes;
        while let Some(older) = self.runs.pop_if(|older| older.len() <= 2 * newest.len()) {
            newest = Arc::new(merged(&older, &newest));
        }
        self.runs.push(newest);
    }

    /// What a key has become: none when it is as on disk.
    pub(crate) fn get(&self, key: &StateKey) -> Option<Option<Value>> {
        self.runs.iter().rev().find_map(|run| {
            let at = run.binary_search_by_key(key, |(key, _)| *key).ok()?;
            Some(run[at].1)
        })
    }

    /// What the entries of a bucket have become; `on_disk` are those that are there.
    pub(crate) fn over(&self, bucket: Bucket, on_disk: Vec<Entry>) -> Vec<Entry> {
        let parts = self.runs.iter().map(|run| within(run, bucket)).filter(|changes| !changes.is_empty());
        parts.fold(on_disk, |entries, changes| merged_entries(&entries, changes))
    }

    /// What all entries have become; `on_disk` are those that are there, in key order.
    pub(crate) fn over_all<E>(
        &self,
        on_disk: impl Iterator<Item = Result<Entry, E>>,
    ) -> impl Iterator<Item = Result<Entry, E>> {
        let (mut on_disk, mut changes) = (on_disk.peekable(), self.changes().into_iter().peekable());
        std::iter::from_fn(move || {
            loop {
                let Some((key, value)) = changes.peek().copied() else { return on_disk.next() };
                match on_disk.peek() {
                    Some(Ok((before, _))) if *before == key => drop(on_disk.next()),
                    Some(Err(_)) => return on_disk.next(),
                    Some(Ok((before, _))) if *before < key => return on_disk.next(),
                    Some(Ok(_)) | None => {}
                }
                changes.next();
                if let Some(value) = value {
                    return Some(Ok((key, value)));
                }
            }
        })
    }

    /// All changes, ascending by key.
    pub(crate) fn changes(&self) -> Vec<EntryChange> {
        self.runs.iter().rev().fold(Vec::new(), |newer, older| merged(older, &newer))
    }

    /// Entries in memory: those changed more than once may count more than once.
    pub(crate) fn len(&self) -> usize {
        self.runs.iter().map(|run| run.len()).sum()
    }
}

/// Of changes, which ascend by key, those in a bucket.
pub(crate) fn within(changes: &[EntryChange], bucket: Bucket) -> &[EntryChange] {
    let first = bucket.first();
    let from = changes.partition_point(|(key, _)| *key < first);
    let count = changes[from..].iter().take_while(|(key, _)| bucket.holds(key)).count();
    &changes[from..from + count]
}

/// Both ascend by key; of two changes of one key the newer counts.
fn merged(older: &[EntryChange], newer: &[EntryChange]) -> Vec<EntryChange> {
    let mut merged = Vec::with_capacity(older.len() + newer.len());
    let mut rest = older.iter().peekable();
    for change in newer {
        while let Some(before) = rest.next_if(|(key, _)| *key < change.0) {
            merged.push(*before);
        }
        rest.next_if(|(key, _)| *key == change.0);
        merged.push(*change);
    }
    merged.extend(rest);
    merged
}

#[cfg(test)]
mod tests;
