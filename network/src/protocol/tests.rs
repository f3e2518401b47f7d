//! Tests of the facade: greetings, announcements, transactions, questions, bans.

use super::*;
use crate::driver::{MessageRef, Protocol, RequestFailure, Topic};
use crate::testing::{Bench, GENESIS, announcement, chain, header, ids, peer, status, tx};
use crate::wire::{Question, Status};

const WANTED: AnnounceOutcome = AnnounceOutcome::Accept { want_body: true };

fn reply_to(bench: &Bench, asked: ReplyToken) -> Option<Vec<u8>> {
    bench.commands.iter().find_map(|command| match command {
        NetCommand::Reply { token, data } if *token == asked => Some(data.clone()),
        _ => None,
    })
}

fn announcements(bench: &Bench) -> usize {
    bench.reports.iter().filter(|report| matches!(report, Report::Announcement { .. })).count()
}

#[test]
fn another_genesis_bans_in_both_directions() {
    let other = Status { genesis: GenesisId::new([1; 32]), ..status(1, 9) };
    let mut bench = Bench::new();
    bench.meet(1, other);
    assert!(bench.is_banned(1) && !bench.is_connected(1));
    bench.connect(2);
    bench.ask(2, Protocol::Status, Question::Status(other).encode());
    assert!(bench.is_banned(2));
}

#[test]
fn a_peer_without_our_protocols_is_let_go_without_a_ban() {
    let mut bench = Bench::new();
    bench.connect(1);
    let (agent, protocols_ok) = ("other/1".to_owned(), false);
    bench.event(NetEvent::Identified { peer: peer(1), agent, protocols_ok, record: None });
    assert!(bench.commands.contains(&NetCommand::Disconnect(peer(1))));
    assert!(!bench.is_banned(1) && !bench.is_connected(1));
}

#[test]
fn a_status_is_refreshed_every_ten_seconds_in_either_direction() {
    let mut bench = Bench::new();
    bench.meet(1, status(0, 1));
    bench.pass(9_000);
    bench.ask(1, Protocol::Status, Question::Status(status(7, 1)).encode());
    bench.pass(9_000);
    assert_eq!(bench.waiting(1, Protocol::Status), 0, "theirs was as good as an answer");
    assert_eq!(bench.net.peers()[0].height, Some(7));
    bench.pass(1_100);
    assert_eq!(bench.waiting(1, Protocol::Status), 1);
}

#[test]
fn a_status_question_is_answered_from_the_chain() {
    let mut bench = Bench::new();
    bench.connect(1);
    bench.view.status = status(42, 7);
    let token = bench.ask(1, Protocol::Status, Question::Status(status(0, 1)).encode());
    assert_eq!(reply_to(&bench, token), Some(Answer::Status(status(42, 7)).encode()));
}

#[test]
fn an_announcement_is_passed_on_as_soon_as_its_header_is_right() {
    let mut bench = Bench::new();
    bench.meet(1, status(0, 1));
    let txs = [tx(1)];
    let header = header(GENESIS.into(), 1, &txs);
    let message = bench.gossip(1, Topic::Block, announcement(&header, &txs));
    assert_eq!(announcements(&bench), 1);
    assert!(bench.verdicts(&message).is_empty());
    bench.announcement_checked(header.id(), WANTED);
    assert_eq!(bench.verdicts(&message), [Verdict::Accept]);
    assert_eq!(bench.net.peers()[0].height, Some(1), "its sender has the header");
    let again = bench.gossip(1, Topic::Block, announcement(&header, &txs));
    assert_eq!((bench.verdicts(&again), announcements(&bench)), (vec![Verdict::Accept], 1));
}

#[test]
fn bad_announcements_are_rejected_and_their_senders_banned() {
    let txs = [tx(1)];
    let header = header(GENESIS.into(), 1, &txs);
    let good = announcement(&header, &txs);
    let other_ids = announcement(&header, &[tx(2)]);
    for data in [vec![1, 2, 3], good[..good.len() - 1].to_vec(), other_ids] {
        let mut bench = Bench::new();
        bench.meet(1, status(0, 1));
        let message = bench.gossip(1, Topic::Block, data);
        assert_eq!(bench.verdicts(&message), [Verdict::Reject]);
        assert!(bench.is_banned(1));
        assert_eq!(announcements(&bench), 0);
    }
}

