//! What the core and the machines say to each other.

use crate::driver::{MessageRef, NetCommand, ReplyToken};
use crate::peers::Penalty;
use crate::wire::{Question, Status};
use libp2p::PeerId;
use starling_primitives::{BlockId, Header, Transaction, Work, Wtxid};
use std::sync::Arc;

/// What the machines read of the chain and the pool; all of it must be cheap.
pub trait ChainView {
    /// Where we stand.
    fn status(&self) -> Status;
    /// Ids on the best header chain, newest first, ever further apart, genesis last; at most 64.
    fn locator(&self) -> Vec<BlockId>;
    /// Whether the header is in the tree.
    fn has_header(&self, id: &BlockId) -> bool;
    /// Cumulative work of the best chain of headers.
    fn best_header_work(&self) -> Work;
    /// A transaction of the pool.
    fn pool_tx(&self, id: &Wtxid) -> Option<Arc<Transaction>>;
    /// The ids of all transactions of the pool.
    fn pool_ids(&self) -> Box<dyn Iterator<Item = Wtxid> + '_>;
    /// Whether there is no point in fetching the transaction: in the pool, mined or refused lately.
    fn knows_tx(&self, id: &Wtxid) -> bool;
    /// Whether transactions can be judged: the chain is not far behind.
    fn synced(&self) -> bool;
    /// Whether no block has come for more than six intervals.
    fn is_stale(&self) -> bool;
}

/// What comes out of each call: for the driver, or for the core.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// To be handed to the driver.
    Command(NetCommand),
    /// To be judged, served or told by the core.
    Report(Report),
}

/// What the core must judge or serve.
#[derive(Clone, Debug, PartialEq)]
pub enum Report {
    /// A block is announced whose ids, where carried, are the header's: judge the header by
    /// [`super::Network::announcement_checked`].
    Announcement {
        /// Who sent it first.
        peer: PeerId,
        /// The header.
        header: Box<Header>,
    },
    /// Judge it by [`super::Network::transaction_checked`].
    Transaction {
        /// Where it is from; goes into the verdict.
        source: TxSource,
        /// The transaction.
        tx: Arc<Transaction>,
    },
    /// Headers in order, each the parent of the next, the first upon a header we named: judge them by
    /// [`super::Network::headers_checked`].
    Headers {
        /// Who sent them.
        peer: PeerId,
        /// At most [`crate::wire::MAX_HEADERS`], at least one.
        headers: Vec<Header>,
    },
    /// A body that was wanted: say what it is by [`super::Network::body_checked`].
    Body {
        /// The block.
        id: BlockId,
        /// The body.
        body: Body,
    },
    /// Nobody serves the body of this block, or all that is served is false: set its branch aside. Said again
    /// every minute while it stays wanted.
    Unserved {
        /// The block.
        id: BlockId,
        /// Its height.
        height: u32,
    },
    /// A peer asks: answer by [`super::Network::answer`], at best at once. The question keeps the limits of
    /// [`Question`] and is one of headers, bodies, block ids, block transactions, pool or transactions.
    Serve {
        /// Who asks.
        peer: PeerId,
        /// Goes into the answer.
        token: ReplyToken,
        /// What.
        question: Question,
    },
    /// A peer was disconnected for what it did.
    Dropped {
        /// Who.
        peer: PeerId,
        /// What.
        reason: String,
        /// Whether it is also banned.
        banned: bool,
    },
}

/// A body as it came together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// Rebuilt: the transactions have the ids that the header commits to.
    Txs(Vec<Arc<Transaction>>),
    /// Downloaded: not decoded yet, at most the chain's `max_body_bytes`.
    Bytes(Vec<u8>),
}

/// Where a transaction is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TxSource {
    /// Gossip: the message waits for the verdict.
    Gossip {
        /// Who sent it.
        peer: PeerId,
        /// Which message.
        message: MessageRef,
    },
    /// Handed over directly by `push/1`, or fetched by us by `txs/1`.
    Direct {
        /// Who sent it.
        peer: PeerId,
    },
    /// It came before those it builds on, and is judged again.
    Kept {
        /// Who sent it.
        peer: PeerId,
    },
}

impl TxSource {
    /// Who sent it.
    #[must_use]
    pub fn peer(&self) -> PeerId {
        match self {
            Self::Gossip { peer, .. } | Self::Direct { peer } | Self::Kept { peer } => *peer,
        }
    }
}

/// What an announced header is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnnounceOutcome {
    /// Right: pass it on. With `want_body`, its body is rebuilt; false when it is here already.
    Accept {
        /// Whether the body is wanted.
        want_body: bool,
    },
    /// Neither right nor wrong: from the future, of little work, upon an invalid block.
    Ignore,
    /// Wrong.
    Reject(Penalty),
    /// Its work is real but its parent is not known.
    UnknownParent,
}

/// What a transaction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TxOutcome {
    /// In the pool now: pass it on.
    Accept,
    /// Not for our pool, at no fault of the sender (consensus design: fails on this state).
    Ignore,
    /// Wrong by itself.
    Reject(Penalty),
}

/// What a batch of headers was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadersOutcome {
    /// Right; `new` of them, counting those of which only a commitment was kept, were not known before.
    Accept {
        /// How many were new.
        new: usize,
    },
    /// Right, and now to be sent again by the same peer from after this block: the second pass of the sync.
    Again {
        /// The last header that was known before the first pass.
        after: BlockId,
    },
    /// Nothing wrong, but not to be followed: of little work, upon an invalid block, from the future.
    Ignore,
    /// Wrong.
    Reject(Penalty),
}

/// What a body was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyOutcome {
    /// It is the header's.
    Match,
    /// It is not the header's: whoever served it is to blame, and it is fetched from another.
    Mismatch(Penalty),
    /// It is the header's and breaks a rule: the block is invalid.
    Invalid(Penalty),
}
