//! The loop that owns the swarm: events out, commands in.
//!
//! When the core does not take events, the swarm is not polled, so connections fill up and senders wait;
//! commands are taken all the same, as long as what they cause fits the backlog. A core that waits to send a
//! command should therefore keep taking events, or use `try_send`.

mod links;
mod nat;

use super::DriverConfig;
use super::behaviour::{Behaviour, BehaviourEvent, ChainEvent};
use super::carried::Carried;
use super::codec::{Asked, failure};
use super::gate::is_relayed;
use super::gossip::{Gate, VERDICT_WINDOW, message_id};
use super::inbound::{Inbound, rate_limited};
use super::message::{
    Delivery, MessageRef, NetCommand, NetEvent, Protocol, ReplyToken, RequestFailure, RequestId, Topic,
    Verdict,
};
use super::reach::{Reach, Reachability};
use super::seeds::Seeds;
use super::traffic::Traffic;
use crate::addresses::Rules;
use futures::StreamExt;
use libp2p::core::transport::ListenerId;
use libp2p::gossipsub::{self, MessageAcceptance, MessageId, PublishError};
use libp2p::request_response::{self, Message, OutboundRequestId};
use libp2p::swarm::{ConnectionId, SwarmEvent};
use libp2p::{Multiaddr, PeerId, Swarm, multiaddr};
use links::{Peer, Relayed, root};
use nat::Circuit;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

/// Events that wait for the core beside its queue; while there are any, the swarm rests.
const MAX_BACKLOG: usize = 256;
/// Requests of ours that are open at a time.
const MAX_OPEN_REQUESTS: usize = 1024;
/// Peers refused at a time; the core ends bans.
const MAX_BANS: usize = 10_000;
/// Messages whose verdicts are timed at once.
const MAX_UNDECIDED: usize = 4_096;
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
    /// Messages that wait for a verdict, and since when.
    undecided: HashMap<MessageId, Instant>,
    began: Instant,
    /// What is known of our own addresses, and what of it the core was told.
    reach: Reach,
    told: Reachability,
    /// Connections over relays, until a direct one takes their place.
    relayed: HashMap<ConnectionId, Relayed>,
    /// Connections that only test the address of a peer, which does not count as connected by them.
    tests: HashMap<ConnectionId, (PeerId, Instant)>,
    /// Relays that would not hold a place for us.
    unwilling: HashMap<PeerId, Instant>,
    /// Relays that hold a place for us.
    circuits: HashMap<ListenerId, Circuit>,
}

impl Task {
    /// A loop over a swarm that listens already.
    pub(super) fn new(
        swarm: Swarm<Behaviour>,
        config: &DriverConfig,
        commands: mpsc::Receiver<NetCommand>,
        traffic: Arc<Traffic>,
    ) -> Self {
        let reach = Reach::new(Rules { public: config.public }, *swarm.local_peer_id());
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
            undecided: HashMap::new(),
            began: Instant::now(),
            reach,
            told: Reachability::default(),
            relayed: HashMap::new(),
            tests: HashMap::new(),
            unwilling: HashMap::new(),
            circuits: HashMap::new(),
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
                _ = reports.tick() => {
                    self.report_deliveries();
                    self.keep_links();
                    self.keep_reach();
                }
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
            NetCommand::Walk => self.swarm.behaviour_mut().kademlia.inner.walk(),
            NetCommand::Disconnect(peer) => self.disconnect(peer),
            NetCommand::Ban(peer) => self.ban(peer),
            NetCommand::Unban(peer) => {
                self.swarm.behaviour_mut().blocked.unblock_peer(peer);
            }
            NetCommand::Appraise { peer, score } => {
                let gossip = &mut self.swarm.behaviour_mut().gossip().inner;
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
        let foul = self.swarm.behaviour_mut().gossip().intake.foul();
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
            SwarmEvent::NewListenAddr { listener_id, address } if is_relayed(&address) => {
                self.on_circuit(listener_id, address);
            }
            SwarmEvent::NewListenAddr { address, .. } => {
                let ourselves = multiaddr::Protocol::P2p(*self.swarm.local_peer_id());
                self.backlog.push_back(NetEvent::Listening(address.clone().with(ourselves)));
                let steps = self.reach.listens(address);
                self.take_steps(steps);
            }
            SwarmEvent::ExpiredListenAddr { address, .. } if !is_relayed(&address) => {
                let steps = self.reach.ends(&address);
                self.take_steps(steps);
            }
            // Anybody can send a packet that is none.
            SwarmEvent::ListenerError { error, .. } => tracing::debug!(%error, "listening"),
            SwarmEvent::ListenerClosed { listener_id, addresses, reason } => {
                let was_circuit = self.on_circuit_closed(listener_id);
                if !was_circuit {
                    tracing::warn!(?addresses, ?reason, "no longer listening");
                }
            }
            _ => {}
        }
    }

