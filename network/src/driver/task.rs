//! The loop that owns the swarm: events out, commands in.
//!
//! When the core does not take events, the swarm is not polled, so connections fill up and senders wait;
//! commands are taken all the same, as long as what they cause fits the backlog. A core that waits to send a
//! command should therefore keep taking events, or use `try_send`.

use super::behaviour::{Behaviour, BehaviourEvent, MAX_DIALS, is_of_chain, version};
use super::bootstrap::{Bootstrap, dial_options, peer_of};
use super::carried::Carried;
use super::codec::failure;
use super::gossip::{Gate, message_id};
use super::inbound::{Inbound, rate_limited};
use super::message::{
    MessageRef, NetCommand, NetEvent, Protocol, ReplyToken, RequestFailure, RequestId, Topic, Verdict,
};
use super::traffic::Traffic;
use super::{DriverConfig, MAX_AGENT_CHARS};
use futures::StreamExt;
use libp2p::core::ConnectedPoint;
use libp2p::gossipsub::{self, MessageAcceptance, PublishError};
use libp2p::request_response::{self, Message, OutboundRequestId};
use libp2p::swarm::{ConnectionId, DialError, SwarmEvent};
use libp2p::{Multiaddr, PeerId, Swarm, identify, mdns, multiaddr, ping};
use std::collections::{HashMap, VecDeque};
use std::error::Error;
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
/// Addresses taken from one announcement on the local network.
const MAX_DISCOVERED: usize = 64;
/// Pings in a row that a connection may miss.
const MAX_MISSED_PINGS: u8 = 2;
/// How often it is looked whether a bootstrap node is to be dialled.
const BOOTSTRAP_TICK: Duration = Duration::from_millis(250);
/// How long peers have to be told that we leave.
const FAREWELL: Duration = Duration::from_secs(1);

/// A connection.
struct Link {
    dialled: Option<Multiaddr>,
    outbound: bool,
    missed_pings: u8,
}