#[test]
fn the_core_s_word_decides_on_verdict_and_penalty() {
    let judged = |outcome| {
        let mut bench = Bench::new();
        bench.meet(1, status(0, 1));
        let header = header(GENESIS.into(), 1, &[]);
        let message = bench.gossip(1, Topic::Block, announcement(&header, &[]));
        bench.announcement_checked(header.id(), outcome);
        (bench.verdicts(&message), bench.is_banned(1))
    };
    assert_eq!(judged(AnnounceOutcome::Ignore), (vec![Verdict::Ignore], false));
    assert_eq!(judged(AnnounceOutcome::Reject(Penalty::Ban)), (vec![Verdict::Reject], true));
    assert_eq!(judged(AnnounceOutcome::Accept { want_body: false }), (vec![Verdict::Accept], false));
}

/// A peer announces height 2 while height 1 is unknown.
fn orphan(bench: &mut Bench) -> (Vec<starling_primitives::Header>, MessageRef) {
    bench.meet(1, status(0, 1));
    let chain = chain(GENESIS.into(), 2);
    let message = bench.gossip(1, Topic::Block, announcement(&chain[1], &[]));
    bench.announcement_checked(chain[1].id(), AnnounceOutcome::UnknownParent);
    (chain, message)
}

#[test]
fn an_unknown_parent_is_fetched_from_the_sender_while_the_verdict_waits() {
    let mut bench = Bench::new();
    let (chain, message) = orphan(&mut bench);
    let asked = bench.take(1, Protocol::Headers).expect("the sender is asked");
    bench.reply(&asked, &Answer::Headers(chain.clone()));
    bench.pass(1_000);
    assert!(bench.verdicts(&message).is_empty());
    bench.view.headers.extend(chain.iter().map(starling_primitives::Header::id));
    bench.headers_checked(1, HeadersOutcome::Accept { new: 2 });
    assert_eq!(announcements(&bench), 2, "reported again now that its parent is known");
    bench.announcement_checked(chain[1].id(), WANTED);
    assert_eq!(bench.verdicts(&message), [Verdict::Accept]);
    assert_eq!(bench.bodies(), [chain[1].id()]);
}

#[test]
fn after_three_seconds_without_its_parent_it_is_ignored() {
    let mut bench = Bench::new();
    let (_, message) = orphan(&mut bench);
    bench.pass(2_900);
    assert!(bench.verdicts(&message).is_empty());
    bench.pass(200);
    assert_eq!(bench.verdicts(&message), [Verdict::Ignore]);
    assert!(bench.is_connected(1) && bench.score(1) >= 0.0);
}

#[test]
fn few_announcements_are_held_at_a_time() {
    let mut bench = Bench::new();
    let mut ignored = 0;
    for n in 1..=20 {
        bench.meet(n, status(0, 1));
        let header = header(BlockId::new([n; 32]), 5, &[]);
        let message = bench.gossip(n, Topic::Block, announcement(&header, &[]));
        bench.announcement_checked(header.id(), AnnounceOutcome::UnknownParent);
        ignored += bench.verdicts(&message).len();
    }
    assert_eq!(ignored, 4, "sixteen are held");
}

#[test]
fn announcements_the_core_never_judges_are_let_go() {
    let mut bench = Bench::new();
    bench.meet(1, status(0, 1));
    let message = bench.gossip(1, Topic::Block, announcement(&header(GENESIS.into(), 1, &[]), &[]));
    bench.pass(8_300);
    assert!(bench.verdicts(&message).is_empty());
    bench.pass(200);
    assert_eq!(bench.verdicts(&message), [Verdict::Ignore]);
}

