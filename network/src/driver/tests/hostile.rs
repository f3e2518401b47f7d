//! Peers that speak libp2p but not the rules: raw bytes on our protocols, oversize and garbage.

mod raw;

use super::*;
use futures::StreamExt;
use libp2p::Swarm;
use libp2p::request_response;
use libp2p::swarm::SwarmEvent;
use raw::*;

/// A hostile peer, connected to a victim: bytes sent to it go out, each on a stream of its own.
struct Attacker {
    peer: PeerId,
    bytes: mpsc::Sender<Vec<u8>>,
    /// How each stream ended: what the victim wrote, or nothing when it broke.
    ends: Receiver<Option<Vec<u8>>>,
}

impl Attacker {
    async fn new(victim: &mut Node, protocol: &str) -> Self {
        Self::with(victim, protocol, Raw::default()).await
    }

    async fn with(victim: &mut Node, protocol: &str, raw: Raw) -> Self {
        let mut swarm = swarm(protocol, raw);
        swarm.dial(victim.address.clone()).unwrap();
        let peer = *swarm.local_peer_id();
        let (bytes, to_send) = mpsc::channel(16);
        let (report, ends) = mpsc::channel(64);
        tokio::spawn(Self::run(swarm, victim.peer(), to_send, report));
        victim.connected(peer).await;
        Self { peer, bytes, ends }
    }

    async fn run(
        mut swarm: Swarm<request_response::Behaviour<Raw>>,
        victim: PeerId,
        mut to_send: Receiver<Vec<u8>>,
        report: mpsc::Sender<Option<Vec<u8>>>,
    ) {
        loop {
            let event = tokio::select! {
                event = swarm.select_next_some() => event,
                bytes = to_send.recv() => match bytes {
                    Some(bytes) => {
                        swarm.behaviour_mut().send_request(&victim, bytes);
                        continue;
                    }
                    None => return,
                },
            };
            let SwarmEvent::Behaviour(event) = event else { continue };
            let end = match event {
                request_response::Event::Message {
                    message: request_response::Message::Response { response, .. },
                    ..
                } => Some(response),
                request_response::Event::OutboundFailure { .. } => None,
                _ => continue,
            };
            let _ = report.send(end).await;
        }
    }

    async fn send(&self, bytes: Vec<u8>) {
        self.bytes.send(bytes).await.unwrap();
    }

    async fn end(&mut self) -> Option<Vec<u8>> {
        timeout(DEADLINE, self.ends.recv()).await.expect("the stream ends").unwrap()
    }
}

/// What the victim says that a peer did.
async fn misbehaved(victim: &mut Node, peer: PeerId) -> String {
    let what = |event: &NetEvent| match event {
        NetEvent::Misbehaved { peer: who, what } if *who == peer => Some(what.clone()),
        _ => None,
    };
    victim.until("a finding", what).await
}

/// The victim still serves an honest node.
async fn still_serves(victim: &mut Node) {
    let mut honest = Node::new(TCP).await;
    connect(&mut honest, victim).await;
    honest.talk(victim, 77).await;
}

#[tokio::test]
async fn garbage_before_any_handshake_does_no_harm() {
    let mut victim = Node::new(TCP).await;
    let port = victim.address.iter().find_map(|part| match part {
        libp2p::multiaddr::Protocol::Tcp(port) => Some(port),
        _ => None,
    });
    for garbage in [vec![0xff; 100_000], b"GET / HTTP/1.1\r\n\r\n".to_vec(), vec![0; 3], vec![]] {
        let mut socket = tokio::net::TcpStream::connect(("127.0.0.1", port.unwrap())).await.unwrap();
        // The victim may hang up while we are still writing.
        let _ = socket.write_all(&garbage).await;
        let _ = socket.shutdown().await;
    }
    still_serves(&mut victim).await;
    assert!(!victim.seen.iter().any(|event| matches!(event, NetEvent::Gossip { .. })));
}

#[tokio::test]
async fn an_oversize_question_is_told_of_and_breaks_its_stream_alone() {
    let mut victim = Node::new(TCP).await;
    let mut attacker = Attacker::new(&mut victim, &Protocol::Status.name(CHAIN)).await;
    for bytes in [
        [&900_u32.to_le_bytes()[..], &[0; 10]].concat(),
        vec![1],
        [&1025_u32.to_le_bytes()[..], &[0; 1025]].concat(),
        u32::MAX.to_le_bytes().to_vec(),
    ] {
        attacker.send(bytes).await;
        assert_eq!(attacker.end().await.unwrap_or_default(), b"", "no answer");
    }
    for bytes in ["1025", "4294967295"] {
        let what = misbehaved(&mut victim, attacker.peer).await;
        let expected = format!("a question in Status: message of {bytes} bytes, at most 1024 are allowed");
        assert_eq!(what, expected);
    }
    // The same connection serves what is within the cap.
    attacker.send([&1024_u32.to_le_bytes()[..], &[5; 1024]].concat()).await;
    let (_, token, data) = victim.request().await;
    assert_eq!(data, [5; 1024]);
    victim.send(NetCommand::Reply { token, data: vec![0, 9] }).await;
    assert_eq!(attacker.end().await.unwrap(), [2, 0, 0, 0, 0, 9]);
    assert!(!victim.seen.iter().any(|event| matches!(event, NetEvent::Request { .. })));
}

