//! What each event of the driver sets in motion.

use super::discovery::Discovery;
use super::{ChainView, Network, Report, TxSource};
use crate::addresses::MAX_SIGNED_BYTES;
use crate::driver::{
    MessageRef, NetCommand, NetEvent, Protocol, ReplyToken, RequestFailure, RequestId, Topic, Verdict,
};
use crate::limits::cost;
use crate::peers::Penalty;
use crate::wire::{self, Answer, Question};
use libp2p::PeerId;
use starling_primitives::Transaction;
use std::sync::Arc;

impl Network {
    pub(super) fn on_event(&mut self, event: NetEvent, view: &dyn ChainView) {
        match event {
            NetEvent::Connected { peer, address, outbound } => self.on_connected(peer, address, outbound),
            NetEvent::Disconnected { peer } => self.gone(&peer),
            NetEvent::Identified { peer, agent, protocols_ok, record } => {
                self.hub.peers.set_agent(&peer, agent);
                if !protocols_ok {
                    self.on_foreigner(peer);
                } else if let Some(record) = record {
                    self.hub.introduced(&peer, &record);
                }
            }
            NetEvent::Ping { peer, rtt } => self.hub.peers.set_latency(&peer, rtt),
            NetEvent::Gossip { peer, topic, message, data } => {
                self.on_message((peer, Some(message)), topic, &data, view);
            }
            NetEvent::Request { peer, token, protocol, data } => {
                self.on_request((peer, token), protocol, &data, view);
            }
            NetEvent::Response { request, result, .. } => self.on_response(request, result, view),
            NetEvent::DialFailed { peer, address, end, error } => {
                self.on_dial_failed(peer, &address, (end, &error));
            }
            NetEvent::Discovered { peer, addresses, by } => self.hub.found(peer, addresses, by),
            NetEvent::Delivered(list) => self.on_delivered(&list),
            NetEvent::Misbehaved { peer, what } => self.hub.penalise(&peer, Penalty::Ban, &what),
            NetEvent::Seeded(addresses) => self.hub.seeded(addresses),
            NetEvent::Listening(_) | NetEvent::Reachable(_) => {}
        }
    }

    /// The peer is gone, or as good as gone: nothing more is expected of it.
    pub(super) fn gone(&mut self, peer: &PeerId) {
        let now = self.hub.now;
        if let Some(known) = self.hub.peers.get(peer) {
            let lasted = now.saturating_sub(known.since);
            if known.outbound && known.status.is_some() {
                let unix = self.hub.unix();
                self.hub.book.seen(peer, unix);
            }
            self.hub.dials.disconnected(peer, lasted, now);
        }
        self.hub.forget(peer);
        self.greetings.gone(peer);
        self.discovery.gone(peer);
        self.budgets.gone(peer);
        self.headers.gone(peer);
        self.bodies.gone(peer);
        self.blocks.gone(peer);
        self.pools.gone(peer);
        self.pulls.gone(peer);
        self.hands.gone(peer);
        self.outbox.gone(peer);
    }

    /// A message of a topic, by gossip (then it waits for a verdict) or by `push/1`.
    fn on_message(
        &mut self,
        (peer, message): (PeerId, Option<MessageRef>),
        topic: Topic,
        data: &[u8],
        view: &dyn ChainView,
    ) {
        let now = self.hub.now;
        if !self.hub.peers.contains(&peer) {
            return self.hub.verdict(message, Verdict::Ignore);
        }
        if !self.budgets.message(peer, topic, now) {
            self.hub.verdict(message, Verdict::Ignore);
            self.hub.penalise(&peer, Penalty::Rank, &format!("over the budget of {topic:?}"));
            if topic == Topic::Block {
                // What was ignored is found by its status.
                self.greetings.soon(&peer, now);
            }
            return;
        }
        match topic {
            // Nobody is to find out by transactions that we are linked.
            Topic::Tx if !self.hub.peers.relays(&peer) => self.hub.verdict(message, Verdict::Ignore),
            Topic::Block => {
                self.announcements.arrive((peer, message), data, &mut self.outbox, &mut self.hub);
            }
            Topic::Tx => self.on_transaction((peer, message), data, view),
        }
    }

    fn on_transaction(
        &mut self,
        (peer, message): (PeerId, Option<MessageRef>),
        data: &[u8],
        view: &dyn ChainView,
    ) {
        let tx = match Transaction::decode(data) {
            Ok(tx) => Arc::new(tx),
            Err(error) => {
                self.hub.verdict(message, Verdict::Reject);
                return self.hub.penalise(&peer, Penalty::Ban, &format!("undecodable transaction: {error}"));
            }
        };
        self.stems.heard(&tx.wtxid(), &peer);
        if !view.synced() || view.knows_tx(&tx.wtxid()) {
            return self.hub.verdict(message, Verdict::Ignore);
        }
        let source = match message {
            Some(message) => TxSource::Gossip { peer, message },
            None => TxSource::Direct { peer },
        };
        self.hub.report(Report::Transaction { source, tx });
    }

