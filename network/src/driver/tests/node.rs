//! A driver on loopback in the hands of a test. Every wait is for a condition; the deadlines only bound a
//! failure.

use super::super::*;
use std::time::Duration;
use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, timeout};

pub(super) const CHAIN: u32 = 0x0a1b_2c3d;
pub(super) const BODY: u32 = 1024 * 1024;
pub(super) const DEADLINE: Duration = Duration::from_secs(60);
pub(super) const TCP: &str = "/ip4/127.0.0.1/tcp/0";
pub(super) const QUIC: &str = "/ip4/127.0.0.1/udp/0/quic-v1";

pub(super) fn config(listen: &str) -> DriverConfig {
    DriverConfig {
        key: Keypair::generate_ed25519(),
        chain_id: CHAIN,
        agent: "starling/0.0.0".into(),
        listen: vec![listen.parse().unwrap()],
        public: false,
        mdns: false,
        discovery: false,
        nat: false,
        connections: ConnectionCaps::default(),
        max_body_bytes: BODY,
        upload_limit: None,
        link_delay: Duration::ZERO,
    }
}

/// A driver and what it said that nobody has asked about yet.
pub(super) struct Node {
    pub(super) handle: NetHandle,
    pub(super) events: Receiver<NetEvent>,
    pub(super) seen: Vec<NetEvent>,
    pub(super) address: Multiaddr,
}

impl Node {
    pub(super) async fn new(listen: &str) -> Self {
        Self::with(&config(listen)).await
    }

    pub(super) async fn with(config: &DriverConfig) -> Self {
        Self::from(start(config).unwrap()).await
    }

    pub(super) async fn from((handle, events): (NetHandle, Receiver<NetEvent>)) -> Self {
        let mut node = Self { handle, events, seen: Vec::new(), address: Multiaddr::empty() };
        node.address = node
            .until("an address", |event| match event {
                NetEvent::Listening(address) => Some(address.clone()),
                _ => None,
            })
            .await;
        node
    }

    pub(super) fn peer(&self) -> PeerId {
        self.handle.local_peer()
    }

    pub(super) async fn send(&self, command: NetCommand) {
        self.handle.commands().send(command).await.unwrap();
    }

    /// The next event, also kept in `seen`; none within a tenth of a second.
    pub(super) async fn step(&mut self) -> Option<NetEvent> {
        let event = timeout(Duration::from_millis(100), self.events.recv()).await.ok()?;
        let event = event.expect("the driver runs");
        self.seen.push(event.clone());
        Some(event)
    }

    /// Waits for an event and takes it; others stay in `seen`.
    pub(super) async fn until<T>(&mut self, what: &str, mut pick: impl FnMut(&NetEvent) -> Option<T>) -> T {
        let deadline = Instant::now() + DEADLINE;
        let mut next = 0;
        loop {
            while next < self.seen.len() {
                if let Some(found) = pick(&self.seen[next]) {
                    self.seen.remove(next);
                    return found;
                }
                next += 1;
            }
            assert!(Instant::now() < deadline, "no {what}; seen: {:?}", self.seen);
            self.step().await;
        }
    }

    pub(super) async fn connected(&mut self, to: PeerId) {
        self.until("connection", |event| match event {
            NetEvent::Connected { peer, .. } if *peer == to => Some(()),
            _ => None,
        })
        .await;
    }

    pub(super) async fn disconnected(&mut self, from: PeerId) {
        self.until("end of the connection", |event| match event {
            NetEvent::Disconnected { peer } if *peer == from => Some(()),
            _ => None,
        })
        .await;
    }

    pub(super) async fn request(&mut self) -> (Protocol, ReplyToken, Vec<u8>) {
        self.until("request", |event| match event {
            NetEvent::Request { protocol, token, data, .. } => Some((*protocol, *token, data.clone())),
            _ => None,
        })
        .await
    }

    pub(super) async fn response(&mut self, id: u64) -> Result<Vec<u8>, RequestFailure> {
        self.until("response", |event| match event {
            NetEvent::Response { request, result, .. } if *request == RequestId::new(id) => {
                Some(result.clone())
            }
            _ => None,
        })
        .await
    }

    pub(super) async fn gossip(&mut self, wanted: &[u8]) -> (Topic, MessageRef) {
        self.until("message", |event| match event {
            NetEvent::Gossip { topic, message, data, .. } if data == wanted => {
                Some((*topic, message.clone()))
            }
            _ => None,
        })
        .await
    }

    pub(super) async fn ask(&self, peer: PeerId, id: u64, protocol: Protocol, data: &[u8]) {
        let id = RequestId::new(id);
        self.send(NetCommand::Request { peer, id, protocol, data: data.to_vec() }).await;
    }

    /// A status request to the other and its answer: both drivers are alive and connected.
    pub(super) async fn talk(&mut self, other: &mut Self, id: u64) {
        self.ask(other.peer(), id, Protocol::Status, b"how are you").await;
        let asked = |event: &NetEvent| match event {
            NetEvent::Request { token, data, .. } if data == b"how are you" => Some(*token),
            _ => None,
        };
        // Both cores go on taking events: a driver whose queue is full says nothing.
        let token = loop {
            tokio::select! {
                token = other.until("question", asked) => break token,
                _ = self.step() => {}
            }
        };
        other.send(NetCommand::Reply { token, data: b"\0fine".to_vec() }).await;
        assert_eq!(self.response(id).await.unwrap(), b"\0fine");
    }

    pub(super) async fn judge(&self, message: MessageRef, verdict: Verdict) {
        self.send(NetCommand::Verdict { message, verdict }).await;
    }

    pub(super) fn heard(&self, wanted: &[u8]) -> bool {
        self.seen.iter().any(|event| matches!(event, NetEvent::Gossip { data, .. } if data == wanted))
    }
}

pub(super) fn dial(address: Multiaddr) -> NetCommand {
    NetCommand::Dial { peer: None, addresses: vec![address], quiet: false }
}

pub(super) async fn connect(from: &mut Node, to: &mut Node) {
    from.send(dial(to.address.clone())).await;
    from.connected(to.peer()).await;
    to.connected(from.peer()).await;
}

pub(super) async fn pair(listen: &str) -> (Node, Node) {
    let (mut a, mut b) = (Node::new(listen).await, Node::new(listen).await);
    connect(&mut a, &mut b).await;
    (a, b)
}

/// Publishes new messages from `a`, accepted by everybody, until `z` has heard one: the meshes stand.
pub(super) async fn warm_up(topic: Topic, a: &mut Node, between: &mut [&mut Node], z: &mut Node) {
    let deadline = Instant::now() + DEADLINE;
    for number in 0_u32.. {
        assert!(Instant::now() < deadline, "the mesh does not form");
        let data = [b"warm".as_slice(), &number.to_le_bytes()].concat();
        a.send(NetCommand::Publish { topic, data }).await;
        for node in between.iter_mut() {
            if let Some(NetEvent::Gossip { message, .. }) = node.step().await {
                node.judge(message, Verdict::Accept).await;
            }
        }
        if let Some(NetEvent::Gossip { message, .. }) = z.step().await {
            z.judge(message, Verdict::Accept).await;
            return;
        }
    }
}

/// Repeats until it is done.
pub(super) async fn eventually<T>(what: &str, mut attempt: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(done) = attempt().await {
            return done;
        }
        assert!(Instant::now() < deadline, "never: {what}");
        tokio::task::yield_now().await;
    }
}
