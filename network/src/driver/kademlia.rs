//! Kademlia as a feeder: peers are asked for nodes near some number, and the nodes they name go to the book.
//!
//! Nothing else of it is used. Nobody is dialled for a query, since whom we dial is the book's to choose;
//! nothing of others is stored; and what is told of others is little and only what the chain's rules allow.
//! Source: Maymounkov and Mazières, "Kademlia" (2002); libp2p's `kad-dht` specification.

use crate::addresses::Rules;
use crate::limits::{Bucket, Quota};
use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::kad::store::{MemoryStore, MemoryStoreConfig};
use libp2p::kad::{self, BucketInserts, Caching, Config, Event, Mode, RoutingUpdate, StoreInserts};
use libp2p::swarm::{
    ConnectionDenied, ConnectionHandler, ConnectionId, DialError, DialFailure, FromSwarm, NetworkBehaviour,
    NotifyHandler, THandler, THandlerInEvent, THandlerOutEvent, ToSwarm,
};
use libp2p::{Multiaddr, PeerId, StreamProtocol};
use std::collections::{HashMap, VecDeque};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

/// Questions of one peer: four a minute, bursts of 16.
const QUESTIONS: Quota = Quota { each: Duration::from_secs(15), burst: 16 };
/// Nodes taken of one answer (Kademlia's k), and addresses of each.
const MAX_NAMED: usize = 20;
const MAX_ADDRESSES: usize = 4;
/// How long a query may take.
const QUERY_TIMEOUT: Duration = Duration::from_secs(20);

type Inner = kad::Behaviour<MemoryStore>;
/// What Kademlia's handler says and is told; the library names them only here.
type FromInner = <THandler<Inner> as ConnectionHandler>::ToBehaviour;
type ToInner = THandlerInEvent<Inner>;

/// Nodes that a peer named.
#[derive(Debug)]
pub(super) struct Named {
    /// Who named them.
    pub(super) teller: PeerId,
    /// The nodes with their addresses; they may be on another chain, or nowhere.
    pub(super) nodes: Vec<(PeerId, Vec<Multiaddr>)>,
}

/// Kademlia without dials, records and providers.
pub(super) struct Feeder {
    inner: Inner,
    name: StreamProtocol,
    rules: Rules,
    began: Instant,
    budgets: HashMap<PeerId, Bucket>,
    out: VecDeque<ToSwarm<Named, ToInner>>,
}

impl Feeder {
    /// It asks; it answers once it is to [`Feeder::serve`].
    pub(super) fn new(local: PeerId, name: StreamProtocol, rules: Rules) -> Self {
        let nothing = MemoryStoreConfig {
            max_records: 0,
            max_value_bytes: 0,
            max_providers_per_key: 0,
            max_provided_keys: 0,
        };
        let mut config = Config::new(name.clone());
        config
            .set_query_timeout(QUERY_TIMEOUT)
            .set_record_filtering(StoreInserts::FilterBoth)
            .set_replication_interval(None)
            .set_publication_interval(None)
            .set_provider_publication_interval(None)
            .set_caching(Caching::Disabled)
            .set_kbucket_inserts(BucketInserts::Manual)
            .set_periodic_bootstrap_interval(None);
        let store = MemoryStore::with_config(local, nothing);
        let mut inner = Inner::with_config(local, store, config);
        inner.set_mode(Some(Mode::Client));
        let (budgets, out) = (HashMap::new(), VecDeque::new());
        Self { inner, name, rules, began: Instant::now(), budgets, out }
    }

    /// Whether others may ask: those who can be reached answer.
    pub(super) fn serve(&mut self, serve: bool) {
        self.inner.set_mode(Some(if serve { Mode::Server } else { Mode::Client }));
    }

    /// A connected peer said what it speaks and where it listens.
    pub(super) fn meet(&mut self, peer: PeerId, protocols: &[StreamProtocol], addresses: &[Multiaddr]) {
        let allowed = addresses.iter().filter(|address| self.rules.allow(address));
        let addresses: Vec<_> = allowed.take(MAX_ADDRESSES).cloned().collect();
        // What it listened on before is not added to for ever.
        self.inner.remove_peer(&peer);
        if protocols.contains(&self.name) {
            for address in addresses {
                if self.inner.add_address(&peer, address) == RoutingUpdate::Failed {
                    break;
                }
            }
        }
    }

    /// Asks around for nodes near a random number, unless that is being done.
    pub(super) fn walk(&mut self) {
        let mut near = [0; 32];
        if self.inner.iter_queries().next().is_none() && getrandom::fill(&mut near).is_ok() {
            self.inner.get_closest_peers(near.to_vec());
        }
    }

