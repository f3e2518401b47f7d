//! What follows when the core has judged an announced block.

use super::announcements::{Judged, News};
use super::{AnnounceOutcome, Body, ChainView, Network, Output};
use crate::driver::{MessageRef, NetCommand, Topic, Verdict};
use crate::relay::{Compacts, Finished, Ids};
use crate::wire::{Announcement, Compact};
use libp2p::PeerId;
use starling_primitives::{BlockId, Header};
use std::time::Duration;

impl Network {
    /// The core's word on a [`super::Report::Announcement`]: by it the message is passed on or not, and the
    /// body rebuilt.
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
            Judged::Accepted { news, sources, message } => {
                let want_body = outcome == (AnnounceOutcome::Accept { want_body: true });
                match *news {
                    News::Full(announcement) => self.accepted(&announcement, &sources, message, want_body),
                    // Of a block that is here, who passes it on has its ids.
                    News::Short(compact) if want_body => self.accepted_short(&compact, &sources, view),
                    News::Short(_) => {}
                }
            }
        }
        self.finish(Some(view))
    }

    /// An announcement is right: it is passed on, in short first.
    fn accepted(
        &mut self,
        announcement: &Announcement,
        sources: &[PeerId],
        message: Option<MessageRef>,
        want_body: bool,
    ) {
        if want_body {
            self.hands.pass_on(announcement, sources, &mut self.hub);
        }
        match message {
            Some(message) => self.hub.verdict(Some(message), Verdict::Accept),
            None => {
                let data = announcement.encode();
                self.hub.command(NetCommand::Publish { topic: Topic::Block, data });
            }
        }
        self.heard(&announcement.header.id(), sources);
        if want_body {
            let ids = announcement.wtxids.clone().map_or(Ids::Unknown, Ids::Known);
            self.fetch(announcement.header.clone(), ids, sources);
        }
    }

    /// The header of a block announced in short is right: so are the ids, once all are known.
    fn accepted_short(&mut self, compact: &Compact, sources: &[PeerId], view: &dyn ChainView) {
        let header = compact.header().clone();
        let Some(first) = sources.first().copied() else { return };
        if !view.synced() || !self.compacts.may_try(header.id(), first) {
            return;
        }
        let stems = &self.stems;
        let ids = Compacts::find((compact, first), view, &self.leftovers, |id| stems.hides(id));
        if let Ids::Known(wtxids) = &ids {
            self.learnt(Announcement { header: header.clone(), wtxids: Some(wtxids.clone()) }, sources);
        }
        self.fetch(header, ids, sources);
    }

    fn heard(&mut self, id: &BlockId, sources: &[PeerId]) {
        self.outbox.heard(*id);
        if let Some(first) = sources.first() {
            self.hub.peers.told_block(first, self.hub.now);
        }
    }

    /// All ids of a block announced in short are known: it is passed on, and gossip has its time to bring it.
    fn learnt(&mut self, announcement: Announcement, sources: &[PeerId]) {
        self.hands.pass_on(&announcement, sources, &mut self.hub);
        self.heard(&announcement.header.id(), sources);
        self.outbox.heard_ahead(announcement, &mut self.hub);
    }

    /// Goes on with the bodies of announced blocks.
    pub(super) fn rebuild(&mut self, view: &dyn ChainView) {
        for finished in self.blocks.step(&mut self.hub, view, &self.leftovers) {
            match finished {
                Finished::Body { id, from, txs } => {
                    self.bodies.deliver(id, from, Body::Txs(txs), &mut self.hub);
                }
                Finished::GivenUp { id, height } => self.bodies.also(id, height, self.hub.now),
                Finished::Learnt { announcement, sources } => self.learnt(*announcement, &sources),
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