#[test]
fn announcements_over_the_budget_are_ignored_and_the_status_asked_soon() {
    let mut bench = Bench::new();
    bench.meet(1, status(0, 1));
    let messages: Vec<MessageRef> = chain(GENESIS.into(), 17)
        .iter()
        .map(|header| bench.gossip(1, Topic::Block, announcement(header, &[])))
        .collect();
    assert_eq!(announcements(&bench), 16);
    assert_eq!(bench.verdicts(&messages[16]), [Verdict::Ignore]);
    assert!(bench.score(1) < 0.0 && bench.is_connected(1));
    bench.pass(1_000);
    assert_eq!(bench.waiting(1, Protocol::Status), 1);
}

#[test]
fn a_pushed_block_is_judged_like_gossip_and_published() {
    let mut bench = Bench::new();
    bench.meet(1, status(0, 1));
    bench.meet(2, status(0, 1));
    let header = header(GENESIS.into(), 1, &[]);
    let data = announcement(&header, &[]);
    let push = Question::Push { topic: Topic::Block, data: data.clone() };
    let token = bench.ask(1, Protocol::Push, push.encode());
    assert_eq!(reply_to(&bench, token), Some(vec![0]));
    assert_eq!(announcements(&bench), 1);
    bench.announcement_checked(header.id(), WANTED);
    assert!(bench.commands.contains(&NetCommand::Publish { topic: Topic::Block, data: data.clone() }));
    let late = bench.gossip(2, Topic::Block, data.clone());
    assert_eq!(bench.verdicts(&late), [Verdict::Accept]);
    let again = Question::Push { topic: Topic::Block, data };
    bench.ask(1, Protocol::Push, again.encode());
    assert_eq!(announcements(&bench), 1, "pushed once more, it is worth nothing");

    let bad = Question::Push { topic: Topic::Tx, data: vec![0] };
    bench.ask(1, Protocol::Push, bad.encode());
    assert!(bench.is_banned(1));
}

fn gossiped(bench: &mut Bench, nonce: u64) -> (MessageRef, Option<Report>) {
    let message = bench.gossip(1, Topic::Tx, tx(nonce).bytes().to_vec());
    (message, bench.reports.pop())
}

#[test]
fn transactions_are_judged_by_the_core() {
    let judged = |outcome| {
        let mut bench = Bench::new();
        bench.meet(1, status(0, 1));
        let (message, report) = gossiped(&mut bench, 1);
        let Some(Report::Transaction { source, tx }) = report else { panic!("not reported") };
        assert_eq!(source.peer(), peer(1));
        let outputs = bench.net.transaction_checked(source, &tx, outcome, bench.now);
        bench.sort(outputs);
        (bench.verdicts(&message), bench.score(1))
    };
    assert_eq!(judged(TxOutcome::Accept).0, [Verdict::Accept]);
    assert_eq!(judged(TxOutcome::Ignore), (vec![Verdict::Ignore], 0.0));
    let (verdicts, score) = judged(TxOutcome::Reject(Penalty::Medium));
    assert_eq!(verdicts, [Verdict::Reject]);
    assert!(score < 0.0);
}

#[test]
fn known_undecodable_and_untimely_transactions_do_not_reach_the_core() {
    let mut bench = Bench::new();
    bench.meet(1, status(0, 1));
    bench.view.known.insert(tx(1).wtxid());
    let (message, report) = gossiped(&mut bench, 1);
    assert_eq!((bench.verdicts(&message), report), (vec![Verdict::Ignore], None));
    bench.view.synced = false;
    let (message, report) = gossiped(&mut bench, 2);
    assert_eq!((bench.verdicts(&message), report), (vec![Verdict::Ignore], None));
    let message = bench.gossip(1, Topic::Tx, vec![9; 200]);
    assert_eq!(bench.verdicts(&message), [Verdict::Reject]);
    assert!(bench.is_banned(1));
}

#[test]
fn transactions_over_the_budget_are_ignored() {
    let mut bench = Bench::new();
    bench.meet(1, status(0, 1));
    let reported = (0..1_100).filter(|nonce| gossiped(&mut bench, *nonce).1.is_some()).count();
    assert_eq!(reported, 1_000);
    assert!(bench.is_connected(1) && bench.score(1) < 0.0);
}

