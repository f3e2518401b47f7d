//! What peers use up of our patience and of our line: their questions, their messages, and our answers.

use super::Hub;
use crate::driver::{NetCommand, Protocol, ReplyToken, Topic};
use crate::limits::{Bucket, Quota};
use crate::wire::Answer;
use libp2p::PeerId;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// Refusals that wait for the next tick at the most; further ones leave at once.
const MAX_DELAYED: usize = 256;

/// Percent of a limited line that answers may take: blocks and transactions that are new go first.
const SERVED_PERCENT: u64 = 70;
/// What answers are counted in.
const UNIT_BYTES: u64 = 1024;
/// Quotas in use up to which those of a peer outlive its connection: connecting again brings no new ones.
const MAX_KEPT: usize = 4_096;

/// The state of all quotas, of connected peers and of those that used some and left.
#[derive(Debug, Default)]
pub(crate) struct Budgets {
    questions: HashMap<(PeerId, Protocol), Bucket>,
    messages: HashMap<(PeerId, Topic), Bucket>,
    delayed: VecDeque<(ReplyToken, Duration)>,
    /// What answers may take of the line, where it is limited.
    line: Option<(Quota, Bucket)>,
}

impl Budgets {
    /// Nothing is in use; of a line with this limit, in bytes a second, answers take a part.
    pub(crate) fn new(upload_limit: Option<u64>) -> Self {
        let quota = |limit: u64| {
            let served = (limit / 100).saturating_mul(SERVED_PERCENT).max(1);
            let each = Duration::from_nanos(UNIT_BYTES.saturating_mul(1_000_000_000) / served);
            Quota { each, burst: u32::try_from(served / UNIT_BYTES).unwrap_or(u32::MAX).max(1) }
        };
        let line = upload_limit.map(|limit| (quota(limit), Bucket::default()));
        Self { line, ..Self::default() }
    }

    /// Whether there is room on the line for another answer; else how long to wait.
    pub(crate) fn may_serve(&self, now: Duration) -> Result<(), Duration> {
        let wait = self.line.as_ref().map(|(quota, bucket)| bucket.wait(*quota, 1, now));
        wait.filter(|wait| !wait.is_zero()).map_or(Ok(()), Err)
    }

    /// An answer of so many bytes leaves: those that follow wait for it.
    pub(crate) fn served(&mut self, bytes: usize, now: Duration) {
        if let Some((quota, bucket)) = &mut self.line {
            let units = u64::try_from(bytes).unwrap_or(u64::MAX).div_ceil(UNIT_BYTES);
            bucket.charge(*quota, u32::try_from(units).unwrap_or(u32::MAX), now);
        }
    }

    /// Whether a question may be served; else how long to wait.
    pub(crate) fn question(
        &mut self,
        peer: PeerId,
        protocol: Protocol,
        units: u32,
        now: Duration,
    ) -> Result<(), Duration> {
        let bucket = self.questions.entry((peer, protocol)).or_default();
        bucket.take(Quota::of_protocol(protocol), units, now)
    }

    /// Whether a message may be looked at.
    pub(crate) fn message(&mut self, peer: PeerId, topic: Topic, now: Duration) -> bool {
        self.messages.entry((peer, topic)).or_default().take(Quota::of_topic(topic), 1, now).is_ok()
    }

    /// Refuses a question, with a short delay so that asking again at once is no use.
    pub(crate) fn refuse(&mut self, token: ReplyToken, wait: Duration, hub: &mut Hub) {
        self.delayed.push_back((token, wait));
        if self.delayed.len() > MAX_DELAYED {
            self.send_first(hub);
        }
    }

    /// Sends the refusals of the time before, and forgets quotas that are whole again.
    pub(crate) fn flush(&mut self, hub: &mut Hub) {
        while !self.delayed.is_empty() {
            self.send_first(hub);
        }
        let now = hub.now;
        self.questions.retain(|(_, protocol), bucket| !bucket.is_whole(Quota::of_protocol(*protocol), now));
        self.messages.retain(|(_, topic), bucket| !bucket.is_whole(Quota::of_topic(*topic), now));
    }

    /// The peer is gone.
    pub(crate) fn gone(&mut self, peer: &PeerId) {
        if self.questions.len().saturating_add(self.messages.len()) > MAX_KEPT {
            self.questions.retain(|(other, _), _| other != peer);
            self.messages.retain(|(other, _), _| other != peer);
        }
    }

    fn send_first(&mut self, hub: &mut Hub) {
        if let Some((token, wait)) = self.delayed.pop_front() {
            let retry_after_ms = u32::try_from(wait.as_millis()).unwrap_or(u32::MAX);
            let data = Answer::RateLimited { retry_after_ms }.encode();
            hub.command(NetCommand::Reply { token, data });
        }
    }
}