#[tokio::test]
async fn questions_that_come_byte_by_byte_hold_nobody_up_and_are_not_heard() {
    let mut victim = Node::new(TCP).await;
    let raw = Raw { drips: true, ..Raw::default() };
    let mut attacker = Attacker::with(&mut victim, &Protocol::Bodies.name(CHAIN), raw).await;
    for _ in 0..64 {
        attacker.send([&200_u32.to_le_bytes()[..], &[0; 96]].concat()).await;
    }
    // More streams than one connection may have of a protocol: some end at once, and the others last.
    let end = attacker.end().await;
    assert!(end.is_none_or(|answer| answer.is_empty()), "it gets no answer");
    still_serves(&mut victim).await;
    let heard = |event: &&NetEvent| matches!(event, NetEvent::Request { peer, .. } if *peer == attacker.peer);
    assert_eq!(victim.seen.iter().filter(heard).count(), 0);
    assert!(!victim.seen.iter().any(|event| matches!(event, NetEvent::Disconnected { .. })));
}

#[tokio::test]
async fn thousands_of_offered_ids_do_not_break_the_stream() {
    let mut victim = Node::new(TCP).await;
    let attacker = Attacker::new(&mut victim, GOSSIP).await;
    let topic = Topic::Block.name(CHAIN);
    // 5,000 ids are 110 KB, far over the library's own limit for control messages.
    attacker.send([ihave(&topic, 5_000), publish(&topic, b"after the flood")].concat()).await;
    victim.gossip(b"after the flood").await;
    still_serves(&mut victim).await;
}

#[tokio::test]
async fn floods_of_control_messages_keep_nobody_from_being_heard() {
    let mut victim = Node::new(TCP).await;
    let attacker = Attacker::new(&mut victim, GOSSIP).await;
    let topic = Topic::Tx.name(CHAIN);
    // In one stream: after the fifth, the connection would end.
    attacker.send(controls(&topic).repeat(20)).await;
    let mut honest = Node::new(TCP).await;
    connect(&mut honest, &mut victim).await;
    warm_up(Topic::Tx, &mut honest, &mut [], &mut victim).await;
    warm_up(Topic::Tx, &mut victim, &mut [], &mut honest).await;
    still_serves(&mut victim).await;
}

#[tokio::test]
async fn messages_over_the_budget_are_counted_and_not_heard() {
    let mut victim = Node::new(TCP).await;
    let attacker = Attacker::new(&mut victim, GOSSIP).await;
    let topic = Topic::Tx.name(CHAIN);
    let flood: Vec<u8> = (0..3_000_u32).flat_map(|n| publish(&topic, &n.to_le_bytes())).collect();
    attacker.send(flood).await;
    let over = |event: &NetEvent| match event {
        NetEvent::Delivered(list) => {
            let of = list.iter().find(|(peer, _)| *peer == attacker.peer);
            of.map(|(_, delivery)| *delivery).filter(|delivery| delivery.over > 0)
        }
        _ => None,
    };
    let delivery = victim.until("a report", over).await;
    assert!(delivery.over > 1_000 && delivery.txs < 2_000, "{delivery:?}");
    still_serves(&mut victim).await;
}

#[tokio::test]
async fn messages_off_topic_or_over_the_cap_are_not_heard() {
    let mut victim = Node::new(TCP).await;
    let attacker = Attacker::new(&mut victim, GOSSIP).await;
    let (block, tx) = (Topic::Block.name(CHAIN), Topic::Tx.name(CHAIN));
    let stream = [
        publish(&Topic::Block.name(CHAIN + 1), b"another chain"),
        publish("anything", b"at all"),
        publish(&tx, &[1; 16_385]),
        publish(&block, &vec![2; 300_000]),
        publish(&block, b"good"),
    ];
    attacker.send(stream.concat()).await;
    victim.gossip(b"good").await;
    assert!(misbehaved(&mut victim, attacker.peer).await.contains("unknown topic"));
    assert!(!victim.seen.iter().any(|event| matches!(event, NetEvent::Gossip { .. })));
    assert_eq!(victim.handle.traffic().topic(Topic::Block).messages_in, 1);
    // Nor do their names stay anywhere.
    let mut metrics = String::new();
    victim.handle.write_metrics(&mut metrics).unwrap();
    let foreign = [&*Topic::Block.name(CHAIN + 1), "anything"];
    assert!(metrics.contains(&block) && !foreign.iter().any(|name| metrics.contains(*name)), "{metrics}");
    still_serves(&mut victim).await;
}

