//! A peer of the book, and what dialling it has come to. Times are seconds since 1970; zero is never.

use super::group::Group;
use super::record::Record;
use libp2p::Multiaddr;

const HOUR: u64 = 60 * 60;
const DAY: u64 = 24 * HOUR;
/// Not heard of for so long: terrible (Bitcoin Core, `addrman.cpp`: `ADDRMAN_HORIZON`).
const HORIZON_SECS: u64 = 30 * DAY;
/// Failures that make a peer terrible with which nothing ever came to stand (`ADDRMAN_RETRIES`).
const MAX_FIRST_FAILURES: u32 = 3;
/// Failures that make any peer terrible (`ADDRMAN_MAX_FAILURES`)...
const MAX_FAILURES: u32 = 10;
/// ...when its last success is so long ago (`ADDRMAN_MIN_FAIL`).
const MIN_FAIL_SECS: u64 = 7 * DAY;
/// What is being tried is given so long to prove itself.
pub(super) const TRIAL_SECS: u64 = 60;
/// How far ahead of our clock a peer may have been seen, for clocks are set back now and then.
const MAX_AHEAD_SECS: u64 = 10 * 60;
/// The longest pause after a failure: after a divided network is whole again, its parts meet within half a
/// minute.
const LONGEST_PAUSE_SECS: u64 = 15;
/// What others told was seen so long before at the latest.
const HEARSAY_SECS: u64 = 2 * HOUR;
/// The chance to be picked when it comes to it, for 0 to 8 failures: 0.66^n of 65,536.
const CHANCES: [u64; 9] = [65_536, 43_254, 28_547, 18_841, 12_435, 8_207, 5_417, 3_575, 2_360];

/// Certainty, in the unit of [`Entry::chance`].
pub(super) const CERTAIN: u64 = 65_536;

/// Who told of a peer, as far as the book cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    pub(super) group: Group,
    pub(super) itself: bool,
}

impl Source {
    /// The peer told its own addresses over a connection, whose other end this is.
    pub(crate) fn itself(address: &Multiaddr) -> Self {
        Self { group: Group::of(address), itself: true }
    }

    /// Somebody at this address told of it: a peer, a seed's name.
    pub(crate) fn other(address: &Multiaddr) -> Self {
        Self { group: Group::of(address), itself: false }
    }

    /// When it was seen at the latest. Nobody is asked for a time, so nobody can lie about it.
    pub(super) fn seen(self, now: u64) -> u64 {
        if self.itself { now } else { now.saturating_sub(HEARSAY_SECS) }
    }
}

/// Where an entry stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Among the new, in these buckets.
    New(Vec<u16>),
    /// Among the tried.
    Tried,
}

/// A peer of the book.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(super) record: Record,
    pub(super) source: Group,
    pub(super) standing: Standing,
    pub(super) first_seen: u64,
    pub(super) last_seen: u64,
    pub(super) last_try: u64,
    pub(super) last_success: u64,
    /// Of those that count; zero when a success came after it.
    pub(super) last_failure: u64,
    pub(super) failures: u32,
}

impl Entry {
    pub(super) fn new(record: Record, source: Source, bucket: u16, now: u64) -> Self {
        Self {
            record,
            source: source.group,
            standing: Standing::New(vec![bucket]),
            first_seen: now,
            last_seen: source.seen(now),
            last_try: 0,
            last_success: 0,
            last_failure: 0,
            failures: 0,
        }
    }

    /// How to reach it.
    pub(crate) fn record(&self) -> &Record {
        &self.record
    }

    /// The group of who told of it first.
    pub(crate) fn source(&self) -> Group {
        self.source
    }

    /// Whether it is one of the tried.
    pub(crate) fn is_tried(&self) -> bool {
        self.standing == Standing::Tried
    }

    /// Buckets of new it stands in; none for the tried.
    pub(super) fn buckets(&self) -> &[u16] {
        match &self.standing {
            Standing::New(buckets) => buckets,
            Standing::Tried => &[],
        }
    }

    /// Not worth its place, nor telling others of.
    pub(crate) fn is_terrible(&self, now: u64) -> bool {
        if self.last_try != 0 && within(self.last_try, TRIAL_SECS, now) {
            return false;
        }
        let ahead = self.last_seen > now.saturating_add(MAX_AHEAD_SECS);
        let forgotten = now.saturating_sub(self.last_seen) > HORIZON_SECS;
        let never = self.last_success == 0 && self.failures >= MAX_FIRST_FAILURES;
        let no_more = now.saturating_sub(self.last_success) > MIN_FAIL_SECS && self.failures >= MAX_FAILURES;
        ahead || forgotten || never || no_more
    }

    /// Whether it was dialled a moment ago; the pause doubles with each failure.
    pub(super) fn is_paused(&self, now: u64) -> bool {
        let pause = 1_u64.checked_shl(self.failures).unwrap_or(u64::MAX).min(LONGEST_PAUSE_SECS);
        // A try ahead of the clock tells nothing, or a clock set back would pause it for as long.
        self.last_try != 0 && now.checked_sub(self.last_try).is_some_and(|ago| ago < pause)
    }

    /// How willingly it is picked, of [`CERTAIN`].
    pub(super) fn chance(&self) -> u64 {
        let least = CHANCES.last().copied().unwrap_or(CERTAIN);
        usize::try_from(self.failures).ok().and_then(|failures| CHANCES.get(failures)).map_or(least, |n| *n)
    }

    /// It was heard of. A time ahead of the clock was a clock's fault and does not stay.
    pub(super) fn see(&mut self, at: u64, now: u64) {
        self.last_seen = if self.last_seen > now { at } else { self.last_seen.max(at) };
    }

    /// No time is ahead of the clock: the one of an earlier run may have been wrong.
    pub(super) fn settle(&mut self, now: u64) {
        for at in [&mut self.first_seen, &mut self.last_seen, &mut self.last_success] {
            *at = now.min(*at);
        }
        // A try or a failure that lies ahead is as good as none.
        for at in [&mut self.last_try, &mut self.last_failure] {
            *at = if *at > now { 0 } else { *at };
        }
    }

    pub(super) fn succeed(&mut self, now: u64) {
        (self.last_try, self.last_success) = (now, now);
        (self.failures, self.last_failure) = (0, 0);
        self.see(now, now);
    }

    pub(super) fn fail(&mut self, now: u64) {
        self.failures = self.failures.saturating_add(1);
        self.last_failure = now;
    }

    /// Whether `record` is to take the place of what is known.
    pub(super) fn news(&self, record: &Record, source: Source) -> News {
        let known = &self.record;
        let doubtful = if self.is_tried() { MAX_FIRST_FAILURES } else { 1 };
        match (known.signed(), record.signed()) {
            (None, Some(_)) => News::Newer,
            (Some(_), None) => News::Older,
            (Some(_), Some(_)) if record.seq() > known.seq() => News::Newer,
            (Some(_), Some(_)) if record.seq() < known.seq() => News::Older,
            (Some(_), Some(_)) => News::Same,
            (None, None) if known.addresses() == record.addresses() => News::Same,
            // Anybody can tell anything of anybody: what works is not given up for hearsay.
            (None, None) if source.itself || self.failures >= doubtful => News::Newer,
            (None, None) => News::Older,
        }
    }
}

/// What a record is to one that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    Newer,
    Same,
    Older,
}

/// Whether `at` is at most `span` seconds ago, and not ahead.
pub(super) fn within(at: u64, span: u64, now: u64) -> bool {
    now.checked_sub(at).is_some_and(|ago| ago <= span)
}
