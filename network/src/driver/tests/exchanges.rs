//! Questions and answers between drivers.

use super::*;

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
