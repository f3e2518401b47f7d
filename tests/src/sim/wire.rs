//! Connections: how long what is sent takes. A node's line takes so much of each message in turn as TCP lets
//! a connection have in the queue of the device; what is lost on the way is sent again, and comes later.

use super::dice::Dice;
use super::gossip::Rpc;
use super::world::HostId;
use starling_network::{Protocol, RequestFailure, RequestId};
use std::time::Duration;

/// Bytes of a message that leave before others have their turn: two segments of 64 KiB.
const QUANTUM: usize = 128 << 10;
/// Bytes of a packet, and what it has beside its content.
const PACKET_BYTES: usize = 1_400;
const PACKET_OVERHEAD: usize = 60;
/// The least time after which a packet is sent again.
const RETRANSMISSION: Duration = Duration::from_millis(200);

/// What travels between two nodes.
#[derive(Clone, Debug)]
pub(super) enum Packet {
    /// Gossip.
    Gossip(Rpc),
    /// A question.
    Question {
        /// In which protocol.
        protocol: Protocol,
        /// Its number where it is asked.
        request: RequestId,
        /// The question.
        data: Vec<u8>,
    },
    /// An answer.
    Answer {
        /// To which question.
        request: RequestId,
        /// The answer, or why there is none.
        result: Result<Vec<u8>, RequestFailure>,
    },
}

impl Packet {
    /// Bytes on the wire.
    pub(super) fn bytes(&self) -> usize {
        let content = match self {
            Self::Gossip(rpc) => rpc.bytes(),
            Self::Question { data, .. } => data.len() + PACKET_OVERHEAD,
            Self::Answer { result, .. } => result.as_ref().map_or(0, Vec::len) + PACKET_OVERHEAD,
        };
        content + content.div_ceil(PACKET_BYTES) * PACKET_OVERHEAD
    }
}

/// A message on its way onto the wire.
#[derive(Debug)]
pub(super) struct Transfer {
    /// For whom.
    pub(super) to: HostId,
    /// On which connection.
    pub(super) epoch: u64,
    /// Bytes that have not left yet.
    pub(super) left: usize,
    /// What it is.
    pub(super) packet: Packet,
}

impl Transfer {
    /// Lets a part of it leave; how many bytes.
    pub(super) fn advance(&mut self) -> usize {
        let part = self.left.min(QUANTUM);
        self.left -= part;
        part
    }
}

/// A connection between two nodes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    /// Which of all that there were.
    pub(super) epoch: u64,
    /// Who dialled.
    pub(super) dialler: HostId,
    /// Time that a packet takes.
    pub(super) latency: Duration,
    /// When the last message from the lower and from the higher number is there: they keep their order.
    pub(super) there: [Duration; 2],
    /// When the link is free again for the lower and for the higher number, where it has a rate of its own.
    pub(super) free: [Duration; 2],
}

impl Link {
    /// How long after it left a message of so many bytes is there.
    pub(super) fn delay(&self, bytes: usize, loss: f64, dice: &mut Dice) -> Duration {
        let jitter = dice.between(Duration::ZERO, self.latency / 20);
        let packets = i32::try_from(bytes.div_ceil(PACKET_BYTES)).unwrap_or(i32::MAX);
        let mut delay = self.latency + jitter;
        // Of one flight: those lost together are sent again together.
        let mut lost = 1.0 - (1.0 - loss).powi(packets);
        while loss > 0.0 && dice.chance(lost) {
            delay += RETRANSMISSION.max(2 * self.latency);
            lost = loss;
        }
        delay
    }
}

/// How long a message of so many bytes takes on a line of this rate, in bits a second.
pub(super) fn time_on_line(bytes: usize, rate: u64) -> Duration {
    let bits = u64::try_from(bytes).unwrap_or(u64::MAX).saturating_mul(8);
    Duration::from_nanos(bits.saturating_mul(1_000_000_000).checked_div(rate).unwrap_or(0))
}