/// A connected peer.
#[derive(Default)]
struct Peer {
    links: HashMap<ConnectionId, Link>,
    identified: Option<(String, bool)>,
}

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
    bootstrap: Bootstrap,
    dials: HashMap<ConnectionId, Multiaddr>,
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
            bootstrap: Bootstrap::new(&config.bootstrap, Instant::now()),
            dials: HashMap::new(),
            requests: HashMap::new(),
            inbound: Inbound::default(),
        }
    }

    /// Runs until the handle or the receiver of the events is dropped.
    pub(super) async fn run(mut self, events: mpsc::Sender<NetEvent>) {
        let mut tick = tokio::time::interval(BOOTSTRAP_TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
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
                _ = tick.tick() => self.dial_bootstrap(),
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
            NetCommand::Dial(address) => {
                self.dial(address);
            }
            NetCommand::Disconnect(peer) => self.disconnect(peer),
            NetCommand::Ban(peer) => self.ban(peer),
            NetCommand::Unban(peer) => {
                self.swarm.behaviour_mut().blocked.unblock_peer(peer);
            }
            NetCommand::Publish { topic, data } => self.publish(topic, data),
            NetCommand::Verdict { message, verdict } => self.judge(&message, verdict),
            NetCommand::Request { peer, id, protocol, data } => self.request(peer, id, protocol, data),
            NetCommand::Reply { token, data } => self.reply(token, data),
            NetCommand::DropReply { token } => self.inbound.drop_reply(token),
        }
    }

    fn report(&mut self, event: SwarmEvent<BehaviourEvent>) {
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
            BehaviourEvent::Limits(never) | BehaviourEvent::Blocked(never) => match never {},
        }
    }

    /// Dials unless that leads to ourselves, to a peer we are connected to, or where a dial is under way.
    fn dial(&mut self, address: Multiaddr) {
        let peer = peer_of(&address);
        let known = match peer {
            Some(peer) => peer == *self.swarm.local_peer_id() || self.peers.contains_key(&peer),
            None => self.peers.values().any(|peer| peer.dialled(&address)),
        };
        let full = self.dials.len() >= usize::try_from(MAX_DIALS).unwrap_or(usize::MAX);
        if known || full || self.dials.values().any(|other| *other == address) {
            return;
        }
        let options = dial_options(peer, address.clone());
        let id = options.connection_id();
        self.dials.insert(id, address.clone());
        self.bootstrap.dialling(&address, id);
        if let Err(error) = self.swarm.dial(options) {
            self.on_dial_failed(id, &error);
        }
    }

    fn dial_bootstrap(&mut self) {
        for address in self.bootstrap.due(Instant::now()) {
            self.dial(address);
        }
    }

    fn disconnect(&mut self, peer: PeerId) {
        if self.swarm.disconnect_peer_id(peer).is_err() {
            tracing::debug!(%peer, "not connected, nothing to close");
        }
    }

    fn ban(&mut self, peer: PeerId) {
        let blocked = &mut self.swarm.behaviour_mut().blocked;
        if blocked.blocked_peers().len() < MAX_BANS {
            blocked.block_peer(peer);
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

    fn on_connected(&mut self, peer: PeerId, id: ConnectionId, endpoint: ConnectedPoint) {
        self.bootstrap.connected(id, peer, Instant::now());
        let dialled = self.dials.remove(&id);
        let known = self.peers.entry(peer).or_default();
        let first = known.links.is_empty();
        let outbound = endpoint.is_dialer();
        known.links.insert(id, Link { dialled, outbound, missed_pings: 0 });
        if first {
            let address = endpoint.get_remote_address().clone();
            self.backlog.push_back(NetEvent::Connected { peer, address, outbound });
        }
    }

    fn on_closed(&mut self, peer: PeerId, id: ConnectionId) {
        let Some(known) = self.peers.get_mut(&peer) else { return };
        known.links.remove(&id);
        if known.links.is_empty() {
            self.peers.remove(&peer);
            self.bootstrap.disconnected(peer, Instant::now());
            self.backlog.push_back(NetEvent::Disconnected { peer });
        }
    }

    fn on_dial_failed(&mut self, id: ConnectionId, error: &DialError) {
        // No addresses are left when the one given is one of those we listen on.
        let ourselves = matches!(error, DialError::LocalPeerId { .. } | DialError::NoAddresses);
        self.bootstrap.failed(id, ourselves);
        let Some(address) = self.dials.remove(&id) else { return };
        if ourselves || matches!(error, DialError::DialPeerConditionFalse(_)) {
            return;
        }
        let error = match error {
            DialError::WrongPeerId { obtained, .. } => {
                format!("the node there is {obtained}: correct or remove the /p2p/ part of the address")
            }
            DialError::Transport(errors) => errors.last().map_or_else(|| error.to_string(), |(_, e)| root(e)),
            other => root(other),
        };
        tracing::debug!(%address, error, "a dial failed");
        self.backlog.push_back(NetEvent::DialFailed { peer: peer_of(&address), address, error });
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

    fn on_identify(&mut self, event: identify::Event) {
        let identify::Event::Received { peer_id: peer, info, .. } = event else { return };
        let Some(known) = self.peers.get_mut(&peer) else { return };
        let spoken: Vec<&str> = info.protocols.iter().map(AsRef::as_ref).collect();
        let came = known.links.values().all(|link| !link.outbound);
        let protocols_ok = is_of_chain(self.chain_id, &info.protocol_version, &spoken, came);
        let agent = printable(&info.agent_version);
        let said = Some((agent.clone(), protocols_ok));
        if known.identified == said {
            return;
        }
        known.identified = said;
        if !protocols_ok {
            let (theirs, ours) = (printable(&info.protocol_version), version(self.chain_id));
            tracing::info!(%peer, agent, theirs, ours, "a peer on another chain or version");
        }
        self.backlog.push_back(NetEvent::Identified { peer, agent, protocols_ok });
    }

    /// A connection whose other end has silently gone stays open for hours by itself: missed pings close it.
    fn on_ping(&mut self, ping::Event { peer, connection, result }: ping::Event) {
        let Some(link) = self.peers.get_mut(&peer).and_then(|peer| peer.links.get_mut(&connection)) else {
            return;
        };
        match result {
            Ok(rtt) => {
                link.missed_pings = 0;
                self.backlog.push_back(NetEvent::Ping { peer, rtt });
            }
            Err(ping::Failure::Unsupported) => {}
            Err(error) => {
                link.missed_pings = link.missed_pings.saturating_add(1);
                if link.missed_pings >= MAX_MISSED_PINGS {
                    tracing::debug!(%peer, %error, "no answer to pings: closing the connection");
                    self.swarm.close_connection(connection);
                }
            }
        }
    }

    fn on_mdns(&mut self, event: mdns::Event) {
        let mdns::Event::Discovered(found) = event else { return };
        let ourselves = *self.swarm.local_peer_id();
        let others = found.into_iter().filter(|(peer, _)| *peer != ourselves).take(MAX_DISCOVERED);
        self.backlog.extend(others.map(|(peer, address)| NetEvent::Discovered { peer, address }));
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

impl Peer {
    /// Whether one of the connections came from dialling this address.
    fn dialled(&self, address: &Multiaddr) -> bool {
        self.links.values().any(|link| link.dialled.as_ref() == Some(address))
    }
}

/// The innermost cause, for people: libraries wrap it many times over.
fn root(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// What a stranger says of itself, fit for a log.
fn printable(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').take(MAX_AGENT_CHARS).collect()
}
