//! The loop that owns the swarm: events out, commands in.
//!
//! When the core does not take events, the swarm is not polled, so connections fill up and senders wait;
//! commands are taken all the same, as long as what they cause fits the backlog. A core that waits to send a
//! command should therefore keep taking events, or use `try_send`.

mod links;

use super::DriverConfig;
use super::behaviour::{Behaviour, BehaviourEvent};
use super::carried::Carried;
use super::codec::failure;
use super::gossip::{Gate, message_id};
use super::inbound::{Inbound, rate_limited};
use super::message::{
    Delivery, MessageRef, NetCommand, NetEvent, Protocol, ReplyToken, RequestFailure, RequestId, Topic,
    Verdict,
};
use super::seeds::Seeds;
use super::traffic::Traffic;
use futures::StreamExt;
use libp2p::gossipsub::{self, MessageAcceptance, PublishError};
use libp2p::request_response::{self, Message, OutboundRequestId};
use libp2p::swarm::{ConnectionId, SwarmEvent};
use libp2p::{Multiaddr, PeerId, Swarm, multiaddr};
use links::{Peer, root};
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

/// Events that wait for the core beside its queue; while there are any, the swarm rests.
const MAX_BACKLOG: usize = 256;
/// Requests of ours that are open at a time.
const MAX_OPEN_REQUESTS: usize = 1024;
/// Peers refused at a time; the core ends bans.
const MAX_BANS: usize = 10_000;
/// How often it is told what peers brought.
pub const REPORT_EVERY: Duration = Duration::from_secs(10);
/// How long peers have to be told that we leave.
const FAREWELL: Duration = Duration::from_secs(1);

/// The loop and what it knows.
pub(super) struct Task {
    swarm: Swarm<Behaviour>,
    chain_id: u32,
    gate: Gate,
    carried: Carried,
    max_body_bytes: u32,
    commands: mpsc::Receiver<NetCommand>,
    traffic: Arc<Traffic>,
    backlog: VecDeque<NetEvent>,
    peers: HashMap<PeerId, Peer>,
    seeds: Seeds,
    dials: HashMap<ConnectionId, (Option<PeerId>, Multiaddr)>,
    requests: HashMap<(Protocol, OutboundRequestId), RequestId>,
    inbound: Inbound,
}

impl Task {
    /// A loop over a swarm that listens already.
    pub(super) fn new(
        swarm: Swarm<Behaviour>,
        config: &DriverConfig,
        commands: mpsc::Receiver<NetCommand>,
        traffic: Arc<Traffic>,
    ) -> Self {
        Self {
            swarm,
            chain_id: config.chain_id,
            gate: Gate::new(config.chain_id),
            carried: Carried::default(),
            max_body_bytes: config.max_body_bytes,
            commands,
            traffic,
            backlog: VecDeque::new(),
            peers: HashMap::new(),
            seeds: Seeds::default(),
            dials: HashMap::new(),
            requests: HashMap::new(),
            inbound: Inbound::default(),
        }
    }