#[tokio::test]
async fn an_oversize_or_garbled_rpc_breaks_its_stream_and_nothing_else() {
    let mut victim = Node::new(TCP).await;
    let mut attacker = Attacker::new(&mut victim, GOSSIP).await;
    let topic = Topic::Block.name(CHAIN);
    for bytes in [publish(&topic, &vec![0; 2 * 1024 * 1024]), vec![0xff; 64], ihave(&topic, 20_000)] {
        // Within yamux's first window: once the reader has dropped the stream there is no other,
        // and a writer of more would wait for ever.
        attacker.send(bytes[..bytes.len().min(100_000)].to_vec()).await;
        assert_eq!(attacker.end().await.unwrap_or_default(), b"");
    }
    attacker.send(publish(&topic, b"good")).await;
    victim.gossip(b"good").await;
    still_serves(&mut victim).await;
}

#[tokio::test]
async fn a_connection_on_which_gossip_has_given_up_is_closed() {
    let mut victim = Node::new(TCP).await;
    let attacker = Attacker::new(&mut victim, GOSSIP).await;
    for number in 0..5_u8 {
        attacker.send(publish(&Topic::Block.name(CHAIN), &[number])).await;
    }
    victim.disconnected(attacker.peer).await;
    still_serves(&mut victim).await;
}

#[tokio::test]
async fn a_flood_of_questions_is_served_two_at_a_time() {
    let mut victim = Node::new(TCP).await;
    let mut attacker = Attacker::new(&mut victim, &Protocol::Bodies.name(CHAIN)).await;
    for _ in 0..10 {
        attacker.send([1, 0, 0, 0, 0].to_vec()).await;
    }
    for _ in 0..8 {
        let end = attacker.end().await.unwrap_or_default();
        assert_eq!(end, [5, 0, 0, 0, 1, 0xf4, 0x01, 0, 0], "rate limited");
    }
    let served = [victim.request().await.1, victim.request().await.1];
    assert!(!victim.seen.iter().any(|event| matches!(event, NetEvent::Request { .. })));
    for token in served {
        victim.send(NetCommand::Reply { token, data: vec![0] }).await;
        assert_eq!(attacker.end().await.unwrap(), [1, 0, 0, 0, 0]);
    }
}

#[tokio::test]
async fn answers_nobody_reads_fill_a_bounded_store() {
    let mut victim = Node::new(TCP).await;
    let mut honest = Node::new(TCP).await;
    connect(&mut honest, &mut victim).await;
    let answer = vec![0; usize::try_from(Protocol::Bodies.frames(BODY).answer_max).unwrap()];
    let fitting = inbound::MAX_QUEUED_ANSWER_BYTES / answer.len();
    let mut attackers = Vec::new();
    for number in 0..fitting {
        if number % usize::from(MAX_INBOUND_PER_PROTOCOL) == 0 {
            let name = Protocol::Bodies.name(CHAIN);
            attackers.push(Attacker::with(&mut victim, &name, Raw { reads: false, ..Raw::default() }).await);
        }
        attackers.last().unwrap().send(vec![1, 0, 0, 0, 0]).await;
        let (_, token, _) = victim.request().await;
        victim.send(NetCommand::Reply { token, data: answer.clone() }).await;
    }
    honest.ask(victim.peer(), 1, Protocol::Bodies, b"me too").await;
    let (_, token, _) = victim.request().await;
    victim.send(NetCommand::Reply { token, data: answer.clone() }).await;
    assert_eq!(honest.response(1).await.unwrap(), inbound::rate_limited());
    // With the attackers gone there is room again.
    for attacker in attackers {
        let peer = attacker.peer;
        drop(attacker);
        victim.disconnected(peer).await;
    }
    eventually("room", async || {
        honest.ask(victim.peer(), 2, Protocol::Bodies, b"me too").await;
        let (_, token, _) = victim.request().await;
        victim.send(NetCommand::Reply { token, data: answer.clone() }).await;
        (honest.response(2).await.unwrap() == answer).then_some(())
    })
    .await;
}

#[tokio::test]
async fn one_peer_that_does_not_read_gets_no_great_share_of_the_store() {
    let mut victim = Node::with(&DriverConfig { max_body_bytes: 16 * BODY, ..config(TCP) }).await;
    let attacker =
        Attacker::with(&mut victim, &Protocol::Bodies.name(CHAIN), Raw { reads: false, ..Raw::default() })
            .await;
    let answer = vec![0; inbound::MAX_QUEUED_TO_PEER_BYTES];
    for _ in 0..2 {
        attacker.send(vec![1, 0, 0, 0, 0]).await;
        let (_, token, _) = victim.request().await;
        victim.send(NetCommand::Reply { token, data: answer.clone() }).await;
    }
    still_serves(&mut victim).await;
    let out = victim.handle.traffic().protocol(Protocol::Bodies).bytes_out;
    let expected = answer.len() + inbound::rate_limited().len();
    assert_eq!(out, u64::try_from(expected).unwrap());
}
