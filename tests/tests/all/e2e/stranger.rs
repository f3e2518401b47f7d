//! A stock libp2p peer of another language (`tests/peers/js`): it joins, hears of blocks, publishes a
//! payment, and is let go when it says nonsense.

use super::miner;
use serde_json::Value;
use starling_rpc::to_hex;
use starling_tests::{Lab, Node, Pace, Payer, until, wait};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

/// The peer's folder, or none, with the reason told, where its libraries are not installed.
fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/js");
    if folder.join("node_modules").exists() {
        return Some(folder);
    }
    // Not by a macro, whose output a test that passes keeps to itself.
    let told = writeln!(std::io::stderr(), "skipped, for js-libp2p is not installed: make peers");
    told.expect("somebody listens");
    None
}

/// The peer's process.
struct Stranger {
    child: Child,
    said: Receiver<Value>,
    heard: Vec<Value>,
}

impl Stranger {
    fn meet(folder: &Path, node: &Node, chain_id: u32) -> Self {
        let mut command = Command::new("node");
        command.arg("peer.mjs").arg(node.address()).arg(format!("{chain_id:08x}")).current_dir(folder);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("Node.js is installed");
        let (tell, said) = channel();
        let out = BufReader::new(child.stdout.take().expect("it is piped"));
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                let event = serde_json::from_str(&line).expect("a line is JSON");
                if tell.send(event).is_err() {
                    return;
                }
            }
        });
        let mut stranger = Self { child, said, heard: Vec::new() };
        stranger.until("connected");
        stranger
    }

    /// Waits until it says this.
    fn until(&mut self, event: &str) -> Value {
        until(&format!("the stranger says {event}"), || {
            self.heard.extend(self.said.try_iter());
            let found = self.heard.iter().find(|said| said["event"] == event).cloned();
            found.ok_or_else(|| format!("{:?}", self.heard))
        })
    }

    fn publish(&mut self, hex: &str) {
        let stdin = self.child.stdin.as_mut().expect("it is piped");
        writeln!(stdin, "{hex}").expect("it reads");
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn peers(node: &Node) -> usize {
    wait(node.rpc().net_peers()).expect("a running node answers").len()
}

#[test]
fn a_stock_peer_of_another_language_hears_of_blocks_and_pays() {
    let Some(folder) = folder() else { return };
    let mut alice = Payer::new(1);
    let lab = Lab::new(Pace::Asked, &[(&alice, "1000")]);
    let node = lab.node(&[]);
    let mut stranger = Stranger::meet(&folder, &node, lab.chain().chain_id());
    until("the node keeps the stranger", || {
        let known = wait(node.rpc().net_peers()).expect("a running node answers");
        if known.iter().any(|peer| peer.agent.contains("js-libp2p")) {
            Ok(())
        } else {
            Err(format!("{known:?}"))
        }
    });
    // Gossip begins when each knows what the other listens to: blocks come until one is heard.
    let heard = until("the stranger hears of a block", || {
        let [id] = node.generate(1, &miner(&lab, 1))[..] else { panic!("one block was asked for") };
        stranger.heard.extend(stranger.said.try_iter());
        let heard = stranger.heard.iter().find(|said| said["event"] == "heard").cloned();
        heard.ok_or_else(|| format!("{id}: {:?}", stranger.heard))
    });
    assert_eq!(heard["topic"], format!("/starling/{:08x}/block/1", lab.chain().chain_id()));

    let payment = alice.pay(lab.chain(), Payer::new(2).address(), "1");
    stranger.publish(&to_hex(payment.bytes()));
    let published = stranger.until("published");
    assert_eq!(published["recipients"], 1, "{published}");
    node.until_pending(payment.txid(&lab.chain().genesis_id()));
    node.generate(1, &miner(&lab, 1));
    node.until_mined(payment.txid(&lab.chain().genesis_id()));
    // Nonsense costs it its place.
    stranger.publish("00");
    until("the node lets the stranger go", || {
        let left = peers(&node);
        if left == 0 { Ok(()) } else { Err(format!("{left} peers")) }
    });
    stranger.until("disconnected");
    assert!(node.log().contains("undecodable transaction"), "{}", node.log());
}