#[test]
fn a_fetched_transaction_is_published_when_it_is_accepted() {
    let mut bench = Bench::new();
    bench.meet(1, status(0, 1));
    bench.pass(3_000);
    let tx = tx(1);
    bench.view.pool.insert(tx.wtxid(), Arc::clone(&tx));
    let source = TxSource::Direct { peer: peer(1) };
    let outputs = bench.net.transaction_checked(source, &tx, TxOutcome::Accept, bench.now);
    bench.sort(outputs);
    bench.pass(100);
    let data = tx.bytes().to_vec();
    assert!(bench.commands.contains(&NetCommand::Publish { topic: Topic::Tx, data }));
}

#[test]
fn questions_about_the_chain_go_to_the_core_and_its_answers_out() {
    let mut bench = Bench::new();
    bench.meet(1, status(0, 1));
    let questions = [
        Question::Headers { max: 5, locator: vec![GENESIS.into()] },
        Question::Bodies(vec![GENESIS.into()]),
        Question::BlockIds(GENESIS.into()),
        Question::BlockTxs { id: GENESIS.into(), indices: vec![0] },
        Question::Pool { cursor: Wtxid::ZERO, max: 5 },
        Question::Txs(ids(&[tx(1)])),
    ];
    for expected in questions {
        let asked = bench.ask(1, expected.protocol(), expected.encode());
        let Some(Report::Serve { token, question, .. }) = bench.reports.pop() else { panic!("not reported") };
        assert_eq!((token, question), (asked, expected));
        let output = bench.net.answer(token, &Answer::NotHere);
        bench.sort(vec![output]);
        assert_eq!(reply_to(&bench, token), Some(vec![2]));
    }
}

#[test]
fn over_the_quota_the_answer_is_rate_limited_after_a_moment_and_nobody_is_blamed() {
    let mut bench = Bench::new();
    bench.meet(1, status(0, 1));
    let data = Question::BlockIds(GENESIS.into()).encode();
    for _ in 0..10 {
        bench.ask(1, Protocol::BlockIds, data.clone());
    }
    let served = bench.reports.len();
    let token = bench.ask(1, Protocol::BlockIds, data);
    assert_eq!((bench.reports.len(), reply_to(&bench, token)), (served, None));
    bench.pass(100);
    let limited = Answer::RateLimited { retry_after_ms: 1_000 }.encode();
    assert_eq!(reply_to(&bench, token), Some(limited));
    assert!(bench.score(1) >= 0.0);
}

#[test]
fn a_limited_line_has_room_for_our_block_after_a_large_answer_and_for_no_other_answer() {
    let peers = PeerOptions { upload_limit: Some(64 << 10), ..PeerOptions::default() };
    let mut bench = Bench::with(NetworkConfig { peers, ..Bench::config() });
    bench.meet(1, status(0, 1));
    let data = Question::Bodies(vec![GENESIS.into()]).encode();
    let first = bench.ask(1, Protocol::Bodies, data.clone());
    assert!(matches!(bench.reports.last(), Some(Report::Serve { token, .. }) if *token == first));
    let body = Answer::Bodies(vec![Some(vec![7; 512 << 10])]);
    let output = bench.net.answer(first, &body);
    bench.sort(vec![output]);
    let served = bench.reports.len();
    let second = bench.ask(1, Protocol::Bodies, data.clone());
    bench.pass(2_000);
    assert_eq!(bench.reports.len(), served, "the line is busy for seconds");
    assert!(reply_to(&bench, second).is_some_and(|reply| reply[0] == 1), "rate limited");
    let ours = Announcement::new(header(GENESIS.into(), 1, &[]), &[]);
    let outputs = bench.net.tip_changed(ours, true, &bench.view, bench.now);
    bench.sort(outputs);
    assert_eq!(bench.waiting(1, Protocol::Push), 1);
    bench.pass(30_000);
    bench.ask(1, Protocol::Bodies, data);
    assert_eq!(bench.reports.len(), served + 1, "it is free again");
}

