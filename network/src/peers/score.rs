//! What is held against a peer, and what follows from it.
//!
//! A peer has two sums, both fading with a half-life of ten minutes. *Faults* are what it did wrong: they
//! alone disconnect and ban, and outlive the connection. *Merit* is how useful it is: late and slow peers
//! lose it, and it decides only whom we ask first. The score that people see is the sum of both.

use libp2p::PeerId;
use std::time::Duration;

/// Time in which half of what a peer did is forgotten.
const HALF_LIFE: Duration = Duration::from_secs(600);
/// How long a ban by penalty lasts.
pub const BAN: Duration = Duration::from_secs(12 * 60 * 60);
/// Faults at which a peer is disconnected.
pub(super) const DISCONNECT_AT: f64 = -20.0;
/// Faults at which a peer is banned.
pub(super) const BAN_AT: f64 = -50.0;
/// Bounds of the score, and of merit within it.
pub(super) const WORST: f64 = -100.0;
pub(super) const BEST: f64 = 100.0;
/// Sums too small to be remembered.
pub(super) const FORGOTTEN: f64 = 0.5;

/// How bad something was (consensus design: Who is blamed).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Penalty {
    /// Not at all.
    None,
    /// Late or slow: ask others first.
    Rank,
    /// Wrong, but cheap to find out: a handful disconnects.
    Medium,
    /// Cost us a download or more: one disconnects, two in a row ban.
    Heavy,
    /// No honest node does this.
    Ban,
}

impl Penalty {
    pub(super) const fn points(self) -> f64 {
        match self {
            Self::None => 0.0,
            Self::Rank => -1.0,
            Self::Medium => -5.0,
            Self::Heavy => -30.0,
            Self::Ban => WORST,
        }
    }
}

/// What has to happen to a peer after a penalty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sentence {
    Nothing,
    Disconnect,
    /// The ban that had to make room for it is over.
    Ban {
        over: Option<PeerId>,
    },
}

/// A sum that fades.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fading {
    pub(super) points: f64,
    pub(super) at: Duration,
}

impl Fading {
    pub(super) const NONE: Self = Self { points: 0.0, at: Duration::ZERO };

    pub(super) fn now(self, now: Duration) -> f64 {
        let halvings = now.saturating_sub(self.at).as_secs_f64() / HALF_LIFE.as_secs_f64();
        self.points * (-halvings).exp2()
    }

    pub(super) fn add(&mut self, points: f64, now: Duration) -> f64 {
        *self = Self { points: (self.now(now) + points).clamp(WORST, BEST), at: now };
        self.points
    }

    /// The same for what has no bounds.
    pub(super) fn add_unbounded(&mut self, points: f64, now: Duration) {
        *self = Self { points: self.now(now) + points, at: now };
    }
}
