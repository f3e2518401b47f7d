//! What is remembered of peers that are not here: who is banned, and how the others behaved.

use super::MAX_REASON_CHARS;
use super::score::{FORGOTTEN, Fading};
use libp2p::PeerId;
use starling_primitives::{DecodeError, Reader};
use std::collections::BTreeMap;
use std::time::Duration;

/// Bans kept at the most; the one that ends first makes room.
pub const MAX_BANS: usize = 1_024;
/// Peers remembered at the most; those of the least faults make room.
pub(super) const MAX_REMEMBERED: usize = 1_024;
/// The longest ban.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3_600);
/// Bytes of a peer id at the most.
const MAX_ID_BYTES: usize = 64;

/// A ban as `net_bans` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BanInfo {
    /// Who.
    pub peer_id: PeerId,
    /// How much longer.
    pub remaining: Duration,
    /// Why.
    pub reason: String,
}

#[derive(Clone, Debug)]
struct Ban {
    until: Duration,
    reason: String,
}

/// The bans in force, and the sums of peers that left.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    bans: BTreeMap<PeerId, Ban>,
    sums: BTreeMap<PeerId, Sums>,
}

/// What a peer did, as far as it is remembered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sums {
    pub(super) faults: Fading,
    pub(super) merit: Fading,
    /// Messages it brought by gossip.
    pub(super) messages: Fading,
    /// Whether it was found to bring next to nothing.
    pub(super) silent: bool,
}

impl Sums {
    const NONE: Self =
        Self { faults: Fading::NONE, merit: Fading::NONE, messages: Fading::NONE, silent: false };

    /// Whether there is next to nothing in it.
    fn is_forgotten(&self, now: Duration) -> bool {
        let small = |sum: Fading| sum.now(now).abs() < FORGOTTEN;
        small(self.faults) && small(self.merit) && small(self.messages) && !self.silent
    }
}

impl Memory {
    /// What is known of a peer that comes.
    pub(super) fn recall(&mut self, id: &PeerId) -> Sums {
        self.sums.remove(id).unwrap_or(Sums::NONE)
    }

    /// Keeps what a peer did, unless that is next to nothing.
    pub(super) fn remember(&mut self, id: PeerId, sums: Sums, now: Duration) {
        if sums.is_forgotten(now) {
            return;
        }
        self.sums.insert(id, sums);
        if self.sums.len() > MAX_REMEMBERED {
            let faults = |sums: &Sums| sums.faults.now(now);
            let mildest = self.sums.iter().max_by(|a, b| faults(a.1).total_cmp(&faults(b.1)));
            let mildest = mildest.map(|(id, _)| *id);
            mildest.and_then(|id| self.sums.remove(&id));
        }
    }

    /// Something more is held against a peer that is gone; its faults now.
    pub(super) fn add_fault(&mut self, id: PeerId, points: f64, now: Duration) -> f64 {
        let mut sums = self.recall(&id);
        let sum = sums.faults.add(points, now);
        self.remember(id, sums, now);
        sum
    }

    /// Bans a peer for a time from now; the peer whose ban has to make room, if any.
    pub(crate) fn ban(&mut self, id: PeerId, time: Duration, reason: &str, now: Duration) -> Option<PeerId> {
        let reason = reason.chars().take(MAX_REASON_CHARS).collect();
        self.bans.insert(id, Ban { until: now.saturating_add(time), reason });
        let over = self.bans.len() > MAX_BANS;
        let first = self.bans.iter().min_by_key(|(_, ban)| ban.until).map(|(id, _)| *id).filter(|_| over)?;
        self.bans.remove(&first);
        Some(first)
    }

    /// Takes a ban back, with the faults that led to it.
    pub(crate) fn unban(&mut self, id: &PeerId) -> bool {
        self.sums.remove(id);
        self.bans.remove(id).is_some()
    }

    pub(crate) fn is_banned(&self, id: &PeerId) -> bool {
        self.bans.contains_key(id)
    }

    /// Ends the bans whose time is over.
    pub(crate) fn expire(&mut self, now: Duration) -> Vec<PeerId> {
        let over: Vec<PeerId> =
            self.bans.iter().filter(|(_, ban)| ban.until <= now).map(|(id, _)| *id).collect();
        over.iter().for_each(|id| {
            self.unban(id);
        });
        over
    }

