//! Signals: one wish or two, whenever they come, and what they leave.

use super::miner;
use nix::sys::signal::Signal;
use starling_rpc::types::TxStatus;
use starling_tests::{Desk, Lab, Pace, Payer, Running, starling, until, wait};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

/// Whether the processes of this test begin with SIGHUP ignored, as those of `nohup` do: the lowest bit.
fn hangup_is_ignored() -> bool {
    let status = fs::read_to_string("/proc/self/status").expect("Linux has it");
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).expect("Linux has it");
    u64::from_str_radix(mask.trim(), 16).expect("a mask") & 1 == 1
}

#[test]
fn signals_that_come_together_end_a_node_cleanly() {
    let mut alice = Payer::new(1);
    let lab = Lab::new(Pace::Asked, &[(&alice, "1000")]);
    let mut node = lab.node(&[]);
    let payment = node.submit(&alice.pay(lab.chain(), Payer::new(2).address(), "1"));
    let hangup = if hangup_is_ignored() { Signal::SIGTERM } else { Signal::SIGHUP };
    for [first, second] in [[Signal::SIGINT; 2], [Signal::SIGTERM, Signal::SIGINT], [hangup; 2]] {
        node.signal(first);
        let (status, _) = node.end(second);
        assert_eq!(status.code(), Some(0), "{first} and {second}: {status}");
        assert!(!node.data_dir().join("rpc.cookie").exists());
        node.restart();
        let report = wait(node.rpc().tx_get(payment)).expect("a running node answers");
        assert_eq!(report.status, TxStatus::Pending, "{report:?}");
    }
}

#[test]
fn a_signal_before_the_node_is_ready_ends_it_cleanly() {
    let lab = Lab::new(Pace::Asked, &[]);
    let desk = Desk::new();
    let (chain, data) = (lab.file(), desk.text("data"));
    let args = ["run", "--chain", &chain.to_string_lossy(), "--data-dir", &data, "--rpc", "127.0.0.1:0"];
    let mut command = desk.command(&[&args[..], &["--listen", "/ip4/127.0.0.1/tcp/0", "--no-mdns"]].concat());
    let mut node = Running::start(command.stdout(Stdio::null()).stderr(Stdio::null()));
    until("the node has begun", || if desk.path("data/lock").exists() { Ok(()) } else { Err(String::new()) });
    node.signal(Signal::SIGTERM);
    assert_eq!(node.ended().code(), Some(0));
    assert!(!desk.path("data/rpc.cookie").exists());
}

/// `starling dev` whose temporary files are in the desk's `tmp`.
fn dev(desk: &Desk, program: &mut Command) -> (Running, PathBuf) {
    let tmp = desk.path("tmp");
    fs::create_dir_all(&tmp).expect("a folder in a home of our own can be made");
    let known = scratch(&tmp);
    program.env("TMPDIR", &tmp).stdout(Stdio::null()).stderr(Stdio::null());
    let running = Running::start(program);
    let path = until("the chain answers", || {
        let new = scratch(&tmp).into_iter().find(|path| !known.contains(path));
        new.filter(|path| path.join("rpc.addr").exists()).ok_or_else(|| format!("{:?}", scratch(&tmp)))
    });
    (running, path)
}

fn scratch(tmp: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(tmp).expect("a folder of our own can be read");
    entries.map(|entry| entry.expect("an entry can be read").path()).collect()
}

const DEV: [&str; 3] = ["dev", "--rpc", "127.0.0.1:0"];

#[test]
fn a_private_chain_leaves_nothing_and_clears_up_after_one_that_was_killed() {
    let desk = Desk::new();
    let (mut killed, left) = dev(&desk, &mut desk.command(&DEV));
    killed.signal(Signal::SIGKILL);
    killed.ended();
    assert!(left.exists());
    // As if it had happened a minute ago.
    let lock = File::options().write(true).open(left.join("lock")).expect("a lock is a file");
    lock.set_modified(SystemTime::now() - Duration::from_secs(60)).expect("a file of our own");
    drop(lock);
    let (mut running, own) = dev(&desk, &mut desk.command(&DEV));
    assert!(!left.exists() && own.exists());
    let (mut other, others) = dev(&desk, &mut desk.command(&DEV));
    assert!(own.exists() && others.exists());
    for (process, signal) in [(&mut running, Signal::SIGINT), (&mut other, Signal::SIGTERM)] {
        process.signal(signal);
        assert_eq!(process.ended().code(), Some(0));
    }
    assert!(scratch(&desk.path("tmp")).is_empty());
}

#[test]
fn a_node_under_nohup_outlives_its_terminal() {
    let desk = Desk::new();
    let inside = desk.command(&DEV);
    let mut nohup = Command::new("sh");
    nohup.args(["-c", "trap '' HUP; exec \"$0\" \"$@\""]).arg(starling()).args(inside.get_args());
    nohup.current_dir(desk.path("")).env("HOME", desk.path("")).stdin(Stdio::null());
    let (mut node, path) = dev(&desk, &mut nohup);
    node.signal(Signal::SIGHUP);
    let url = fs::read_to_string(path.join("rpc.addr")).expect("a running node says where it is");
    let client = starling_rpc::Client::new(url.trim(), None).expect("a node's own URL is right");
    wait(client.chain_info()).expect("a running node answers");
    node.signal(Signal::SIGTERM);
    assert_eq!(node.ended().code(), Some(0));
}

#[test]
fn a_killed_node_keeps_the_payments_that_it_has_saved_soon() {
    let (mut alice, bob) = (Payer::new(1), Payer::new(2));
    let lab = Lab::new(Pace::Asked, &[(&alice, "1000")]);
    let mut node = lab.node(&[]);
    node.generate(1, &miner(&lab, 1));
    let txs: Vec<_> = (0..5).map(|_| alice.pay(lab.chain(), bob.address(), "1")).collect();
    let begun = Instant::now();
    let payments: Vec<_> = txs.iter().map(|tx| node.submit(tx)).collect();
    let least = u64::try_from(txs.iter().map(|tx| tx.bytes().len()).sum::<usize>()).expect("a few bytes");
    until("the payments are saved", || {
        let saved = fs::metadata(node.data_dir().join("mempool.dat")).map_or(0, |file| file.len());
        if saved >= least { Ok(()) } else { Err(format!("{saved} bytes of {least}")) }
    });
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    node.kill();
    node.restart();
    for payment in payments {
        node.until_pending(payment);
    }
}
