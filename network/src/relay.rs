//! Passing on what is new: blocks rebuilt from what is here already, and transactions (network design:
//! Relay).
//!
//! - [`blocks`]: announced blocks become bodies, with the fewest bytes that suffice
//! - [`compacts`]: announcements in short, ahead of gossip; [`hands`]: from whom, and to whom
//! - [`leftovers`]: transactions seen lately that the pool does not hold
//! - [`pools`]: what peers' pools hold that ours does not; [`pulls`]: fetching it
//! - [`stems`]: transactions that were submitted here, on their first hop
//! - [`outbox`]: our own transactions and blocks on their way out, no faster than others take them;
//!   [`offers`]: the ids of those that are too many for gossip

mod blocks;
mod compacts;
mod hands;
mod leftovers;
mod offers;
mod outbox;
mod pools;
mod pulls;
mod stems;

pub(crate) use blocks::{Blocks, Finished, Ids};
pub(crate) use compacts::Compacts;
pub(crate) use hands::Hands;
pub(crate) use leftovers::Leftovers;
use offers::Offers;
pub(crate) use outbox::Outbox;
pub(crate) use pools::Pools;
pub(crate) use pulls::Pulls;
use std::collections::VecDeque;
pub(crate) use stems::Stems;

/// Keeps the last `most`.
fn push_bounded<T>(list: &mut VecDeque<T>, item: T, most: usize) {
    if list.len() == most {
        list.pop_front();
    }
    list.push_back(item);
}
