//! What gossip has carried lately. It keeps a message back that it has seen before, and warns in the log; but
//! a block that was pushed to us, or a transaction we fetched, is often on its way by gossip as well.

use libp2p::gossipsub::MessageId;
use std::collections::{HashSet, VecDeque};

/// Messages remembered; gossip itself remembers all of a minute.
const MAX_MESSAGES: usize = 16_384;

/// The last messages, of either direction.
#[derive(Debug, Default)]
pub(super) struct Carried {
    known: HashSet<MessageId>,
    order: VecDeque<MessageId>,
}

impl Carried {
    /// Remembers a message; the oldest makes room.
    pub(super) fn insert(&mut self, id: MessageId) {
        if !self.known.insert(id.clone()) {
            return;
        }
        self.order.push_back(id);
        if self.order.len() > MAX_MESSAGES
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }

    /// Whether it was carried lately.
    pub(super) fn contains(&self, id: &MessageId) -> bool {
        self.known.contains(id)
    }
}

#[cfg(test)]
mod tests;