#[test]
fn connecting_again_brings_no_new_quota() {
    let mut bench = Bench::new();
    let data = Question::BlockIds(GENESIS.into()).encode();
    for _ in 0..3 {
        bench.connect(1);
        for _ in 0..5 {
            bench.ask(1, Protocol::BlockIds, data.clone());
        }
        bench.leave(1);
    }
    assert_eq!(bench.reports.len(), 10);
    bench.pass(10_100);
    bench.connect(1);
    bench.ask(1, Protocol::BlockIds, data);
    assert_eq!(bench.reports.len(), 11);
}

#[test]
fn an_undecodable_or_oversize_question_or_answer_bans() {
    let mut bench = Bench::new();
    bench.meet(3, status(0, 3));
    bench.event(NetEvent::Misbehaved { peer: peer(3), what: "a question of 4 GiB".to_owned() });
    assert!(bench.is_banned(3));
    bench.meet(1, status(0, 1));
    let token = bench.ask(1, Protocol::Bodies, vec![200]);
    assert_eq!(reply_to(&bench, token), Some(vec![3]));
    assert!(bench.is_banned(1));
    bench.connect(2);
    let asked = bench.take(2, Protocol::Status).unwrap();
    bench.reply_raw(&asked, Ok(vec![0, 1, 2]));
    assert!(bench.is_banned(2));
}

#[test]
fn late_and_unknown_answers_are_passed_over() {
    let mut bench = Bench::new();
    bench.connect(1);
    let asked = bench.take(1, Protocol::Status).unwrap();
    bench.leave(1);
    bench.reply_raw(&asked, Ok(vec![99]));
    bench.reply_raw(&asked, Err(RequestFailure::Closed));
    assert!(bench.reports.is_empty() && !bench.is_banned(1));
    let token = bench.ask(1, Protocol::Bodies, vec![200]);
    assert!(bench.commands.contains(&NetCommand::DropReply { token }), "it is not connected");
    let message = bench.gossip(1, Topic::Tx, vec![1]);
    assert_eq!(bench.verdicts(&message), [Verdict::Ignore]);
}

#[test]
fn failed_requests_cost_rank_at_most_unless_the_answer_was_too_large() {
    let score = |failure| {
        let mut bench = Bench::new();
        bench.connect(1);
        // Were most peers late, the fault would be ours.
        bench.connect(2);
        let asked = bench.take(1, Protocol::Status).unwrap();
        bench.reply_raw(&asked, Err(failure));
        (bench.is_connected(1), bench.score(1))
    };
    assert_eq!(score(RequestFailure::Closed), (true, 0.0));
    assert_eq!(score(RequestFailure::Unsupported), (true, 0.0));
    assert_eq!(score(RequestFailure::Timeout), (true, -1.0));
    assert!(!score(RequestFailure::TooLarge).0);
}

#[test]
fn at_most_two_requests_of_a_protocol_are_on_their_way_to_a_peer() {
    let mut bench = Bench::new();
    bench.meet(1, status(500, 1));
    let list: Vec<(BlockId, u32)> = (1..=100).map(|n| (BlockId::new([n; 32]), u32::from(n))).collect();
    bench.want(&list);
    bench.pass(1_000);
    assert_eq!(bench.waiting(1, Protocol::Bodies), 2);
}

#[test]
fn bans_by_hand_and_their_end() {
    let mut bench = Bench::new();
    bench.meet(1, status(0, 1));
    let outputs = bench.net.ban(peer(1), Duration::from_secs(30), bench.now);
    bench.sort(outputs);
    assert!(bench.is_banned(1) && !bench.is_connected(1));
    bench.connect(1);
    assert!(!bench.is_connected(1));
    assert!(bench.commands.contains(&NetCommand::Disconnect(peer(1))));
    bench.pass(31_000);
    assert!(bench.net.bans().is_empty());
    assert!(bench.commands.contains(&NetCommand::Unban(peer(1))));
    bench.connect(1);
    assert!(bench.is_connected(1));
    assert!(!bench.net.unban(&peer(1), bench.now).0);
}

fn dials_to(bench: &Bench, address: &Multiaddr) -> usize {
    let is_there = |command: &&NetCommand| match command {
        NetCommand::Dial { addresses, .. } => addresses.as_slice() == std::slice::from_ref(address),
        _ => false,
    };
    bench.commands.iter().filter(is_there).count()
}