    fn answer(&mut self, peer_id: PeerId, id: ConnectionId, event: ToInner) {
        self.out.push_back(ToSwarm::NotifyHandler { peer_id, handler: NotifyHandler::One(id), event });
    }
}

impl NetworkBehaviour for Feeder {
    type ConnectionHandler = THandler<Inner>;
    type ToSwarm = Named;

    // Of pending dials it is not told: it would name addresses for them.

    fn handle_established_inbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.inner.handle_established_inbound_connection(id, peer, local, remote)
    }

    fn handle_established_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        address: &Multiaddr,
        role: Endpoint,
        port: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.inner.handle_established_outbound_connection(id, peer, address, role, port)
    }

    fn on_swarm_event(&mut self, event: FromSwarm) {
        match event {
            // They are for records of our own, and set off a search before anybody is known.
            FromSwarm::NewListenAddr(_) => return,
            FromSwarm::ConnectionClosed(event) if event.remaining_established == 0 => {
                self.budgets.remove(&event.peer_id);
            }
            _ => {}
        }
        self.inner.on_swarm_event(event);
    }

    /// Every question is answered, for a stream without an answer stays open; but only "who is near" with
    /// anything.
    fn on_connection_handler_event(&mut self, peer: PeerId, id: ConnectionId, event: THandlerOutEvent<Self>) {
        let empty = match event {
            FromInner::AddProvider { .. } => return,
            FromInner::PutRecord { record, request_id } => {
                ToInner::PutRecordRes { key: record.key, value: record.value, request_id }
            }
            FromInner::GetRecord { request_id, .. } => {
                ToInner::GetRecordRes { record: None, closer_peers: Vec::new(), request_id }
            }
            FromInner::GetProvidersReq { request_id, .. } => {
                ToInner::GetProvidersRes { closer_peers: Vec::new(), provider_peers: Vec::new(), request_id }
            }
            FromInner::FindNodeReq { key, request_id } => {
                let now = self.began.elapsed();
                if self.budgets.entry(peer).or_default().take(QUESTIONS, 1, now).is_ok() {
                    let event = FromInner::FindNodeReq { key, request_id };
                    return self.inner.on_connection_handler_event(peer, id, event);
                }
                ToInner::FindNodeRes { closer_peers: Vec::new(), request_id }
            }
            // The library takes any kind of answer to any question.
            FromInner::GetProvidersRes { query_id, .. } | FromInner::GetRecordRes { query_id, .. } => {
                let event = FromInner::FindNodeRes { closer_peers: Vec::new(), query_id };
                return self.inner.on_connection_handler_event(peer, id, event);
            }
            FromInner::FindNodeRes { mut closer_peers, query_id } => {
                // The library compares each with all others.
                closer_peers.truncate(MAX_NAMED);
                for node in &mut closer_peers {
                    node.multiaddrs.truncate(MAX_ADDRESSES);
                }
                let node = |node: &kad::KadPeer| (node.node_id, node.multiaddrs.clone());
                let nodes = closer_peers.iter().map(node).collect();
                self.out.push_back(ToSwarm::GenerateEvent(Named { teller: peer, nodes }));
                let event = FromInner::FindNodeRes { closer_peers, query_id };
                return self.inner.on_connection_handler_event(peer, id, event);
            }
            other => return self.inner.on_connection_handler_event(peer, id, other),
        };
        self.answer(peer, id, empty);
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        loop {
            if let Some(event) = self.out.pop_front() {
                return Poll::Ready(event);
            }
            match ready!(self.inner.poll(cx)) {
                // Nobody is dialled: the query goes on with those that are connected.
                ToSwarm::Dial { opts } => {
                    self.inner.on_swarm_event(FromSwarm::DialFailure(DialFailure {
                        peer_id: opts.get_peer_id(),
                        error: &DialError::NoAddresses,
                        connection_id: opts.connection_id(),
                    }));
                }
                // The nodes were taken from the answers already; addresses are the book's.
                ToSwarm::GenerateEvent::<Event, _>(_) | ToSwarm::NewExternalAddrOfPeer { .. } => {}
                ToSwarm::NotifyHandler { peer_id, handler, event } => {
                    return Poll::Ready(ToSwarm::NotifyHandler { peer_id, handler, event });
                }
                ToSwarm::CloseConnection { peer_id, connection } => {
                    return Poll::Ready(ToSwarm::CloseConnection { peer_id, connection });
                }
                // It listens nowhere and knows nothing of our addresses.
                _ => {}
            }
        }
    }
}
