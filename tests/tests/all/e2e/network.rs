//! Nodes that mine, pay, part and meet.

use super::metrics::metric;
use super::{miner, settle, star};
use nix::sys::signal::Signal;
use starling_primitives::{Address, TxId};
use starling_rpc::types::BlockRef;
use starling_tests::{Lab, Node, Pace, Payer, agree, connect, until, wait};

#[test]
fn three_nodes_mine_to_one_tip_and_a_fourth_started_late_catches_up() {
    let (mut alice, bob) = (Payer::new(1), Payer::new(2));
    let lab = Lab::new(Pace::Mined, &[(&alice, "1000")]);
    let payouts = [miner(&lab, 1), miner(&lab, 2)];
    let first = lab.node(&["--mine", "--payout", &payouts[0]]);
    let second = lab.node(&first.as_bootstrap());
    let third = lab.node(&second.as_bootstrap());
    second.mine(&payouts[1]);

    let payment = third.submit(&alice.pay(lab.chain(), bob.address(), "12.5"));
    for node in [&first, &second, &third] {
        node.until_mined(payment);
        assert_eq!(node.balance(bob.address()), star("12.5"));
    }
    for payout in &payouts {
        until("both miners have mined a block that lasts", || {
            let account = wait(third.rpc().account_get(payout)).expect("a running node answers");
            if account.balance.is_zero() { Err(format!("{account:?}")) } else { Ok(()) }
        });
    }
    third.until_height(12);
    first.rest();
    second.rest();
    let stopped_at = [&first, &second].map(|node| node.info().height).into_iter().max().expect("two");

    let tip = settle(&lab, &[&first, &second, &third]);
    assert!(tip.height <= stopped_at + 2, "miners stopped at {stopped_at}, agreed at {}", tip.height);
    let late = lab.node(&third.as_bootstrap());
    assert_eq!(agree(&[&late, &first]).tip, tip.tip);
    for node in [&first, &second, &third, &late] {
        assert_eq!(node.balance(bob.address()), star("12.5"));
        assert_eq!(node.account(alice.address()).nonce, 1);
        assert_eq!(node.info().supply, lab.supply(tip.height, 1));
    }
}

/// Questions and answers of a protocol that went in this direction.
fn messages(node: &Node, protocol: &str, direction: &str) -> f64 {
    let labels = format!("protocol=\"{protocol}\",direction=\"{direction}\"");
    metric(node, &format!("starling_network_messages_total{{{labels}}}"))
}

#[test]
fn a_block_goes_ahead_of_gossip_to_those_who_have_its_transactions() {
    let mut alice = Payer::new(1);
    let lab = Lab::new(Pace::Asked, &[(&alice, "1000")]);
    let serve = ["--metrics", "127.0.0.1:0"];
    let nodes = [lab.node(&[]), lab.node(&serve), lab.node(&serve)];
    connect(&nodes[0], &nodes[1]);
    connect(&nodes[1], &nodes[2]);
    let payments: Vec<TxId> =
        (0..60).map(|_| nodes[0].submit(&alice.pay(lab.chain(), Payer::new(2).address(), "1"))).collect();
    payments.iter().for_each(|payment| nodes[2].until_pending(*payment));
    nodes[0].generate(1, &miner(&lab, 1));
    let tip = agree(&nodes.each_ref());
    assert_eq!(tip.height, 1);
    for node in &nodes[1..] {
        assert!(messages(node, "compact/1", "in") >= 1.0, "announced in short");
        for asked in ["block-ids/1", "block-txs/1", "bodies/1"] {
            assert!(messages(node, asked, "out") < 1.0, "{asked}: nothing was missing");
        }
    }
}

#[test]
fn a_large_payment_goes_from_node_to_node_by_its_id() {
    let (mut alice, bob) = (Payer::new(1), Payer::new(2));
    let lab = Lab::new(Pace::Asked, &[(&alice, "1000")]);
    let serve = ["--metrics", "127.0.0.1:0"];
    let nodes = [(); 3].map(|()| lab.node(&serve));
    connect(&nodes[0], &nodes[1]);
    connect(&nodes[1], &nodes[2]);
    let large = alice.pay_often(lab.chain(), bob.address(), "1", 50);
    assert!(large.size() > 1024, "{} bytes", large.size());
    let large = nodes[0].submit(&large);
    nodes[2].until_pending(large);
    assert!(messages(&nodes[2], "txs/1", "out") >= 1.0, "fetched");
    let gossip = "libp2p_gossipsub_topic_msg_recv_counts_unfiltered_total";
    assert!(nodes.iter().all(|node| metric(node, gossip) < 1.0), "no copies");
    nodes[2].generate(1, &miner(&lab, 1));
    nodes[0].until_mined(large);
    assert_eq!(nodes[0].balance(bob.address()), star("50"));
}