    fn on_behaviour(&mut self, event: BehaviourEvent) {
        match event {
            BehaviourEvent::Chain(event) => self.on_chain(event),
            BehaviourEvent::Kademlia(named) => self.on_named(named),
            BehaviourEvent::Identify(event) => self.on_identify(event),
            BehaviourEvent::Ping(event) => self.on_ping(event),
            BehaviourEvent::Mdns(event) => self.on_mdns(event),
            BehaviourEvent::Upnp(event) => self.on_upnp(event),
            BehaviourEvent::Probe(event) => self.on_probe(event),
            BehaviourEvent::DialBack(event) => self.on_dial_back(event),
            BehaviourEvent::Relays(event) => tracing::debug!(?event, "a relay"),
            BehaviourEvent::Relay(event) => tracing::trace!(?event, "relaying for others"),
            BehaviourEvent::Punch(event) => self.on_punch(event),
            BehaviourEvent::Guard(never) | BehaviourEvent::Limits(never) | BehaviourEvent::Blocked(never) => {
                match never {}
            }
        }
    }

    fn on_chain(&mut self, event: ChainEvent) {
        match event {
            ChainEvent::Gossip(event) => self.on_gossip(event),
            ChainEvent::Status(event) => self.on_exchange(Protocol::Status, event),
            ChainEvent::Headers(event) => self.on_exchange(Protocol::Headers, event),
            ChainEvent::Bodies(event) => self.on_exchange(Protocol::Bodies, event),
            ChainEvent::BlockIds(event) => self.on_exchange(Protocol::BlockIds, event),
            ChainEvent::BlockTxs(event) => self.on_exchange(Protocol::BlockTxs, event),
            ChainEvent::Announce(event) => self.on_exchange(Protocol::Announce, event),
            ChainEvent::Pool(event) => self.on_exchange(Protocol::Pool, event),
            ChainEvent::Txs(event) => self.on_exchange(Protocol::Txs, event),
            ChainEvent::Push(event) => self.on_exchange(Protocol::Push, event),
            ChainEvent::Compact(event) => self.on_exchange(Protocol::Compact, event),
            ChainEvent::SendCompact(event) => self.on_exchange(Protocol::SendCompact, event),
            ChainEvent::Peers(event) => self.on_exchange(Protocol::Peers, event),
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
        let gossip = &mut self.swarm.behaviour_mut().gossip().inner;
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
        if let Some(since) = self.undecided.remove(&message.id) {
            self.traffic.judged(since);
        }
        let verdict = match verdict {
            Verdict::Later => return,
            Verdict::Accept => MessageAcceptance::Accept,
            Verdict::Ignore => MessageAcceptance::Ignore,
            Verdict::Reject => MessageAcceptance::Reject,
        };
        let gossip = &mut self.swarm.behaviour_mut().gossip().inner;
        if !gossip.report_message_validation_result(&message.id, &message.source, verdict) {
            tracing::debug!(message = %message.id, "the verdict came too late");
        }
    }

    fn request(&mut self, peer: PeerId, id: RequestId, protocol: Protocol, data: Vec<u8>) {
        let max = usize::try_from(protocol.frames(self.max_body_bytes).question_max).unwrap_or(usize::MAX);
        let exchange = self.swarm.behaviour_mut().chain.inner.exchange(protocol);
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
        let number = exchange.send_request(&peer, Ok(data));
        self.requests.insert((protocol, number), id);
    }

    fn reply(&mut self, token: ReplyToken, data: Vec<u8>) {
        let Some((protocol, channel, data)) = self.inbound.answer(token, data) else { return };
        let bytes = data.len();
        match self.swarm.behaviour_mut().chain.inner.exchange(protocol).send_response(channel, data) {
            Ok(()) => self.traffic.sent(protocol, bytes),
            Err(_) => tracing::debug!(?protocol, "the peer is gone, its answer is dropped"),
        }
    }

    /// What peers brought since the last time.
    fn report_deliveries(&mut self) {
        self.undecided.retain(|_, since| since.elapsed() < VERDICT_WINDOW);
        let topics = Topic::ALL.map(|topic| topic.ident(self.chain_id).hash());
        let gossip = self.swarm.behaviour_mut().gossip();
        let mesh: [HashSet<PeerId>; _] =
            topics.map(|topic| gossip.inner.mesh_peers(&topic).copied().collect());
        let of = |peer: &PeerId| {
            let in_mesh = mesh.each_ref().map(|mesh| mesh.contains(peer));
            (*peer, Delivery { in_mesh, ..gossip.intake.take(peer) })
        };
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
                if self.undecided.len() < MAX_UNDECIDED {
                    self.undecided.insert(id.clone(), Instant::now());
                }
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

    fn on_exchange(&mut self, protocol: Protocol, event: request_response::Event<Asked, Vec<u8>>) {
        match event {
            request_response::Event::Message { peer, message, .. } => match message {
                Message::Request { request: Err(error), .. } => {
                    let what = format!("a question in {protocol:?}: {error}");
                    self.backlog.push_back(NetEvent::Misbehaved { peer, what });
                }
                Message::Request { request_id, request: Ok(request), channel } => {
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
                                .chain
                                .inner
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
