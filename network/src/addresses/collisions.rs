//! Test before evict: a tried peer keeps its place until a dial has shown that it is gone (Bitcoin Core,
//! `addrman.cpp`: `ResolveCollisions`). Without it, whoever makes enough identities in one network pushes
//! the peers out that we depend on.

use super::Book;
use super::choice::Choice;
use super::entry::{Entry, TRIAL_SECS, within};

/// Collisions kept at the most (`ADDRMAN_SET_TRIED_COLLISION_SIZE`); what comes later stays new.
pub(super) const MAX_COLLISIONS: usize = 10;
/// Whoever was reached so lately keeps its place (`ADDRMAN_REPLACEMENT`).
const ALIVE_SECS: u64 = 4 * 60 * 60;
/// A collision that nobody could test for so long is decided for the newcomer (`ADDRMAN_TEST_WINDOW`).
const TEST_WINDOW_SECS: u64 = 40 * 60;

/// An entry that waits for a place among the tried.
#[derive(Clone, Copy, Debug)]
pub(super) struct Collision {
    candidate: u32,
    since: u64,
}

/// What is to be done about a collision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Wait,
    /// The candidate stays new.
    Keep,
    /// The candidate takes the place.
    Replace,
}

impl Book {
    pub(super) fn note_collision(&mut self, candidate: u32, now: u64) {
        let known = self.collisions.iter().any(|collision| collision.candidate == candidate);
        if !known && self.collisions.len() < MAX_COLLISIONS {
            self.collisions.push(Collision { candidate, since: now });
        }
    }

    pub(super) fn forget_collisions(&mut self, id: u32) {
        self.collisions.retain(|collision| collision.candidate != id);
    }

    /// One of the tried whose place somebody waits for: a feeler is to find out whether it is there.
    pub(crate) fn collision(&self, dice: &mut impl FnMut(u64) -> u64) -> Option<Choice> {
        let holder = |collision: &Collision| self.holder(collision.candidate);
        let holders: Vec<&Entry> = self.collisions.iter().filter_map(holder).collect();
        let bound = u64::try_from(holders.len()).ok().filter(|bound| *bound > 0)?;
        let at = usize::try_from(dice(bound)).ok()?;
        holders.get(at).or(holders.first()).map(|entry| Choice::of(entry))
    }

    /// Decides what can be decided; to be called every minute or so.
    pub(crate) fn resolve_collisions(&mut self, now: u64) {
        for collision in self.collisions.clone() {
            // One that was decided in this round may have pushed another candidate out.
            let waits = self.collisions.iter().any(|other| other.candidate == collision.candidate);
            let Some(place) = self.tried_place(collision.candidate).filter(|_| waits) else { continue };
            let verdict = self
                .holder(collision.candidate)
                .map_or(Verdict::Replace, |holder| judge(holder, collision, now));
            match verdict {
                Verdict::Wait => {}
                Verdict::Keep => self.forget_collisions(collision.candidate),
                Verdict::Replace => self.move_to_tried(collision.candidate, place),
            }
        }
    }

    /// Who has the place among the tried that an entry is to have.
    fn holder(&self, candidate: u32) -> Option<&Entry> {
        self.entries.get(self.tried.at(self.tried_place(candidate)?)?)
    }
}

fn judge(holder: &Entry, collision: Collision, now: u64) -> Verdict {
    // A failure that a success followed is not noted any more.
    let failed = holder.last_failure != 0 && within(holder.last_failure, ALIVE_SECS, now);
    let on_trial = within(holder.last_try, TRIAL_SECS, now);
    if holder.last_success != 0 && within(holder.last_success, ALIVE_SECS, now) {
        Verdict::Keep
    } else if failed && !on_trial || now.saturating_sub(collision.since) > TEST_WINDOW_SECS {
        Verdict::Replace
    } else {
        Verdict::Wait
    }
}

#[cfg(test)]
mod tests;