    fn on_request(
        &mut self,
        (peer, token): (PeerId, ReplyToken),
        protocol: Protocol,
        data: &[u8],
        view: &dyn ChainView,
    ) {
        if !self.hub.peers.contains(&peer) {
            return self.hub.command(NetCommand::DropReply { token });
        }
        let question = match Question::decode(protocol, data) {
            Ok(question) => question,
            Err(error) => {
                self.reply(token, &Answer::BadRequest);
                let reason = format!("undecodable question in {protocol:?}: {error}");
                return self.hub.penalise(&peer, Penalty::Ban, &reason);
            }
        };
        if let Err(wait) = self.budgets.question(peer, protocol, cost(&question), self.hub.now) {
            return self.budgets.refuse(token, wait, &mut self.hub);
        }
        match question {
            Question::Status(status) => {
                let ours = view.status();
                self.reply(token, &Answer::Status(ours));
                self.on_status(peer, status, &ours);
            }
            Question::Peers(most) => {
                let answer = Discovery::answer(&peer, most, &mut self.hub);
                self.reply(token, &answer);
            }
            Question::Announce(ids) => {
                self.reply(token, &Answer::Done);
                if view.synced() && self.hub.peers.relays(&peer) {
                    ids.iter().for_each(|id| self.stems.heard(id, &peer));
                    self.pulls.offer(peer, &ids, view);
                }
            }
            Question::Push { topic, data } => {
                self.reply(token, &Answer::Done);
                self.on_message((peer, None), topic, &data, view);
            }
            Question::Compact(compact) => {
                self.reply(token, &Answer::Done);
                // By what is missing it would find out what the pool holds, and that we are linked.
                if self.hub.peers.relays(&peer) {
                    self.hands.told(compact.header().id(), peer, &mut self.hub);
                    let outbox = &self.outbox;
                    let known = |id: &_| outbox.is_announced(id);
                    self.announcements.arrive_short(peer, *compact, known, &mut self.hub);
                }
            }
            Question::SendCompact(wanted) => {
                self.reply(token, &Answer::Done);
                self.hands.asked_by(peer, wanted);
            }
            Question::Pool { .. } | Question::Txs(_) if !self.hub.peers.relays(&peer) => {
                self.reply(token, &Answer::NotHere);
            }
            question => match self.budgets.may_serve(self.hub.now) {
                Ok(()) => self.hub.report(Report::Serve { peer, token, question }),
                Err(wait) => self.budgets.refuse(token, wait, &mut self.hub),
            },
        }
    }

    fn reply(&mut self, token: ReplyToken, answer: &Answer) {
        self.hub.command(NetCommand::Reply { token, data: answer.encode() });
    }

    fn on_response(&mut self, id: RequestId, result: Result<Vec<u8>, RequestFailure>, view: &dyn ChainView) {
        let hub = &mut self.hub;
        // Of a peer that was let go, nothing is expected any more.
        let Some(asked) = hub.close(id) else { return };
        match asked.1 {
            Protocol::Status => {
                let status = hub.read(asked, result, wire::status);
                if let (Some(peer), Ok(status)) = (self.greetings.answered(id), status) {
                    self.on_status(peer, status, &view.status());
                }
            }
            Protocol::Headers => {
                let headers = hub.read(asked, result, wire::headers);
                self.headers.answered(id, headers, hub);
            }
            Protocol::Bodies => {
                let limit = self.config.max_body_bytes;
                let bodies = hub.read(asked, result, |reader| wire::bodies(reader, limit));
                self.bodies.answered(id, bodies, hub);
            }
            Protocol::BlockIds => {
                let ids = hub.read(asked, result, wire::block_ids);
                self.blocks.answered_ids(id, ids, hub);
            }
            Protocol::BlockTxs => {
                let txs = hub.read(asked, result, wire::block_txs);
                self.blocks.answered_txs(id, txs, hub);
            }
            Protocol::Pool => {
                let page = hub.read(asked, result, wire::pool);
                if let Some((peer, ids)) = self.pools.answered(id, page, hub.now) {
                    self.pulls.offer(peer, &ids, view);
                }
            }
            Protocol::Txs => {
                let txs = hub.read(asked, result, wire::txs);
                self.pulls.answered(id, txs, hub);
            }
            Protocol::Announce => {
                let taken = hub.read(asked, result, wire::nothing);
                self.outbox.answered(id, taken);
            }
            Protocol::Peers => {
                let records = hub.read(asked, result, |reader| wire::peers(reader, MAX_SIGNED_BYTES));
                self.discovery.answered(id, records, hub);
            }
            Protocol::SendCompact => {
                let said = hub.read(asked, result, wire::nothing);
                self.hands.answered(&asked.0, said);
            }
            // Whether it arrived makes no difference to us.
            Protocol::Push | Protocol::Compact => {
                let _ = hub.read(asked, result, wire::nothing);
            }
        }
    }
}
