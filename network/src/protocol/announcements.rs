//! Announced blocks that wait for the core's word, and for at most three seconds for their parent.

use super::{AnnounceOutcome, ChainView, Hub, Report};
use crate::driver::{MessageRef, NetCommand, VERDICT_WINDOW, Verdict};
use crate::peers::Penalty;
use crate::relay::Outbox;
use crate::wire::{Announcement, Compact};
use libp2p::PeerId;
use starling_primitives::{BlockId, Header};
use std::collections::BTreeMap;
use std::time::Duration;

/// Announcements that wait at the most.
const MAX_PENDING: usize = 64;
/// Of those, announcements that wait for their parent.
const MAX_HELD: usize = 16;
/// How long they wait for it.
const HOLD: Duration = Duration::from_secs(3);
/// Senders of one announcement that are remembered.
const MAX_SOURCES: usize = 8;

/// A block as it was announced.
#[derive(Debug)]
pub(crate) enum News {
    /// With its ids, which are the header's.
    Full(Announcement),
    /// In short.
    Short(Compact),
}

impl News {
    fn header(&self) -> &Header {
        match self {
            Self::Full(announcement) => &announcement.header,
            Self::Short(compact) => compact.header(),
        }
    }
}

#[derive(Debug)]
struct Pending {
    news: News,
    /// At most one: gossip says the same thing once.
    message: Option<MessageRef>,
    /// First to come first; at most [`MAX_SOURCES`].
    sources: Vec<PeerId>,
    arrived: Duration,
    /// Until when it waits for its parent, and whether it does.
    held_until: Option<Duration>,
    held: bool,
}

/// What follows from the core's word on an announcement.
#[derive(Debug)]
pub(crate) enum Judged {
    /// Nothing.
    Done,
    /// Ask this peer for headers.
    FetchFrom(PeerId),
    /// It is right.
    Accepted {
        news: Box<News>,
        /// First to come first.
        sources: Vec<PeerId>,
        /// It waits for its verdict; none if gossip has not brought it.
        message: Option<MessageRef>,
    },
}

/// The announcements that wait.
#[derive(Debug, Default)]
pub(crate) struct Announcements {
    pending: BTreeMap<BlockId, Pending>,
}

impl Announcements {
    /// Whether this block waits for the core's word, or for its parent.
    pub(crate) fn contains(&self, id: &BlockId) -> bool {
        self.pending.contains_key(id)
    }

    /// A message of the topic, by gossip or by `push/1`; the outbox knows the blocks accepted lately.
    pub(crate) fn arrive(
        &mut self,
        (peer, message): (PeerId, Option<MessageRef>),
        data: &[u8],
        outbox: &mut Outbox,
        hub: &mut Hub,
    ) {
        let refusal = match Announcement::decode(data) {
            // Pushed again: not worth the hashing of its ids.
            Ok(announcement) if message.is_none() && outbox.is_announced(&announcement.header.id()) => return,
            Ok(announcement) if announcement.ids_match() => {
                let header = &announcement.header;
                if outbox.is_announced(&header.id()) {
                    hub.peers.raise_height(&peer, header.height());
                    return outbox.came_again(&header.id(), message, hub);
                }
                return self.take(peer, message, News::Full(announcement), hub);
            }
            Ok(_) => "announced ids that are not the header's".to_owned(),
            Err(error) => format!("undecodable announcement: {error}"),
        };
        hub.verdict(message, Verdict::Reject);
        hub.penalise(&peer, Penalty::Ban, &refusal);
    }

    /// A block announced by `compact/1`.
    pub(crate) fn arrive_short(
        &mut self,
        peer: PeerId,
        compact: Compact,
        known: impl Fn(&BlockId) -> bool,
        hub: &mut Hub,
    ) {
        if !known(&compact.header().id()) {
            self.take(peer, None, News::Short(compact), hub);
        }
    }

