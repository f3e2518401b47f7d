//! Real swarms on loopback. Every wait is for a condition; the deadlines only bound a failure.

use super::behaviour::{is_of_chain, version};
use super::*;
use crate::addresses::{Record, Rules};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, timeout};

mod hostile;
mod nat;

const CHAIN: u32 = 0x0a1b_2c3d;
const BODY: u32 = 1024 * 1024;
const DEADLINE: Duration = Duration::from_secs(60);
const TCP: &str = "/ip4/127.0.0.1/tcp/0";
const QUIC: &str = "/ip4/127.0.0.1/udp/0/quic-v1";

fn config(listen: &str) -> DriverConfig {
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
struct Node {
    handle: NetHandle,
    events: Receiver<NetEvent>,
    seen: Vec<NetEvent>,
    address: Multiaddr,
}

impl Node {
    async fn new(listen: &str) -> Self {
        Self::with(&config(listen)).await
    }

    async fn with(config: &DriverConfig) -> Self {
        Self::from(start(config).unwrap()).await
    }

    async fn from((handle, events): (NetHandle, Receiver<NetEvent>)) -> Self {
        let mut node = Self { handle, events, seen: Vec::new(), address: Multiaddr::empty() };
        node.address = node
            .until("an address", |event| match event {
                NetEvent::Listening(address) => Some(address.clone()),
                _ => None,
            })
            .await;
        node
    }

    fn peer(&self) -> PeerId {
        self.handle.local_peer()
    }

    async fn send(&self, command: NetCommand) {
        self.handle.commands().send(command).await.unwrap();
    }

    /// The next event, also kept in `seen`; none within a tenth of a second.
    async fn step(&mut self) -> Option<NetEvent> {
        let event = timeout(Duration::from_millis(100), self.events.recv()).await.ok()?;
        let event = event.expect("the driver runs");
        self.seen.push(event.clone());
        Some(event)
    }

    /// Waits for an event and takes it; others stay in `seen`.
    async fn until<T>(&mut self, what: &str, mut pick: impl FnMut(&NetEvent) -> Option<T>) -> T {
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

    async fn connected(&mut self, to: PeerId) {
        self.until("connection", |event| match event {
            NetEvent::Connected { peer, .. } if *peer == to => Some(()),
            _ => None,
        })
        .await;
    }

    async fn disconnected(&mut self, from: PeerId) {
        self.until("end of the connection", |event| match event {
            NetEvent::Disconnected { peer } if *peer == from => Some(()),
            _ => None,
        })
        .await;
    }

    async fn request(&mut self) -> (Protocol, ReplyToken, Vec<u8>) {
        self.until("request", |event| match event {
            NetEvent::Request { protocol, token, data, .. } => Some((*protocol, *token, data.clone())),
            _ => None,
        })
        .await
    }

    async fn response(&mut self, id: u64) -> Result<Vec<u8>, RequestFailure> {
        self.until("response", |event| match event {
            NetEvent::Response { request, result, .. } if *request == RequestId::new(id) => {
                Some(result.clone())
            }
            _ => None,
        })
        .await
    }

    async fn gossip(&mut self, wanted: &[u8]) -> (Topic, MessageRef) {
        self.until("message", |event| match event {
            NetEvent::Gossip { topic, message, data, .. } if data == wanted => {
                Some((*topic, message.clone()))
            }
            _ => None,
        })
        .await
    }

    async fn ask(&self, peer: PeerId, id: u64, protocol: Protocol, data: &[u8]) {
        let id = RequestId::new(id);
        self.send(NetCommand::Request { peer, id, protocol, data: data.to_vec() }).await;
    }

    /// A status request to the other and its answer: both drivers are alive and connected.
    async fn talk(&mut self, other: &mut Self, id: u64) {
        self.ask(other.peer(), id, Protocol::Status, b"how are you").await;
        let asked = |event: &NetEvent| match event {
            NetEvent::Request { token, data, .. } if data == b"how are you" => Some(*token),
            _ => None,
        };
        let token = other.until("question", asked).await;
        other.send(NetCommand::Reply { token, data: b"\0fine".to_vec() }).await;
        assert_eq!(self.response(id).await.unwrap(), b"\0fine");
    }

    async fn judge(&self, message: MessageRef, verdict: Verdict) {
        self.send(NetCommand::Verdict { message, verdict }).await;
    }

    fn heard(&self, wanted: &[u8]) -> bool {
        self.seen.iter().any(|event| matches!(event, NetEvent::Gossip { data, .. } if data == wanted))
    }
}

fn dial(address: Multiaddr) -> NetCommand {
    NetCommand::Dial { peer: None, addresses: vec![address], quiet: false }
}

async fn connect(from: &mut Node, to: &mut Node) {
    from.send(dial(to.address.clone())).await;
    from.connected(to.peer()).await;
    to.connected(from.peer()).await;
}

async fn pair(listen: &str) -> (Node, Node) {
    let (mut a, mut b) = (Node::new(listen).await, Node::new(listen).await);
    connect(&mut a, &mut b).await;
    (a, b)
}

/// Publishes new messages from `a`, accepted by everybody, until `z` has heard one: the meshes stand.
async fn warm_up(topic: Topic, a: &mut Node, between: &mut [&mut Node], z: &mut Node) {
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
async fn eventually<T>(what: &str, mut attempt: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(done) = attempt().await {
            return done;
        }
        assert!(Instant::now() < deadline, "never: {what}");
        tokio::task::yield_now().await;
    }
}

/// Places in meshes that a node has, of both topics together.
fn places_in_meshes(node: &Node) -> u32 {
    let mut metrics = String::new();
    node.handle.write_metrics(&mut metrics).unwrap();
    let lines = metrics.lines().filter(|line| line.starts_with("libp2p_gossipsub_mesh_peer_counts{"));
    lines.map(|line| line.rsplit(' ').next().unwrap().parse::<u32>().unwrap()).sum()
}

#[tokio::test]
async fn a_peer_that_the_core_finds_silent_leaves_the_meshes_and_stays_connected() {
    let (mut a, mut b) = pair(TCP).await;
    let both = |places| move |node: &Node| (places_in_meshes(node) == places).then_some(());
    let (in_both, in_none) = (both(2), both(0));
    eventually("both meshes", async || {
        a.step().await;
        in_both(&a)
    })
    .await;
    a.send(NetCommand::Appraise { peer: b.peer(), score: -5 }).await;
    eventually("none", async || {
        a.step().await;
        in_none(&a)
    })
    .await;
    a.talk(&mut b, 1).await;
    a.send(NetCommand::Appraise { peer: b.peer(), score: 0 }).await;
    assert!(!a.seen.iter().any(|event| matches!(event, NetEvent::Disconnected { .. })));
}

#[tokio::test]
async fn two_nodes_meet_over_tcp_and_over_quic() {
    for listen in [TCP, QUIC] {
        let (mut a, mut b) = (Node::new(listen).await, Node::new(listen).await);
        a.send(dial(b.address.clone())).await;
        let end = |of: PeerId| {
            move |event: &NetEvent| match event {
                NetEvent::Connected { peer, outbound, .. } if *peer == of => Some(*outbound),
                _ => None,
            }
        };
        assert!(a.until("connection", end(b.peer())).await, "a dialled");
        assert!(!b.until("connection", end(a.peer())).await, "b was dialled");
        let said = a
            .until("identity", |event| match event {
                NetEvent::Identified { agent, protocols_ok, .. } => Some((agent.clone(), *protocols_ok)),
                _ => None,
            })
            .await;
        assert_eq!(said, ("starling/0.0.0".to_string(), true));
        a.until("ping", |event| matches!(event, NetEvent::Ping { .. }).then_some(())).await;
        a.talk(&mut b, 1).await;
        a.send(NetCommand::Disconnect(b.peer())).await;
        a.disconnected(b.peer()).await;
        b.disconnected(a.peer()).await;
    }
}

#[tokio::test]
async fn a_node_is_found_by_name_and_may_look_for_others_on_its_network() {
    let mut a = Node::with(&DriverConfig { mdns: true, ..config(TCP) }).await;
    let mut b = Node::new(TCP).await;
    let by_name = b.address.to_string().replace("/ip4/127.0.0.1/", "/dns4/localhost/");
    a.send(dial(by_name.parse().unwrap())).await;
    a.connected(b.peer()).await;
    a.talk(&mut b, 1).await;
}

#[tokio::test]
async fn what_a_stranger_calls_itself_is_fit_for_a_log() {
    let agent = format!("star\n\u{1b}[31mling\u{202e}/{}", "9".repeat(500));
    let mut a = Node::with(&DriverConfig { agent, ..config(TCP) }).await;
    let mut b = Node::new(TCP).await;
    connect(&mut a, &mut b).await;
    let said = b
        .until("identity", |event| match event {
            NetEvent::Identified { agent, .. } => Some(agent.clone()),
            _ => None,
        })
        .await;
    assert_eq!(said, format!("star[31mling/{}", "9".repeat(MAX_AGENT_CHARS - 13)));
}

#[tokio::test]
async fn connections_over_the_cap_are_refused() {
    let caps = ConnectionCaps { inbound: 1, outbound: 1 };
    let mut a = Node::with(&DriverConfig { connections: caps, ..config(TCP) }).await;
    let (mut b, mut c) = (Node::new(TCP).await, Node::new(TCP).await);
    connect(&mut b, &mut a).await;
    c.send(dial(a.address.clone())).await;
    c.until("refusal", |event| {
        matches!(event, NetEvent::DialFailed { .. } | NetEvent::Disconnected { .. }).then_some(())
    })
    .await;
    // One outbound connection has a place of its own, a second has none.
    c.seen.clear();
    connect(&mut a, &mut c).await;
    let d = Node::new(TCP).await;
    a.send(dial(d.address.clone())).await;
    a.until("refusal", |event| matches!(event, NetEvent::DialFailed { .. }).then_some(())).await;
    a.talk(&mut b, 1).await;
    a.talk(&mut c, 2).await;
    d.send(NetCommand::Disconnect(a.peer())).await;
    assert!(!a.seen.iter().any(|event| matches!(event, NetEvent::Connected { .. })));
}

#[tokio::test]
async fn every_protocol_carries_questions_and_answers_both_ways() {
    let (mut a, mut b) = pair(TCP).await;
    for (number, protocol) in Protocol::ALL.into_iter().enumerate() {
        let id = u64::try_from(number).unwrap();
        let question = [b"?", protocol.name(CHAIN).as_bytes()].concat();
        let caps = protocol.frames(BODY);
        let answer = vec![7; usize::try_from(caps.answer_max).unwrap()];
        let (from, to) = if number % 2 == 0 { (&mut a, &mut b) } else { (&mut b, &mut a) };
        let question = question[..question.len().min(usize::try_from(caps.question_max).unwrap())].to_vec();
        from.ask(to.peer(), id, protocol, &question).await;
        let (in_protocol, token, data) = to.request().await;
        assert_eq!((in_protocol, data), (protocol, question.clone()));
        to.send(NetCommand::Reply { token, data: answer.clone() }).await;
        assert_eq!(from.response(id).await.unwrap(), answer, "{protocol:?}");
        let flow = from.handle.traffic().protocol(protocol);
        assert_eq!((flow.messages_out, flow.messages_in), (1, 1));
        assert_eq!((flow.bytes_out, flow.bytes_in), (question.len() as u64, answer.len() as u64));
    }
}

#[tokio::test]
async fn a_request_always_ends() {
    let (mut a, mut b) = pair(TCP).await;
    a.ask(PeerId::random(), 1, Protocol::Status, b"").await;
    assert_eq!(
        a.response(1).await,
        Err(RequestFailure::Closed),
        "nobody there, and nobody is dialled for it"
    );
    a.ask(b.peer(), 2, Protocol::Status, &[0; 1025]).await;
    assert_eq!(a.response(2).await, Err(RequestFailure::TooLarge));
    a.ask(b.peer(), 3, Protocol::Status, b"").await;
    let (_, token, _) = b.request().await;
    b.send(NetCommand::DropReply { token }).await;
    assert_eq!(a.response(3).await, Err(RequestFailure::Closed), "the answer was dropped");
    // An answer that is used up does nothing; an oversize answer of our own fails the request, not the node.
    b.send(NetCommand::Reply { token, data: vec![0] }).await;
    a.ask(b.peer(), 4, Protocol::Announce, b"").await;
    let (_, token, _) = b.request().await;
    b.send(NetCommand::Reply { token, data: vec![0; 9] }).await;
    assert!(a.response(4).await.is_err());
    a.ask(b.peer(), 5, Protocol::Status, b"").await;
    let (_, token, _) = b.request().await;
    a.send(NetCommand::Disconnect(b.peer())).await;
    assert_eq!(a.response(5).await, Err(RequestFailure::Closed));
    b.disconnected(a.peer()).await;
    b.send(NetCommand::Reply { token, data: vec![0] }).await;
    connect(&mut a, &mut b).await;
    a.talk(&mut b, 6).await;
}

#[tokio::test]
async fn a_third_request_at_a_time_is_told_to_come_back() {
    let (mut a, mut b) = pair(TCP).await;
    for id in 1..=3 {
        a.ask(b.peer(), id, Protocol::Pool, b"page").await;
    }
    let mut answered = 0;
    let refusal = a
        .until("refusal", |event| match event {
            NetEvent::Response { request, result, .. } => Some((*request, result.clone())),
            _ => None,
        })
        .await;
    assert_eq!(refusal.1.unwrap(), [1, 0xf4, 0x01, 0, 0], "rate limited, 500 ms");
    // Other protocols have places of their own.
    a.talk(&mut b, 10).await;
    for _ in 0..2 {
        let (protocol, token, _) = b.request().await;
        assert_eq!(protocol, Protocol::Pool);
        b.send(NetCommand::Reply { token, data: vec![0] }).await;
    }
    for id in (1..=3).filter(|id| RequestId::new(*id) != refusal.0) {
        assert_eq!(a.response(id).await.unwrap(), [0]);
        answered += 1;
    }
    assert_eq!(answered, 2);
    // The places are free again. A is told of the answer before B's own end of the stream is done with it.
    eventually("a free place", async || {
        a.ask(b.peer(), 20, Protocol::Pool, b"again").await;
        let answer = tokio::select! {
            (_, token, _) = b.request() => {
                b.send(NetCommand::Reply { token, data: vec![0] }).await;
                a.response(20).await.unwrap()
            }
            answer = a.response(20) => answer.unwrap(),
        };
        (answer == [0]).then_some(())
    })
    .await;
}

#[tokio::test]
async fn gossip_is_passed_on_only_after_it_was_accepted() {
    for topic in Topic::ALL {
        let (mut a, mut b, mut c) = (Node::new(TCP).await, Node::new(TCP).await, Node::new(TCP).await);
        connect(&mut a, &mut b).await;
        connect(&mut b, &mut c).await;
        warm_up(topic, &mut a, &mut [&mut b], &mut c).await;
        // Three messages in one order; what is passed on keeps it.
        for (text, verdict) in
            [("ignored", Verdict::Ignore), ("rejected", Verdict::Reject), ("accepted", Verdict::Accept)]
        {
            a.send(NetCommand::Publish { topic, data: text.into() }).await;
            let (on, message) = b.gossip(text.as_bytes()).await;
            assert_eq!(on, topic);
            b.judge(message, verdict).await;
        }
        let (_, message) = c.gossip(b"accepted").await;
        assert!(!c.heard(b"ignored") && !c.heard(b"rejected"));
        c.judge(message, Verdict::Accept).await;
        // A message that is known is not heard twice, by whatever way it comes; publishing it again is no
        // error.
        b.send(NetCommand::Publish { topic, data: b"accepted".to_vec() }).await;
        a.send(NetCommand::Publish { topic, data: b"last".to_vec() }).await;
        let (_, message) = b.gossip(b"last").await;
        b.judge(message, Verdict::Accept).await;
        c.gossip(b"last").await;
        assert!(!c.heard(b"accepted"));
        assert!(a.handle.traffic().topic(topic).messages_out >= 4);
        assert!(b.handle.traffic().topic(topic).bytes_in >= 4 * 4);
    }
}

/// Counts what gossip warns of.
struct Warnings(Arc<AtomicUsize>);

impl tracing::Subscriber for Warnings {
    fn enabled(&self, about: &tracing::Metadata<'_>) -> bool {
        *about.level() == tracing::Level::WARN && about.target().starts_with("libp2p_gossipsub")
    }

    fn event(&self, _: &tracing::Event<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

#[tokio::test]
async fn what_gossip_has_carried_is_not_published_again() {
    let warnings = Arc::new(AtomicUsize::new(0));
    let _guard = tracing::subscriber::set_default(Warnings(Arc::clone(&warnings)));
    let (mut a, mut b) = pair(TCP).await;
    warm_up(Topic::Block, &mut a, &mut [], &mut b).await;
    let publish = || NetCommand::Publish { topic: Topic::Block, data: b"one".to_vec() };
    a.send(publish()).await;
    b.gossip(b"one").await;
    a.send(publish()).await;
    b.send(publish()).await;
    a.talk(&mut b, 1).await;
    b.talk(&mut a, 2).await;
    assert_eq!(warnings.load(Ordering::Relaxed), 0);
    assert_eq!(b.handle.traffic().topic(Topic::Block).messages_out, 0);
}

#[tokio::test]
async fn publishing_to_nobody_or_too_much_does_no_harm() {
    let (mut a, mut b) = (Node::new(TCP).await, Node::new(TCP).await);
    a.send(NetCommand::Publish { topic: Topic::Tx, data: b"alone".to_vec() }).await;
    connect(&mut a, &mut b).await;
    warm_up(Topic::Tx, &mut a, &mut [], &mut b).await;
    a.send(NetCommand::Publish { topic: Topic::Tx, data: vec![0; 16_385] }).await;
    a.send(NetCommand::Publish { topic: Topic::Tx, data: vec![0; 16_384] }).await;
    b.gossip(&[0; 16_384]).await;
    let (largest, over) = (2 + 400 + 32 * 8_192, 2 + 400 + 32 * 8_192 + 1);
    warm_up(Topic::Block, &mut a, &mut [], &mut b).await;
    a.send(NetCommand::Publish { topic: Topic::Block, data: vec![1; over] }).await;
    a.send(NetCommand::Publish { topic: Topic::Block, data: vec![1; largest] }).await;
    b.gossip(&vec![1; largest]).await;
    assert!(!b.heard(&[0; 16_385]) && !b.heard(&vec![1; over]));
    // A verdict on what never was is passed over.
    b.judge(MessageRef::new(a.peer(), [9; 20]), Verdict::Accept).await;
    a.talk(&mut b, 1).await;
}

#[tokio::test]
async fn nodes_of_different_chains_exchange_nothing() {
    let mut a = Node::new(TCP).await;
    let mut b = Node::with(&DriverConfig { chain_id: CHAIN + 1, ..config(TCP) }).await;
    connect(&mut a, &mut b).await;
    let same = a
        .until("identity", |event| match event {
            NetEvent::Identified { protocols_ok, .. } => Some(*protocols_ok),
            _ => None,
        })
        .await;
    assert!(!same);
    for (id, protocol) in (0..).zip(Protocol::ALL) {
        b.send(NetCommand::Publish { topic: Topic::Block, data: vec![1] }).await;
        b.send(NetCommand::Publish { topic: Topic::Tx, data: vec![2] }).await;
        a.ask(b.peer(), id, protocol, b"").await;
        assert_eq!(a.response(id).await, Err(RequestFailure::Unsupported));
    }
    let foreign = |event: &NetEvent| matches!(event, NetEvent::Gossip { .. } | NetEvent::Request { .. });
    assert!(!a.seen.iter().any(foreign) && !b.seen.iter().any(foreign));
}

#[tokio::test]
async fn a_banned_peer_is_cut_off_and_kept_out() {
    let (mut a, mut b) = pair(TCP).await;
    a.send(NetCommand::Ban(b.peer())).await;
    a.disconnected(b.peer()).await;
    b.disconnected(a.peer()).await;
    b.send(dial(a.address.clone())).await;
    b.until("refusal", |event| {
        matches!(event, NetEvent::DialFailed { .. } | NetEvent::Disconnected { .. }).then_some(())
    })
    .await;
    a.send(dial(b.address.clone())).await;
    a.until("refusal", |event| matches!(event, NetEvent::DialFailed { .. }).then_some(())).await;
    assert!(!a.seen.iter().any(|event| matches!(event, NetEvent::Connected { .. })));
    a.send(NetCommand::Unban(b.peer())).await;
    b.seen.clear();
    connect(&mut a, &mut b).await;
    a.talk(&mut b, 1).await;
}

#[tokio::test]
async fn another_node_at_an_address_is_named_and_a_dial_without_a_name_takes_it() {
    let b = Node::new(TCP).await;
    let named = b.address.clone();
    let mut bare = named.clone();
    bare.pop();
    drop(b);
    // The key is not the one that comes back.
    let again = DriverConfig { listen: vec![bare.clone()], ..config(TCP) };
    let b = eventually("the port is free", async || start(&again).ok()).await;
    let mut a = Node::new(TCP).await;
    a.send(dial(named)).await;
    let error = a.until("another node", dial_failure).await.1;
    assert!(error.contains("/p2p/") && error.contains(&b.0.local_peer().to_string()), "{error}");
    a.send(dial(bare)).await;
    a.connected(b.0.local_peer()).await;
}

/// A dial that came to nothing: where to, why, and whether that was the dialler itself.
fn dial_failure(event: &NetEvent) -> Option<(Multiaddr, String, bool)> {
    match event {
        NetEvent::DialFailed { address, error, end, .. } => {
            Some((address.clone(), error.clone(), *end == DialEnd::Ourselves))
        }
        _ => None,
    }
}

#[tokio::test]
async fn every_dial_ends_and_says_when_it_led_to_ourselves() {
    let (mut a, mut b) = pair(TCP).await;
    let bare = |address: &Multiaddr| {
        let mut bare = address.clone();
        bare.pop();
        bare
    };
    let elsewhere: Multiaddr = "/ip4/127.0.0.1/tcp/1".parse().unwrap();
    for (address, why, is_ours) in [
        (a.address.clone(), "own address", true),
        (bare(&a.address), "", true),
        (b.address.clone(), "connected already", false),
        (elsewhere.clone(), "refused", false),
    ] {
        a.send(dial(address.clone())).await;
        let failed = a.until("failure", dial_failure).await;
        assert_eq!((&failed.0, failed.2), (&address, is_ours), "{}", failed.1);
        assert!(failed.1.contains(why), "{}", failed.1);
    }
    a.talk(&mut b, 1).await;
}

#[tokio::test]
async fn a_dial_of_a_peer_that_is_not_there_names_it() {
    let mut a = Node::new(TCP).await;
    let peer = PeerId::random();
    // As the book has it: without the id at the end.
    let addresses = vec!["/ip4/127.0.0.1/tcp/1".parse().unwrap()];
    a.send(NetCommand::Dial { peer: Some(peer), addresses, quiet: true }).await;
    let failed = |event: &NetEvent| match event {
        NetEvent::DialFailed { peer, end, .. } => Some((*peer, *end)),
        _ => None,
    };
    assert_eq!(a.until("failure", failed).await, (Some(peer), DialEnd::Failed));
}

#[tokio::test]
async fn a_quiet_connection_carries_questions_and_no_gossip() {
    let (mut a, mut b) = (Node::new(TCP).await, Node::new(TCP).await);
    let addresses = vec![b.address.clone()];
    a.send(NetCommand::Dial { peer: Some(b.peer()), addresses, quiet: true }).await;
    a.connected(b.peer()).await;
    b.connected(a.peer()).await;
    a.talk(&mut b, 1).await;
    // Another peer hears what the two say, so gossip itself works.
    let mut c = Node::new(TCP).await;
    connect(&mut c, &mut a).await;
    warm_up(Topic::Tx, &mut a, &mut [], &mut c).await;
    assert!(!b.seen.iter().any(|event| matches!(event, NetEvent::Gossip { .. })));
    // Loud, it is a connection like any other.
    a.send(NetCommand::Disconnect(b.peer())).await;
    a.disconnected(b.peer()).await;
    connect(&mut a, &mut b).await;
    warm_up(Topic::Tx, &mut a, &mut [], &mut b).await;
}

#[tokio::test]
async fn a_peer_tells_its_own_record() {
    let (mut a, b) = pair(TCP).await;
    let record = a
        .until("a record", |event| match event {
            NetEvent::Identified { record: Some(record), .. } => Some(record.clone()),
            _ => None,
        })
        .await;
    let record = Record::from_signed(&record, Rules { public: false }).unwrap();
    let mut bare = b.address.clone();
    bare.pop();
    assert_eq!((record.peer(), record.addresses()), (b.peer(), &[bare][..]));
}

#[tokio::test]
async fn an_address_in_use_or_impossible_is_an_error_that_says_so() {
    for listen in [TCP, QUIC] {
        let a = Node::new(listen).await;
        let mut taken = a.address.clone();
        taken.pop();
        let error = start(&DriverConfig { listen: vec![taken.clone()], ..config(listen) }).unwrap_err();
        assert!(matches!(error, DriverError::AddressInUse { .. }), "{error}");
        assert!(error.to_string().contains(&taken.to_string()) && error.to_string().contains("another port"));
    }
    for impossible in ["/ip4/203.0.113.1/tcp/0", "/ip4/127.0.0.1/udp/1"] {
        let error = start(&config(impossible)).unwrap_err();
        assert!(matches!(error, DriverError::Listen { .. }), "{error}");
        assert!(error.to_string().contains(impossible), "{error}");
    }
}

#[test]
fn without_a_runtime_there_is_an_error_and_no_panic() {
    assert!(matches!(start(&config(TCP)), Err(DriverError::NoRuntime)));
}

#[tokio::test]
async fn the_driver_stops_with_its_handle_and_tells_its_peers() {
    for listen in [TCP, QUIC] {
        let (mut a, b) = pair(listen).await;
        let Node { handle, mut events, .. } = b;
        let peer = handle.local_peer();
        drop(handle);
        a.disconnected(peer).await;
        timeout(DEADLINE, async { while events.recv().await.is_some() {} }).await.unwrap();
    }
}

#[tokio::test]
async fn a_core_that_takes_no_events_can_still_command_and_misses_nothing() {
    let mut a = Node::new(TCP).await;
    // Its queue holds one event, the address it listens on; all others have to wait.
    let mut b = Node::from(start_with_queue(&config(TCP), 1).unwrap()).await;
    a.send(dial(b.address.clone())).await;
    a.connected(b.peer()).await;
    for id in 0..200 {
        b.ask(PeerId::random(), id, Protocol::Status, b"").await;
    }
    for _ in 0..2 * COMMAND_QUEUE {
        b.send(NetCommand::Disconnect(PeerId::random())).await;
    }
    for id in 0..200 {
        assert_eq!(b.response(id).await, Err(RequestFailure::Closed));
    }
    b.connected(a.peer()).await;
    b.talk(&mut a, 1000).await;
}

#[test]
fn a_peer_may_be_on_our_chain_unless_it_names_another() {
    let ours = version(CHAIN);
    let (on_ours, on_another) = (Protocol::Status.name(CHAIN), Protocol::Status.name(CHAIN + 1));
    let asks = |said: &str, spoken: &[&str]| is_of_chain(CHAIN, said, spoken, true);
    assert!(asks(&ours, &[&on_ours, "/meshsub/1.2.0"]));
    assert!(is_of_chain(CHAIN, &ours, &[&on_ours], false), "we may have dialled it");
    // A program that knows nothing of chains but their topics, and came by itself.
    assert!(asks("ipfs/0.1.0", &["/meshsub/1.1.0", "/ipfs/ping/1.0.0"]));
    assert!(!is_of_chain(CHAIN, "ipfs/0.1.0", &["/meshsub/1.1.0"], false));
    assert!(!asks("ipfs/0.1.0", &["/ipfs/kad/1.0.0"]), "it is here for something else");
    assert!(!asks(&version(CHAIN + 1), &[&on_another]));
    assert!(!asks("/starling/", &[&on_ours]), "another version of ours");
    assert!(!asks("ipfs/0.1.0", &["/meshsub/1.1.0", &on_another]));
}