    pub(crate) fn bans(&self, now: Duration) -> Vec<BanInfo> {
        let info = |(id, ban): (&PeerId, &Ban)| BanInfo {
            peer_id: *id,
            remaining: ban.until.saturating_sub(now),
            reason: ban.reason.clone(),
        };
        self.bans.iter().map(info).collect()
    }

    /// The number of peers whose behaviour is remembered.
    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        self.sums.len()
    }

    /// Writes everything with the times as Unix seconds; `epoch` is when this run began.
    pub(crate) fn write(&self, epoch: u64, out: &mut Vec<u8>) {
        write_count(self.bans.len(), out);
        for (id, ban) in &self.bans {
            write_bytes(&id.to_bytes(), out);
            out.extend_from_slice(&epoch.saturating_add(ban.until.as_secs()).to_le_bytes());
            write_bytes(ban.reason.as_bytes(), out);
        }
        write_count(self.sums.len(), out);
        for (id, sums) in &self.sums {
            write_bytes(&id.to_bytes(), out);
            out.push(u8::from(sums.silent));
            for sum in [sums.faults, sums.merit, sums.messages] {
                out.extend_from_slice(&sum.points.to_le_bytes());
                out.extend_from_slice(&epoch.saturating_add(sum.at.as_secs()).to_le_bytes());
            }
        }
    }

    /// Reads what [`Self::write`] wrote, for a run that begins at `epoch`.
    ///
    /// # Errors
    /// The first violation of the format.
    pub(crate) fn read(reader: &mut Reader<'_>, epoch: u64) -> Result<Self, DecodeError> {
        let mut memory = Self::default();
        for _ in 0..read_count(reader, MAX_BANS)? {
            let id = read_peer(reader)?;
            // A clock that was wrong must not make it last for ever.
            let until = Duration::from_secs(reader.u64()?.saturating_sub(epoch)).min(LONGEST);
            let reason = String::from_utf8_lossy(read_bytes(reader, 4 * MAX_REASON_CHARS)?).into_owned();
            memory.bans.insert(id, Ban { until, reason });
        }
        for _ in 0..read_count(reader, MAX_REMEMBERED)? {
            let id = read_peer(reader)?;
            let silent = reader.u8()? != 0;
            let [faults, merit, messages] =
                [read_sum(reader, epoch)?, read_sum(reader, epoch)?, read_sum(reader, epoch)?];
            let sums = Sums { faults, merit, messages, silent };
            memory.sums.insert(id, sums);
        }
        Ok(memory)
    }
}

/// A sum as it has faded until the start.
fn read_sum(reader: &mut Reader<'_>, epoch: u64) -> Result<Fading, DecodeError> {
    let points = f64::from_le_bytes(reader.array()?);
    let ago = Duration::from_secs(epoch.saturating_sub(reader.u64()?));
    let points = if points.is_finite() { points } else { 0.0 };
    Ok(Fading { points: Fading { points, at: Duration::ZERO }.now(ago), at: Duration::ZERO })
}

pub(crate) fn write_count(count: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
}

pub(crate) fn write_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    write_count(bytes.len(), out);
    out.extend_from_slice(bytes);
}

pub(crate) fn read_count(reader: &mut Reader<'_>, most: usize) -> Result<usize, DecodeError> {
    let count = reader.u32()?;
    match usize::try_from(count) {
        Ok(fits) if fits <= most => Ok(fits),
        _ => Err(DecodeError::BadField { what: "a count", value: count.into() }),
    }
}

pub(crate) fn read_bytes<'a>(reader: &mut Reader<'a>, most: usize) -> Result<&'a [u8], DecodeError> {
    let len = read_count(reader, most)?;
    reader.take(len)
}

pub(crate) fn read_peer(reader: &mut Reader<'_>) -> Result<PeerId, DecodeError> {
    let bytes = read_bytes(reader, MAX_ID_BYTES)?;
    let refuse = DecodeError::BadField { what: "a peer id", value: 0 };
    PeerId::from_bytes(bytes).map_err(|_| refuse)
}
