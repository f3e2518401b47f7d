//! Gossip between drivers: who hears what, and from whom.

use super::*;

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
    assert!(!a.seen.iter().any(|event| matches!(event, NetEvent::Disconnected { .. })));
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
