//! Nodes whose log nobody reads, or that cannot be written.

use super::miner;
use nix::sys::signal::Signal;
use starling_rpc::{Client, read_cookie};
use starling_tests::{Desk, Lab, Pace, Running, until, wait};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, PipeReader};
use std::path::PathBuf;
use std::process::Stdio;

/// A node that mines, and its log and its results go where the test says.
struct Unheard {
    lab: Lab,
    desk: Desk,
    data: PathBuf,
}

impl Unheard {
    fn new() -> Self {
        let desk = Desk::new();
        let data = desk.path("data");
        Self { lab: Lab::new(Pace::Mined, &[]), desk, data }
    }

    fn start(&self, stdout: Stdio, stderr: Stdio) -> Running {
        let (chain, data) = (self.lab.file(), self.data.to_string_lossy());
        let payout = miner(&self.lab, 1);
        let args = ["run", "--chain", &chain.to_string_lossy(), "--data-dir", &data, "--mine", "--json"];
        let places = ["--rpc", "127.0.0.1:0", "--listen", "/ip4/127.0.0.1/tcp/0", "--no-mdns"];
        let more = ["--payout", &payout, "--log-level", "debug"];
        let mut command = self.desk.command(&[&args[..], &places, &more].concat());
        Running::start(command.stdout(stdout).stderr(stderr))
    }

    /// RPC, found without the ready line.
    fn client(&self) -> Client {
        let found = |name: &str| fs::read_to_string(self.data.join(name));
        let url = until("the node answers", || found("rpc.addr").map_err(|error| error.to_string()));
        let token = read_cookie(&self.data.join("rpc.cookie")).expect("a running node keeps its token");
        Client::new(url.trim(), Some(&token)).expect("a node's own URL is right")
    }

    /// The node mines on, takes orders, and ends cleanly.
    fn lives_on(&self, mut node: Running) {
        let client = self.client();
        let height = || wait(client.chain_info()).expect("a running node answers").height;
        let begun = height();
        until("the node mines on", || match height() {
            now if now >= begun + 3 => Ok(()),
            now => Err(format!("{begun}, then {now}")),
        });
        assert!(wait(client.mining_info()).expect("a running node answers").blocks_found >= 3);
        node.signal(Signal::SIGTERM);
        assert_eq!(node.ended().code(), Some(0));
        assert!(self.data.join("mempool.dat").exists());
        assert!(!self.data.join("rpc.cookie").exists() && !self.data.join("rpc.addr").exists());
    }
}

/// Reads a line, and then nobody reads any more.
fn first_line(pipe: PipeReader) -> String {
    let mut line = String::new();
    BufReader::new(pipe).read_line(&mut line).expect("it writes text");
    line
}

#[test]
fn a_node_outlives_the_reader_of_its_log() {
    let unheard = Unheard::new();
    let (log, stderr) = io::pipe().expect("the system gives a pipe");
    let node = unheard.start(Stdio::null(), stderr.into());
    assert!(!first_line(log).is_empty());
    unheard.lives_on(node);
}

#[test]
fn a_node_outlives_the_reader_of_all_it_says() {
    let unheard = Unheard::new();
    let (output, stderr) = io::pipe().expect("the system gives a pipe");
    let stdout = stderr.try_clone().expect("the system gives a descriptor");
    // Nobody ever reads, so that the ready line cannot be written.
    drop(output);
    let node = unheard.start(stdout.into(), stderr.into());
    unheard.lives_on(node);
}

#[test]
fn a_node_outlives_a_full_disk_under_its_log() {
    let unheard = Unheard::new();
    let full = || File::options().write(true).open("/dev/full").expect("Linux has it").into();
    let node = unheard.start(full(), full());
    unheard.lives_on(node);
}
