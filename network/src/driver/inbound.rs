//! Requests of peers that are being served: who holds how many, and the channels of those without an answer.
//!
//! A request counts until its answer has left or failed, not until it is handed over: a peer that asks and
//! does not read holds its own places and a share of [`MAX_QUEUED_ANSWER_BYTES`], nothing else.

use super::message::{Protocol, ReplyToken};
use libp2p::PeerId;
use libp2p::request_response::{InboundRequestId, ResponseChannel};
use std::collections::HashMap;

/// Requests of one peer in one protocol that are served at a time.
pub const MAX_INBOUND_PER_PROTOCOL: u8 = 2;
/// Bytes of answers on their way to all peers together; beyond it everybody is asked to come back later.
pub(super) const MAX_QUEUED_ANSWER_BYTES: usize = 64 * 1024 * 1024;
/// Bytes of answers on their way to one peer from which on it gets no further one: a few peers that ask and
/// do not read must not take all of it.
pub(super) const MAX_QUEUED_TO_PEER_BYTES: usize = 8 * 1024 * 1024;
/// When a peer that was refused may come back, milliseconds.
const RETRY_AFTER_MS: u32 = 500;

/// The channel an answer goes into.
pub(super) type Channel = ResponseChannel<Vec<u8>>;
/// A request as its protocol knows it.
type Key = (Protocol, InboundRequestId);

/// The answer "rate limited": `01 | retry_after_ms:u32` (formats: On the wire).
pub(super) fn rate_limited() -> Vec<u8> {
    let mut answer = vec![1];
    answer.extend_from_slice(&RETRY_AFTER_MS.to_le_bytes());
    answer
}

#[derive(Debug)]
struct Place {
    peer: PeerId,
    token: ReplyToken,
    answer_bytes: usize,
}

/// The requests being served.
#[derive(Debug, Default)]
pub(super) struct Inbound {
    places: HashMap<Key, Place>,
    waiting: HashMap<ReplyToken, (Key, Channel)>,
    held: HashMap<(PeerId, Protocol), u8>,
    queued_bytes: usize,
    last_token: u64,
}

impl Inbound {
    /// Gives a new request a place and a token, or its channel back when the peer holds enough of them.
    pub(super) fn admit(&mut self, peer: PeerId, key: Key, channel: Channel) -> Result<ReplyToken, Channel> {
        let held = self.held.entry((peer, key.0)).or_default();
        if *held >= MAX_INBOUND_PER_PROTOCOL {
            return Err(channel);
        }
        *held += 1;
        self.last_token += 1;
        let token = ReplyToken::new(self.last_token);
        self.places.insert(key, Place { peer, token, answer_bytes: 0 });
        self.waiting.insert(token, (key, channel));
        Ok(token)
    }

    /// The channel to answer through, and the answer that fits: this one, or "rate limited" when too much is
    /// on its way already, to this peer or to all. Nothing if the request is gone.
    pub(super) fn answer(
        &mut self,
        token: ReplyToken,
        data: Vec<u8>,
    ) -> Option<(Protocol, Channel, Vec<u8>)> {
        let (key, channel) = self.waiting.remove(&token)?;
        let to_peer = self.places.get(&key).map_or(0, |place| self.queued_to(place.peer));
        let fits = to_peer < MAX_QUEUED_TO_PEER_BYTES
            && self.queued_bytes.saturating_add(data.len()) <= MAX_QUEUED_ANSWER_BYTES;
        let data = if fits { data } else { rate_limited() };
        if let Some(place) = self.places.get_mut(&key) {
            place.answer_bytes = data.len();
            self.queued_bytes += data.len();
        }
        Some((key.0, channel, data))
    }

    /// Bytes of answers on their way to a peer. It has few places, and there are few peers.
    fn queued_to(&self, peer: PeerId) -> usize {
        self.places.values().filter(|place| place.peer == peer).map(|place| place.answer_bytes).sum()
    }

    /// Forgets the channel of a request, which makes it fail; its place is free once that has happened.
    pub(super) fn drop_reply(&mut self, token: ReplyToken) {
        self.waiting.remove(&token);
    }

    /// A request is over: answered, failed, or its connection gone. Unknown ones (those that were refused)
    /// are passed over.
    pub(super) fn done(&mut self, key: Key) {
        let Some(place) = self.places.remove(&key) else { return };
        self.waiting.remove(&place.token);
        self.queued_bytes -= place.answer_bytes;
        let holder = (place.peer, key.0);
        if let Some(held) = self.held.get_mut(&holder) {
            *held -= 1;
            if *held == 0 {
                self.held.remove(&holder);
            }
        }
    }
}
