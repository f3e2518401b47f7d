//! Nodes that find each other.

use super::miner;
use starling_rpc::types::Direction;
use starling_tests::{Desk, Lab, Node, Pace, Payer, agree, until, wait};

/// Peers that a node is connected to, by their ids.
fn peers(node: &Node) -> Vec<String> {
    let peers = wait(node.rpc().net_peers()).expect("a running node answers");
    peers.into_iter().map(|peer| peer.peer_id).collect()
}

/// Where a node is, without who it is.
fn bare(node: &Node) -> &str {
    node.address().split("/p2p/").next().expect("a part")
}

/// Waits until each of these is connected to all others.
fn all_meet(nodes: &[&Node]) {
    until("all are connected to all", || {
        let counts: Vec<usize> = nodes.iter().map(|node| peers(node).len()).collect();
        if counts.iter().all(|count| *count + 1 >= nodes.len()) { Ok(()) } else { Err(format!("{counts:?}")) }
    });
}

#[test]
fn nodes_that_know_one_find_all_and_do_without_it() {
    let alice = Payer::new(1);
    let lab = Lab::new(Pace::Asked, &[(&alice, "1000")]);
    let mut first = lab.seeker(&[]);
    let mut others: Vec<Node> = (0..5).map(|_| lab.seeker(&first.as_bootstrap())).collect();
    all_meet(&[&[&first], &others.iter().collect::<Vec<_>>()[..]].concat());
    first.generate(3, &miner(&lab, 1));
    first.kill();
    others[0].generate(1, &miner(&lab, 1));
    let rest: Vec<&Node> = others.iter().collect();
    agree(&rest);
    // A node that starts again, and whose bootstrap is gone, knows the others still.
    others[4].stop();
    others[3].generate(1, &miner(&lab, 1));
    others[4].restart();
    let rest: Vec<&Node> = others.iter().collect();
    agree(&rest);
    until("it has found them all", || {
        let found = peers(&others[4]).len();
        if found >= 4 { Ok(()) } else { Err(format!("{found} of 4")) }
    });
}

#[test]
fn what_a_node_knows_of_its_peers_is_shown() {
    let alice = Payer::new(1);
    let lab = Lab::new(Pace::Asked, &[(&alice, "1000")]);
    let first = lab.seeker(&[]);
    let second = lab.seeker(&first.as_bootstrap());
    all_meet(&[&first, &second]);
    until("both have said who they are", || {
        let shown = wait(second.rpc().net_peers()).expect("a running node answers");
        match &shown[..] {
            [peer]
                if peer.slot == "full" && peer.direction == Direction::Outbound && !peer.agent.is_empty() =>
            {
                assert_eq!(peer.group.as_deref(), Some("local"));
                Ok(())
            }
            other => Err(format!("{other:?}")),
        }
    });
    let shown = wait(first.rpc().net_peers()).expect("a running node answers");
    assert_eq!(shown[0].slot, "inbound");
    let text = Desk::new().run(&["peers", "--node", second.url()]).stdout;
    assert!(text.contains("full") && text.contains("local") && text.contains("out"), "{text}");
}

