//! Tests of what outlives a run.

use crate::driver::{NetCommand, NetEvent};
use crate::peers::{Penalty, Slot};
use crate::protocol::SavedError;
use crate::testing::{Bench, peer, status};
use libp2p::Multiaddr;

fn address(n: u8) -> Multiaddr {
    format!("/ip4/10.{n}.0.1/tcp/8644").parse().unwrap()
}

/// A node that knows peers 1 to 20, is connected to ten of them, and has banned another.
fn lived() -> Bench {
    let mut bench = Bench::new();
    for n in 1..=20 {
        bench.event(NetEvent::Discovered { peer: peer(n), addresses: vec![address(n)], by: None });
    }
    while bench.net.peers().len() < 10 {
        bench.commands.clear();
        bench.pass(500);
        let dialled = bench.commands.iter().find_map(|command| match command {
            NetCommand::Dial { peer: Some(peer), addresses, .. } => Some((*peer, addresses[0].clone())),
            _ => None,
        });
        let Some((peer, address)) = dialled else { continue };
        bench.event(NetEvent::Connected { peer, address, outbound: true });
    }
    let outputs = bench.net.penalise(&peer(99), Penalty::Ban, "undecodable", bench.now);
    bench.sort(outputs);
    bench
}

#[test]
fn the_book_bans_and_block_only_peers_outlive_a_run() {
    let before = lived();
    let quiet = before.net.peers().into_iter().filter(|info| info.slot == Slot::BlockOnly);
    let mut quiet: Vec<_> = quiet.map(|info| info.peer_id).collect();
    assert_eq!(quiet.len(), 2);
    let mut after = Bench::new();
    after.net.restore(&before.net.save()).unwrap();
    after.pass(3_000);
    assert!(after.commands.contains(&NetCommand::Ban(peer(99))), "the driver is told of the ban");
    assert_eq!(after.net.bans()[0].reason, "undecodable");
    let mut first: Vec<_> = after
        .commands
        .iter()
        .filter_map(|command| match command {
            NetCommand::Dial { peer, quiet: true, .. } => *peer,
            _ => None,
        })
        .collect();
    first.sort_unstable();
    quiet.sort_unstable();
    assert_eq!(first, quiet);
    let all = after.commands.iter().filter(|command| matches!(command, NetCommand::Dial { .. })).count();
    assert_eq!(all, 10);
}

#[test]
fn a_damaged_file_is_refused_and_changes_nothing() {
    let bytes = lived().net.save();
    let mut bench = Bench::new();
    assert_eq!(bench.net.restore(b"starling mempool"), Err(SavedError::NotPeers));
    assert_eq!(bench.net.restore(&[]), Err(SavedError::NotPeers));
    for at in [20, bytes.len() / 2, bytes.len() - 1] {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1;
        assert_eq!(bench.net.restore(&flipped), Err(SavedError::Checksum), "{at}");
        assert!(bench.net.restore(&bytes[..at]).is_err());
    }
    assert!(bench.net.bans().is_empty());
    bench.meet(1, status(0, 1));
    bench.net.restore(&bytes).unwrap();
}