#[test]
fn an_address_given_by_hand_is_dialled_until_it_answers() {
    let mut bench = Bench::new();
    let address: Multiaddr = "/ip4/10.0.0.1/tcp/7333".parse().unwrap();
    let outputs = bench.net.add(address.clone(), &bench.view, bench.now).unwrap();
    bench.sort(outputs);
    let dials = |bench: &Bench| dials_to(bench, &address);
    assert_eq!(dials(&bench), 1);
    bench.pass(3_500);
    assert_eq!(dials(&bench), 3);
    bench.meet(1, status(0, 1));
    assert_eq!(bench.net.peers()[0].slot, crate::peers::Slot::Manual);
    bench.pass(20_000);
    assert_eq!(dials(&bench), 3);
    bench.leave(1);
    bench.pass(10_000);
    assert_eq!(dials(&bench), 4);
    let (known, outputs) = bench.net.remove(&peer(1), bench.now);
    bench.sort(outputs);
    bench.pass(200_000);
    assert!(known);
    assert_eq!(dials(&bench), 4);
}

#[test]
fn a_peer_of_another_chain_is_not_dialled_again_soon() {
    let mut bench = Bench::new();
    let address: Multiaddr = "/ip4/10.0.0.1/tcp/1".parse().unwrap();
    let outputs = bench.net.add(address.clone(), &bench.view, bench.now).unwrap();
    bench.sort(outputs);
    for _ in 0..2 {
        let before = dials_to(&bench, &address);
        let connected = NetEvent::Connected { peer: peer(1), address: address.clone(), outbound: true };
        bench.event(connected);
        let agent = "other".to_owned();
        bench.event(NetEvent::Identified { peer: peer(1), agent, protocols_ok: false, record: None });
        bench.event(NetEvent::Disconnected { peer: peer(1) });
        assert!(!bench.is_connected(1));
        bench.pass(590_000);
        assert_eq!(dials_to(&bench, &address), before);
        bench.pass(20_000);
        assert!(dials_to(&bench, &address) > before);
    }
    let before = dials_to(&bench, &address);
    let outputs = bench.net.add(address.clone(), &bench.view, bench.now).unwrap();
    bench.sort(outputs);
    bench.pass(100);
    assert_eq!(dials_to(&bench, &address), before + 1, "at once, where somebody asks for it");
}

#[test]
fn nodes_of_the_local_network_are_dialled() {
    let mut bench = Bench::new();
    let address: Multiaddr = "/ip4/192.168.0.7/tcp/1".parse().unwrap();
    bench.event(NetEvent::Discovered { peer: peer(1), addresses: vec![address.clone()], by: None });
    bench.pass(2_000);
    assert_eq!(dials_to(&bench, &address), 1);
}

#[test]
fn the_same_calls_give_the_same_outputs() {
    let run = || {
        let mut bench = Bench::new();
        for n in 1..=8 {
            bench.meet(n, status(50, 9));
        }
        let list: Vec<(BlockId, u32)> = (1..=50).map(|n| (BlockId::new([n; 32]), u32::from(n))).collect();
        bench.want(&list);
        bench.pass(70_000);
        format!("{:?}{:?}{:?}", bench.asked, bench.commands, bench.reports)
    };
    assert_eq!(run(), run());
}

#[test]
fn whoever_turns_out_to_be_of_a_network_that_a_peer_of_our_choice_has_is_let_go() {
    for public in [true, false] {
        let mut bench = Bench::with(NetworkConfig { public, ..Bench::config() });
        for (n, ip) in [(1, "8.8.1.1"), (2, "8.8.2.2"), (3, "9.9.9.9")] {
            let address = format!("/ip4/{ip}/tcp/1").parse().unwrap();
            bench.event(NetEvent::Connected { peer: peer(n), address, outbound: true });
        }
        let let_go = bench.commands.contains(&NetCommand::Disconnect(peer(2)));
        assert_eq!((let_go, bench.net.peers().len()), (public, if public { 2 } else { 3 }));
    }
}
