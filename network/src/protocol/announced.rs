//! What follows when the core has judged an announced block.

use super::announcements::{Judged, News};
use super::{AnnounceOutcome, Body, ChainView, Network, Output};
use crate::driver::{NetCommand, Topic};
use crate::relay::{Compacts, Finished, Ids};
use crate::wire::Announcement;
use libp2p::PeerId;
use starling_primitives::{BlockId, Header};
use std::time::Duration;

impl Network {
    /// The core's word on a [`Report::Announcement`]: by it the message is passed on or not, and the body
    /// rebuilt.
    pub fn announcement_checked(
        &mut self,
        id: BlockId,
        outcome: AnnounceOutcome,
        view: &dyn ChainView,
        now: Duration,
    ) -> Vec<Output> {
        self.at(now);
        match self.announcements.checked(&id, outcome, &mut self.hub) {
            Judged::Done => {}
            Judged::FetchFrom(peer) => self.headers.fetch_from(peer, view.synced(), self.hub.now),
            Judged::Accepted { news, sources, publish } => {
                let want_body = outcome == (AnnounceOutcome::Accept { want_body: true });
                self.accepted(*news, &sources, (publish, want_body), view);
            }
        }
        self.finish(Some(view))
    }

    /// The header of an announced block is right: whoever has all its ids passes it on.
    fn accepted(
        &mut self,
        news: News,
        sources: &[PeerId],
        (publish, want_body): (bool, bool),
        view: &dyn ChainView,
    ) {
        let announcement = match news {
            News::Full(announcement) => {
                if publish {
                    let data = announcement.encode();
                    self.hub.command(NetCommand::Publish { topic: Topic::Block, data });
                }
                announcement
            }
            // Of a block that is here, who passes it on has its ids.
            News::Short(_) if !want_body => return,
            News::Short(compact) => {
                let header = compact.header().clone();
                let ids = match self.compacts.find(&compact, view, &self.leftovers) {
                    Ids::Known(ids) => ids,
                    ids => return self.fetch(header, ids, sources),
                };
                let announcement = Announcement { header, wtxids: Some(ids) };
                if publish {
                    self.outbox.heard_ahead(announcement.clone(), self.hub.now);
                }
                announcement
            }
        };
        if let Some(first) = sources.first() {
            self.outbox.heard(announcement.header.id());
            self.hub.peers.told_block(first, self.hub.now);
        }
        if want_body {
            Compacts::hand_on(&announcement, sources, &mut self.hub);
            let Announcement { header, wtxids } = announcement;
            self.fetch(header, wtxids.map_or(Ids::Unknown, Ids::Known), sources);
        }
    }

    /// Goes on with the bodies of announced blocks.
    pub(super) fn rebuild(&mut self, view: &dyn ChainView) {
        let hub = &mut self.hub;
        for finished in self.blocks.step(hub, view, &self.leftovers) {
            match finished {
                Finished::Body { id, from, txs } => self.bodies.deliver(id, from, Body::Txs(txs), hub),
                Finished::GivenUp { id, height } => self.bodies.also(id, height, hub.now),
                Finished::Learnt { announcement, sources } => {
                    self.outbox.heard(announcement.header.id());
                    Compacts::hand_on(&announcement, &sources, hub);
                    self.outbox.heard_ahead(announcement, hub.now);
                }
            }
        }
    }

    /// Gets the body of an announced block together.
    fn fetch(&mut self, header: Header, ids: Ids, sources: &[PeerId]) {
        let (id, height) = (header.id(), header.height());
        if !self.blocks.start(header, ids, sources, self.hub.now) {
            self.bodies.also(id, height, self.hub.now);
        }
    }
}