    fn take(&mut self, peer: PeerId, message: Option<MessageRef>, news: News, hub: &mut Hub) {
        let id = news.header().id();
        if let Some(pending) = self.pending.get_mut(&id) {
            if pending.sources.len() < MAX_SOURCES && !pending.sources.contains(&peer) {
                pending.sources.push(peer);
            }
            match pending.message {
                Some(_) => hub.verdict(message, Verdict::Ignore),
                None => pending.message = message,
            }
            if matches!((&pending.news, &news), (News::Short(_), News::Full(_))) {
                pending.news = news;
            }
            return;
        }
        if self.pending.len() >= MAX_PENDING {
            return hub.verdict(message, Verdict::Ignore);
        }
        let header = Box::new(news.header().clone());
        let (sources, arrived) = (vec![peer], hub.now);
        let pending = Pending { news, message, sources, arrived, held_until: None, held: false };
        self.pending.insert(id, pending);
        hub.report(Report::Announcement { peer, header });
    }

    /// The core's word.
    pub(crate) fn checked(&mut self, id: &BlockId, outcome: AnnounceOutcome, hub: &mut Hub) -> Judged {
        if outcome == AnnounceOutcome::UnknownParent {
            return self.hold(id, hub);
        }
        let Some(pending) = self.pending.remove(id) else { return Judged::Done };
        match outcome {
            AnnounceOutcome::Accept { .. } => {
                let height = pending.news.header().height();
                for peer in &pending.sources {
                    hub.peers.raise_height(peer, height);
                }
                Judged::Accepted {
                    news: Box::new(pending.news),
                    sources: pending.sources,
                    message: pending.message,
                }
            }
            AnnounceOutcome::Reject(penalty) => {
                hub.verdict(pending.message, Verdict::Reject);
                for peer in &pending.sources {
                    hub.penalise(peer, penalty, "announced an invalid header");
                }
                Judged::Done
            }
            AnnounceOutcome::Ignore | AnnounceOutcome::UnknownParent => {
                hub.verdict(pending.message, Verdict::Ignore);
                Judged::Done
            }
        }
    }

    fn hold(&mut self, id: &BlockId, hub: &mut Hub) -> Judged {
        let held = self.pending.values().filter(|pending| pending.held).count();
        let Some(pending) = self.pending.get_mut(id) else { return Judged::Done };
        let Some(peer) = pending.sources.first().copied() else { return Judged::Done };
        if held < MAX_HELD {
            pending.held = true;
            pending.held_until.get_or_insert(hub.now + HOLD);
        } else if let Some(pending) = self.pending.remove(id) {
            hub.verdict(pending.message, Verdict::Ignore);
        }
        Judged::FetchFrom(peer)
    }

    /// Reports again those whose parent has come, and gives up those that waited too long.
    pub(crate) fn step(&mut self, hub: &mut Hub, view: &dyn ChainView) {
        let now = hub.now;
        self.pending.retain(|_, pending| {
            let until = pending.held_until.unwrap_or(pending.arrived + VERDICT_WINDOW);
            if pending.held && view.has_header(&pending.news.header().parent()) {
                pending.held = false;
                let peer = pending.sources.first().copied();
                if let Some(peer) = peer {
                    let header = Box::new(pending.news.header().clone());
                    hub.report(Report::Announcement { peer, header });
                }
                return true;
            }
            // One that the core is judging keeps its place until gossip forgets it.
            let over = now >= until && (pending.held || now >= pending.arrived + VERDICT_WINDOW);
            if over {
                hub.verdict(pending.message.take(), Verdict::Ignore);
            }
            !over
        });
    }
}

impl Hub {
    /// Decides on a message, if it came by gossip.
    pub(crate) fn verdict(&mut self, message: Option<MessageRef>, verdict: Verdict) {
        if let Some(message) = message {
            self.command(NetCommand::Verdict { message, verdict });
        }
    }
}
