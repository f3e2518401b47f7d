//! What peers use up of our patience: their questions and their messages.

use super::Hub;
use crate::driver::{NetCommand, Protocol, ReplyToken, Topic};
use crate::limits::{Bucket, Quota};
use crate::wire::Answer;
use libp2p::PeerId;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// Refusals that wait for the next tick at the most; further ones leave at once.
const MAX_DELAYED: usize = 256;

/// Quotas in use up to which those of a peer outlive its connection: connecting again brings no new ones.
const MAX_KEPT: usize = 4_096;

/// The state of all quotas, of connected peers and of those that used some and left.
#[derive(Debug, Default)]
pub(crate) struct Budgets {
    questions: HashMap<(PeerId, Protocol), Bucket>,
    messages: HashMap<(PeerId, Topic), Bucket>,
    delayed: VecDeque<(ReplyToken, Duration)>,
}

impl Budgets {
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