    /// Runs until the handle or the receiver of the events is dropped.
    pub(super) async fn run(mut self, events: mpsc::Sender<NetEvent>) {
        let mut reports = tokio::time::interval(REPORT_EVERY);
        reports.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                permit = events.reserve(), if !self.backlog.is_empty() => match permit {
                    Ok(permit) => {
                        if let Some(event) = self.backlog.pop_front() {
                            permit.send(event);
                        }
                    }
                    Err(_) => break,
                },
                command = self.commands.recv(), if self.backlog.len() < MAX_BACKLOG => match command {
                    Some(command) => self.obey(command),
                    None => break,
                },
                event = self.swarm.select_next_some(), if self.backlog.is_empty() => self.report(event),
                _ = reports.tick() => self.report_deliveries(),
                addresses = self.seeds.next() => self.backlog.push_back(NetEvent::Seeded(addresses)),
                () = events.closed() => break,
            }
        }
        self.leave().await;
    }

    /// Closes the connections properly, so that peers need not find out by waiting.
    async fn leave(mut self) {
        let connected: Vec<PeerId> = self.peers.keys().copied().collect();
        for peer in connected {
            self.disconnect(peer);
        }
        let closed = async {
            while self.swarm.connected_peers().next().is_some() {
                self.swarm.select_next_some().await;
            }
        };
        if tokio::time::timeout(FAREWELL, closed).await.is_err() {
            tracing::debug!("some connections did not close in time");
        }
    }

    fn obey(&mut self, command: NetCommand) {
        match command {
            NetCommand::Dial { peer, addresses, quiet } => self.dial(peer, addresses, quiet),
            NetCommand::Resolve(name) => self.seeds.look_up(name),
            NetCommand::Disconnect(peer) => self.disconnect(peer),
            NetCommand::Ban(peer) => self.ban(peer),
            NetCommand::Unban(peer) => {
                self.swarm.behaviour_mut().blocked.unblock_peer(peer);
            }
            NetCommand::Appraise { peer, score } => {
                let gossip = &mut self.swarm.behaviour_mut().gossip.inner;
                gossip.set_application_score(&peer, score.into());
            }
            NetCommand::Publish { topic, data } => self.publish(topic, data),
            NetCommand::Verdict { message, verdict } => self.judge(&message, verdict),
            NetCommand::Request { peer, id, protocol, data } => self.request(peer, id, protocol, data),
            NetCommand::Reply { token, data } => self.reply(token, data),
            NetCommand::DropReply { token } => self.inbound.drop_reply(token),
        }
    }

    fn report(&mut self, event: SwarmEvent<BehaviourEvent>) {
        let foul = self.swarm.behaviour_mut().gossip.intake.foul();
        self.backlog.extend(foul.into_iter().map(|(peer, what)| NetEvent::Misbehaved { peer, what }));
        match event {
            SwarmEvent::Behaviour(event) => self.on_behaviour(event),
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, .. } => {
                self.on_connected(peer_id, connection_id, endpoint);
            }
            SwarmEvent::ConnectionClosed { peer_id, connection_id, .. } => {
                self.on_closed(peer_id, connection_id);
            }
            SwarmEvent::OutgoingConnectionError { connection_id, error, .. } => {
                self.on_dial_failed(connection_id, &error);
            }
            SwarmEvent::IncomingConnectionError { send_back_addr, error, .. } => {
                let error = root(&error);
                tracing::debug!(from = %send_back_addr, error, "a connection from outside failed");
            }
            SwarmEvent::NewListenAddr { address, .. } => {
                let ourselves = multiaddr::Protocol::P2p(*self.swarm.local_peer_id());
                self.backlog.push_back(NetEvent::Listening(address.with(ourselves)));
            }
            SwarmEvent::ListenerError { error, .. } => tracing::warn!(%error, "listening"),
            SwarmEvent::ListenerClosed { addresses, reason, .. } => {
                tracing::warn!(?addresses, ?reason, "no longer listening");
            }
            _ => {}
        }
    }

    fn on_behaviour(&mut self, event: BehaviourEvent) {
        match event {
            BehaviourEvent::Gossip(event) => self.on_gossip(event),
            BehaviourEvent::Identify(event) => self.on_identify(event),
            BehaviourEvent::Ping(event) => self.on_ping(event),
            BehaviourEvent::Mdns(event) => self.on_mdns(event),
            BehaviourEvent::Status(event) => self.on_exchange(Protocol::Status, event),
            BehaviourEvent::Headers(event) => self.on_exchange(Protocol::Headers, event),
            BehaviourEvent::Bodies(event) => self.on_exchange(Protocol::Bodies, event),
            BehaviourEvent::BlockIds(event) => self.on_exchange(Protocol::BlockIds, event),
            BehaviourEvent::BlockTxs(event) => self.on_exchange(Protocol::BlockTxs, event),
            BehaviourEvent::Announce(event) => self.on_exchange(Protocol::Announce, event),
            BehaviourEvent::Pool(event) => self.on_exchange(Protocol::Pool, event),
            BehaviourEvent::Txs(event) => self.on_exchange(Protocol::Txs, event),
            BehaviourEvent::Push(event) => self.on_exchange(Protocol::Push, event),
            BehaviourEvent::Peers(event) => self.on_exchange(Protocol::Peers, event),
            BehaviourEvent::Guard(never) | BehaviourEvent::Limits(never) | BehaviourEvent::Blocked(never) => {
                match never {}
            }
        }
    }

    fn disconnect(&mut self, peer: PeerId) {
        if self.swarm.disconnect_peer_id(peer).is_err() {
            tracing::debug!(%peer, "not connected, nothing to close");
        }
        self.forget(peer);
    }

    /// A connection may take its time to close, and the peer may come again before: what comes is new.
    fn forget(&mut self, peer: PeerId) {
        if self.peers.remove(&peer).is_some() {
            self.backlog.push_back(NetEvent::Disconnected { peer });
        }
    }

    fn ban(&mut self, peer: PeerId) {
        let blocked = &mut self.swarm.behaviour_mut().blocked;
        if blocked.blocked_peers().len() < MAX_BANS {
            blocked.block_peer(peer);
            self.forget(peer);
        } else {
            tracing::warn!(%peer, "the list of banned peers is full: only disconnected");
            self.disconnect(peer);
        }
    }

    fn publish(&mut self, topic: Topic, data: Vec<u8>) {
        let (name, bytes) = (topic.ident(self.chain_id).hash(), data.len());
        if self.carried.contains(&message_id(&name, &data)) {
            return;
        }
        let gossip = &mut self.swarm.behaviour_mut().gossip.inner;
        match gossip.publish(name, data) {
            Ok(id) => {
                self.carried.insert(id);
                self.traffic.published(topic, bytes);
            }
            Err(PublishError::NoPeersSubscribedToTopic | PublishError::Duplicate) => {}
            Err(PublishError::AllQueuesFull(peers)) => {
                tracing::warn!(?topic, peers, "nothing was published: the queues of all peers are full");
            }
            Err(error) => tracing::error!(?topic, bytes, %error, "nothing was published"),
        }
    }

    fn judge(&mut self, message: &MessageRef, verdict: Verdict) {
        let verdict = match verdict {
            Verdict::Accept => MessageAcceptance::Accept,
            Verdict::Ignore => MessageAcceptance::Ignore,
            Verdict::Reject => MessageAcceptance::Reject,
        };
        let gossip = &mut self.swarm.behaviour_mut().gossip.inner;
        if !gossip.report_message_validation_result(&message.id, &message.source, verdict) {
            tracing::debug!(message = %message.id, "the verdict came too late");
        }
    }

    fn request(&mut self, peer: PeerId, id: RequestId, protocol: Protocol, data: Vec<u8>) {
        let max = usize::try_from(protocol.frames(self.max_body_bytes).question_max).unwrap_or(usize::MAX);
        let exchange = self.swarm.behaviour_mut().exchange(protocol);
        // An unconnected peer would be dialled, and the request kept meanwhile.
        let refusal = if !exchange.is_connected(&peer) {
            Some(RequestFailure::Closed)
        } else if self.requests.len() >= MAX_OPEN_REQUESTS {
            Some(RequestFailure::TooMany)
        } else if data.len() > max {
            Some(RequestFailure::TooLarge)
        } else {
            None
        };
        if let Some(failure) = refusal {
            self.backlog.push_back(NetEvent::Response { peer, request: id, result: Err(failure) });
            return;
        }
        self.traffic.sent(protocol, data.len());
        let number = exchange.send_request(&peer, data);
        self.requests.insert((protocol, number), id);
    }

    fn reply(&mut self, token: ReplyToken, data: Vec<u8>) {
        let Some((protocol, channel, data)) = self.inbound.answer(token, data) else { return };
        let bytes = data.len();
        match self.swarm.behaviour_mut().exchange(protocol).send_response(channel, data) {
            Ok(()) => self.traffic.sent(protocol, bytes),
            Err(_) => tracing::debug!(?protocol, "the peer is gone, its answer is dropped"),
        }
    }

    /// What peers brought since the last time.
    fn report_deliveries(&mut self) {
        let gossip = &mut self.swarm.behaviour_mut().gossip;
        let mesh: HashSet<PeerId> = gossip.inner.all_mesh_peers().copied().collect();
        let of =
            |peer: &PeerId| (*peer, Delivery { in_mesh: mesh.contains(peer), ..gossip.intake.take(peer) });
        let list: Vec<(PeerId, Delivery)> = self.peers.keys().map(of).collect();
        if !list.is_empty() {
            self.backlog.push_back(NetEvent::Delivered(list));
        }
    }

    fn on_gossip(&mut self, event: gossipsub::Event) {
        match event {
            gossipsub::Event::Message { propagation_source: peer, message_id: id, message } => {
                // Gossip has such a gate in front of it: nothing else arrives.
                let Some(topic) = self.gate.topic(&message.topic) else { return };
                self.traffic.heard(topic, message.data.len());
                self.carried.insert(id.clone());
                let message_ref = MessageRef { source: peer, id };
                let event = NetEvent::Gossip { peer, topic, message: message_ref, data: message.data };
                self.backlog.push_back(event);
            }
            gossipsub::Event::SlowPeer { peer_id, failed_messages } => {
                tracing::debug!(peer = %peer_id, ?failed_messages, "a peer takes gossip too slowly");
            }
            gossipsub::Event::GossipsubNotSupported { peer_id } => {
                tracing::debug!(peer = %peer_id, "a peer without gossip");
            }
            gossipsub::Event::Subscribed { .. } | gossipsub::Event::Unsubscribed { .. } => {}
        }
    }

    fn on_exchange(&mut self, protocol: Protocol, event: request_response::Event<Vec<u8>, Vec<u8>>) {
        match event {
            request_response::Event::Message { peer, message, .. } => match message {
                Message::Request { request_id, request, channel } => {
                    self.traffic.received(protocol, request.len());
                    match self.inbound.admit(peer, (protocol, request_id), channel) {
                        Ok(token) => {
                            self.backlog.push_back(NetEvent::Request {
                                peer,
                                token,
                                protocol,
                                data: request,
                            });
                        }
                        Err(channel) => {
                            // Its failure to leave is the peer's loss.
                            let _ = self
                                .swarm
                                .behaviour_mut()
                                .exchange(protocol)
                                .send_response(channel, rate_limited());
                        }
                    }
                }
                Message::Response { request_id, response } => {
                    self.traffic.received(protocol, response.len());
                    self.ended(peer, (protocol, request_id), Ok(response));
                }
            },
            request_response::Event::OutboundFailure { peer, request_id, error, .. } => {
                self.ended(peer, (protocol, request_id), Err(failure(&error)));
            }
            request_response::Event::InboundFailure { peer, request_id, error, .. } => {
                tracing::debug!(%peer, ?protocol, %error, "a request was not answered");
                self.inbound.done((protocol, request_id));
            }
            request_response::Event::ResponseSent { request_id, .. } => {
                self.inbound.done((protocol, request_id))
            }
        }
    }

    fn ended(
        &mut self,
        peer: PeerId,
        key: (Protocol, OutboundRequestId),
        result: Result<Vec<u8>, RequestFailure>,
    ) {
        if let Some(request) = self.requests.remove(&key) {
            self.backlog.push_back(NetEvent::Response { peer, request, result });
        }
    }
}
