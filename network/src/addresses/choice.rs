//! Whom to dial, and whom to tell others of.

use super::Book;
use super::entry::{CERTAIN, Entry};
use super::group::Group;
use super::record::Record;
use super::table::Table;
use libp2p::{Multiaddr, PeerId};
use std::sync::Arc;

/// A table of at most so many entries is looked through; of a larger one, so many places are looked at.
const PROBES: usize = 256;

/// Where to pick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// New or tried, each as likely as the other.
    Any,
    /// Those that no dial has led to yet: for feelers.
    New,
}

/// A peer to dial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    /// Who.
    pub(crate) peer: PeerId,
    /// Where, the first first.
    pub(crate) addresses: Vec<Multiaddr>,
    /// The group it counts for.
    pub(crate) group: Group,
}

impl Choice {
    pub(crate) fn of(entry: &Entry) -> Self {
        let record = entry.record();
        // Others would be reached in a network that nobody looked at.
        let group = record.group();
        let of_group = record.addresses().iter().filter(|address| Group::of(address) == group);
        Self { peer: record.peer(), addresses: of_group.cloned().collect(), group }
    }
}

impl Book {
    /// A peer to dial now: none that was dialled a moment ago or that `skip` names, and rather one that
    /// seldom failed. Of a table of at most 256 entries it finds one if there is any.
    pub(crate) fn pick(
        &self,
        kind: Kind,
        now: u64,
        dice: &mut impl FnMut(u64) -> u64,
        skip: &dyn Fn(&Record) -> bool,
    ) -> Option<Choice> {
        let (new, tried) = self.counts();
        let (new, tried) = ((&self.new, new), (&self.tried, tried));
        let tables = match kind {
            Kind::New => [Some(new), None],
            Kind::Any if dice(2) == 0 => [Some(new), Some(tried)],
            Kind::Any => [Some(tried), Some(new)],
        };
        let eligible = |id: u32| {
            let entry = self.entries.get(id).filter(|entry| !entry.is_paused(now))?;
            (!skip(entry.record())).then_some(entry)
        };
        let mut pick_of = |(table, entries): (&Table, usize)| {
            if entries <= PROBES { look_through(table, dice, eligible) } else { probe(table, dice, eligible) }
        };
        tables.into_iter().flatten().find_map(&mut pick_of).map(Choice::of)
    }

    /// Up to `n` signed records to tell others, at random and none of a terrible entry.
    pub(crate) fn sample(&self, n: usize, now: u64, dice: &mut impl FnMut(u64) -> u64) -> Vec<Arc<[u8]>> {
        let mut ids: Vec<u32> = (0..self.entries.bound()).collect();
        let mut told = Vec::new();
        while told.len() < n
            && let Some(bound) = u64::try_from(ids.len()).ok().filter(|bound| *bound > 0)
        {
            let at = usize::try_from(dice(bound)).unwrap_or(0).min(ids.len().saturating_sub(1));
            let entry = self.entries.get(ids.swap_remove(at)).filter(|entry| !entry.is_terrible(now));
            told.extend(entry.and_then(|entry| entry.record().signed().cloned()));
        }
        told
    }
}

/// One of all the eligible entries, each by its chance.
fn look_through<'a>(
    table: &Table,
    dice: &mut impl FnMut(u64) -> u64,
    eligible: impl Fn(u32) -> Option<&'a Entry>,
) -> Option<&'a Entry> {
    let found: Vec<&Entry> = table.iter().filter_map(|(_, id)| eligible(id)).collect();
    let sum = found.iter().fold(0_u64, |sum, entry| sum.saturating_add(entry.chance()));
    let mut left = if sum > 0 { dice(sum) } else { 0 };
    for entry in &found {
        match left.checked_sub(entry.chance()) {
            Some(less) => left = less,
            None => return Some(entry),
        }
    }
    found.last().copied()
}

/// An eligible entry of a large table. Whoever failed is passed over by its chance, which grows with each
/// one passed over (Bitcoin Core, `addrman.cpp`: `Select_`).
fn probe<'a>(
    table: &Table,
    dice: &mut impl FnMut(u64) -> u64,
    eligible: impl Fn(u32) -> Option<&'a Entry>,
) -> Option<&'a Entry> {
    let mut factor = CERTAIN;
    let mut fallback = None;
    for _ in 0..PROBES {
        let Some(entry) = table.random(dice).and_then(&eligible) else { continue };
        if dice(CERTAIN) < entry.chance().saturating_mul(factor) / CERTAIN {
            return Some(entry);
        }
        fallback.get_or_insert(entry);
        factor = factor.saturating_mul(6) / 5;
    }
    fallback
}

#[cfg(test)]
mod tests;