#[test]
fn a_frozen_node_catches_up() {
    let (mut alice, bob) = (Payer::new(1), Payer::new(2));
    let lab = Lab::new(Pace::Asked, &[(&alice, "1000")]);
    let (busy, frozen) = (lab.node(&[]), lab.node(&[]));
    connect(&busy, &frozen);
    busy.generate(3, &miner(&lab, 1));
    agree(&[&busy, &frozen]);

    frozen.signal(Signal::SIGSTOP);
    for _ in 0..60 {
        busy.submit(&alice.pay(lab.chain(), bob.address(), "1"));
        busy.generate(2, &miner(&lab, 1));
    }
    frozen.signal(Signal::SIGCONT);
    assert_eq!(agree(&[&frozen, &busy]).height, 123);
    assert_eq!(frozen.balance(bob.address()), star("60"));
}

#[test]
fn a_payment_to_a_node_without_peers_is_mined_by_another_after_they_connect() {
    let (mut alice, bob) = (Payer::new(1), Payer::new(2));
    let lab = Lab::new(Pace::Asked, &[(&alice, "1000")]);
    let (lonely, other) = (lab.node(&[]), lab.node(&[]));
    let payments: Vec<TxId> =
        (0..5).map(|_| lonely.submit(&alice.pay(lab.chain(), bob.address(), "2"))).collect();
    connect(&other, &lonely);
    payments.iter().for_each(|payment| other.until_pending(*payment));
    let blocks = other.generate(1, &miner(&lab, 1));
    for payment in payments {
        assert_eq!(lonely.until_mined(payment).block, Some(blocks[0]));
    }
    assert_eq!(lonely.balance(bob.address()), star("10"));
}

#[test]
fn a_peer_with_a_dead_address_is_reached_at_its_other_one() {
    let lab = Lab::new(Pace::Asked, &[]);
    let node = lab.node(&[]);
    // Port 1 of a loopback address: refused at once.
    let dead = format!("/ip4/127.0.0.1/tcp/1/p2p/{}", node.ready().peer_id);
    let other = lab.node(&["--bootstrap", &dead, "--bootstrap", node.address()]);
    node.generate(1, &miner(&lab, 1));
    agree(&[&other, &node]);
}

/// Two nodes that know each other and nobody else, what they paid, and who is paid for their blocks.
struct Group {
    nodes: [Node; 2],
    payments: Vec<TxId>,
    payout: String,
}

impl Group {
    /// Mines 20 blocks with a payment in each other one.
    fn new(lab: &Lab, number: u16, from: &mut Payer, to: Address) -> Self {
        let nodes = [lab.node(&[]), lab.node(&[])];
        connect(&nodes[0], &nodes[1]);
        let payout = miner(lab, number);
        let mut payments = Vec::new();
        for _ in 0..10 {
            payments.push(nodes[0].submit(&from.pay(lab.chain(), to, "3")));
            nodes[0].generate(2, &payout);
        }
        assert_eq!(agree(&[&nodes[1], &nodes[0]]).height, 20);
        Self { nodes, payments, payout }
    }
}

#[test]
fn two_groups_that_mined_apart_meet_and_no_payment_is_lost() {
    let (mut alice, mut carol) = (Payer::new(1), Payer::new(2));
    let (bob, dave) = (Payer::new(3), Payer::new(4));
    let lab = Lab::new(Pace::Asked, &[(&alice, "1000"), (&carol, "1000")]);
    let one = Group::new(&lab, 1, &mut alice, bob.address());
    let other = Group::new(&lab, 2, &mut carol, dave.address());
    // The times of blocks move the difficulty by a hair; the group with more work wins, and leads by one
    // block.
    let mut groups = [one, other];
    groups.sort_by_key(|group| group.nodes[0].info().work);
    let [loser, winner] = &groups;
    winner.nodes[0].generate(1, &winner.payout);
    wait(loser.nodes[1].rpc().net_add(winner.nodes[1].address())).expect("an address can be added");

    let nodes = [&winner.nodes[0], &winner.nodes[1], &loser.nodes[0], &loser.nodes[1]];
    assert_eq!(agree(&nodes).height, 21);
    for payment in &loser.payments {
        winner.nodes[0].until_pending(*payment);
        loser.nodes[0].until_pending(*payment);
    }
    winner.nodes[0].generate(1, &winner.payout);
    assert_eq!(agree(&nodes).height, 22);
    for node in nodes {
        for payment in loser.payments.iter().chain(&winner.payments) {
            let block = node.until_mined(*payment).block.expect("a mined payment has a block");
            let header = wait(node.rpc().chain_get_header(BlockRef::Id(block))).expect("it is stored");
            assert_eq!(header.miner, winner.payout);
        }
        assert_eq!(node.balance(bob.address()), star("30"));
        assert_eq!(node.balance(dave.address()), star("30"));
        assert_eq!(node.info().supply, lab.supply(22, 2));
        let unpaid = wait(node.rpc().account_get(&loser.payout)).expect("a running node answers");
        assert!(unpaid.balance.is_zero(), "{unpaid:?}");
    }
}
