//! The entries by number and by peer. Tables name an entry by its number, which is short.

use super::entry::Entry;
use super::table::Secret;
use hashbrown::HashTable;
use libp2p::PeerId;

/// Entries, each with a number that is another's only after it is gone.
#[derive(Debug, Default)]
pub(super) struct Entries {
    // In a box, so that growing copies words and a gap costs one.
    numbered: Vec<Option<Box<Entry>>>,
    gaps: Vec<u32>,
    /// By the secret's hash of the peer; only looked up, never walked.
    index: HashTable<u32>,
}

impl Entries {
    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    /// Numbers below this may be in use.
    pub(super) fn bound(&self) -> u32 {
        u32::try_from(self.numbered.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn get(&self, id: u32) -> Option<&Entry> {
        self.numbered.get(id as usize)?.as_deref()
    }

    pub(super) fn get_mut(&mut self, id: u32) -> Option<&mut Entry> {
        self.numbered.get_mut(id as usize)?.as_deref_mut()
    }

    pub(super) fn find(&self, secret: &Secret, peer: &PeerId) -> Option<u32> {
        let is = |id: &u32| self.get(*id).is_some_and(|entry| entry.record().peer() == *peer);
        self.index.find(secret.index(peer), is).copied()
    }

    /// Takes in an entry of a peer that is not here yet.
    pub(super) fn insert(&mut self, secret: &Secret, entry: Entry) -> u32 {
        let hash = secret.index(&entry.record().peer());
        let id = self.gaps.pop().unwrap_or_else(|| {
            self.numbered.push(None);
            self.bound().saturating_sub(1)
        });
        if let Some(slot) = self.numbered.get_mut(id as usize) {
            *slot = Some(Box::new(entry));
        }
        let numbered = &self.numbered;
        let hash_of = |id: &u32| {
            let entry = numbered.get(*id as usize).and_then(Option::as_deref);
            entry.map_or(0, |entry| secret.index(&entry.record().peer()))
        };
        self.index.insert_unique(hash, id, hash_of);
        id
    }

    pub(super) fn remove(&mut self, secret: &Secret, id: u32) -> Option<Entry> {
        let entry = self.numbered.get_mut(id as usize)?.take()?;
        self.gaps.push(id);
        let hash = secret.index(&entry.record().peer());
        if let Ok(found) = self.index.find_entry(hash, |other| *other == id) {
            found.remove();
        }
        Some(*entry)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.numbered.iter_mut().filter_map(Option::as_deref_mut)
    }

    /// In the order of their numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Entry)> {
        (0..).zip(&self.numbered).filter_map(|(id, entry)| Some((id, entry.as_deref()?)))
    }
}