#[test]
fn peers_are_removed_and_banned_by_hand() {
    let alice = Payer::new(1);
    let lab = Lab::new(Pace::Asked, &[(&alice, "1000")]);
    let (first, mut second) = (lab.node(&[]), lab.node(&[]));
    second.add(&first);
    until("they meet", || {
        if peers(&second).is_empty() { Err("not yet") } else { Ok(()) }.map_err(str::to_owned)
    });
    let id = first.ready().peer_id.clone();
    assert!(wait(second.rpc().net_remove(&id)).expect("a known peer").known);
    until("it is gone", || if peers(&second).is_empty() { Ok(()) } else { Err("still here".to_owned()) });
    assert!(!wait(second.rpc().net_ban(&id, 600)).expect("an id").known);
    let error = wait(second.rpc().net_add(first.address())).expect_err("it is banned").to_string();
    assert!(error.contains("by hand") && error.contains("net_unban"), "{error}");
    let own = second.ready().peer_id.clone();
    let refused = [
        wait(second.rpc().net_ban(&own, 5)).expect_err("itself").to_string(),
        wait(second.rpc().net_add(second.address())).expect_err("itself").to_string(),
    ];
    assert!(refused.iter().all(|error| error.contains("the node itself")), "{refused:?}");
    wait(second.rpc().net_add(bare(&first))).expect("who is there is not known yet");
    let bans = wait(second.rpc().net_bans()).expect("a running node answers");
    assert_eq!((bans[0].peer_id.as_str(), bans[0].reason.as_str()), (id.as_str(), "by hand"));
    second.stop();
    second.restart();
    let bans = wait(second.rpc().net_bans()).expect("a running node answers");
    assert!(bans[0].remaining_seconds <= 600 && bans[0].peer_id == id, "it outlives a restart: {bans:?}");
    assert!(wait(second.rpc().net_unban(&id)).expect("an id").known);
    second.add(&first);
    until("they meet again", || if peers(&second).is_empty() { Err("not yet".to_owned()) } else { Ok(()) });
    let error = wait(second.rpc().net_ban("nonsense", 5)).expect_err("no id").to_string();
    assert!(error.contains("starling peers"), "{error}");
}

#[test]
fn what_people_decide_about_peers_survives_a_kill() {
    let lab = Lab::new(Pace::Asked, &[]);
    let mut node = lab.node(&[]);
    let id = lab.node(&[]).ready().peer_id.clone();
    let file = node.data_dir().join("peers.dat");
    assert!(!file.exists(), "nothing is known of anybody");
    wait(node.rpc().net_ban(&id, 600)).expect("an id");
    until("it is written", || if file.exists() { Ok(()) } else { Err("not yet".to_owned()) });
    node.kill();
    node.restart();
    let bans = wait(node.rpc().net_bans()).expect("a running node answers");
    assert_eq!(bans.iter().map(|ban| &ban.peer_id).collect::<Vec<_>>(), [&id]);
}

#[test]
fn a_wrong_address_is_told_of_and_corrected() {
    let lab = Lab::new(Pace::Asked, &[]);
    let (first, other) = (lab.node(&[]), lab.node(&[]));
    let stranger = Lab::new(Pace::Asked, &[(&Payer::new(9), "1")]);
    let foreign = stranger.node(&[]);
    let wrong = format!("{}/p2p/{}", bare(&first), other.ready().peer_id);
    let nobody = "/ip4/127.0.0.1/tcp/1";
    let flags = ["--bootstrap", &wrong, "--bootstrap", nobody, "--bootstrap", foreign.address()];
    let node = lab.node(&flags);
    let told = [
        (&*wrong, "correct or remove the /p2p/ part"),
        (nobody, "no connection to this address"),
        (foreign.address(), "another chain"),
    ];
    until("each is told of", || {
        let log = node.log();
        let is_told = |(address, why): &(&str, &str)| {
            log.lines().any(|line| line.contains("WARN") && line.contains(address) && line.contains(why))
        };
        if told.iter().all(is_told) { Ok(()) } else { Err(log) }
    });
    node.add(&first);
    let id = &first.ready().peer_id;
    until("they meet", || if peers(&node).contains(id) { Ok(()) } else { Err("not yet".to_owned()) });
    assert!(wait(node.rpc().net_remove(nobody)).expect("an address").known);
    assert!(!wait(node.rpc().net_remove(nobody)).expect("an address").known, "it was taken back");
}

#[test]
fn a_damaged_file_of_peers_is_put_aside() {
    let alice = Payer::new(1);
    let lab = Lab::new(Pace::Asked, &[(&alice, "1000")]);
    let mut node = lab.seeker(&[]);
    node.stop();
    let file = node.data_dir().join("peers.dat");
    let mut bytes = std::fs::read(&file).expect("it was written at the end");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, &bytes).expect("a file of the test");
    node.restart();
    assert!(node.data_dir().join("peers.dat.damaged").exists());
    assert!(node.is_running());
}
