//! How long a node takes from its start until it answers: this very program as a process of its own.

use super::hardware::peak_bytes;
use super::work::Work;
use crate::failure::{Failure, Outcome};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// Time between two looks at whether somebody asked for the end.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What a start took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Start {
    /// Seconds until RPC answered.
    pub(super) seconds: f64,
    /// The most memory that the node had until then, in bytes.
    pub(super) peak: Option<u64>,
}

/// A node that is killed when it is not waited for.
struct Node(Child);

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a node on a data directory and ends it when it is ready.
///
/// # Errors
/// It does not become ready, or an interruption.
pub(super) fn start(data_dir: &Path, chain: &Path, work: &Work) -> Outcome<Start> {
    let refused = |error: std::io::Error| Failure::failed(format!("the node cannot be started: {error}"));
    let mut command = Command::new(std::env::current_exe().map_err(refused)?);
    // What the environment says is meant for another node.
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("STARLING_")) {
        command.env_remove(name);
    }
    command.arg("run").arg("--chain").arg(chain).arg("--data-dir").arg(data_dir);
    command.args(["--rpc", "127.0.0.1:0", "--listen", "/ip4/127.0.0.1/tcp/0", "--no-mdns"]);
    command.args(["--log-level", "error", "--json"]).stdin(Stdio::null()).stdout(Stdio::piped());
    let started = Instant::now();
    let mut node = Node(command.spawn().map_err(refused)?);
    let out = node.0.stdout.take().ok_or_else(|| Failure::failed("the node has no stdout"))?;
    let (tell, heard) = channel();
    // Nobody listens any more after an interruption.
    std::thread::spawn(move || {
        let _ = tell.send(BufReader::new(out).lines().next().is_some());
    });
    let ready = loop {
        match heard.recv_timeout(LOOK_EVERY) {
            Ok(ready) => break ready,
            Err(RecvTimeoutError::Timeout) => work.go_on()?,
            Err(RecvTimeoutError::Disconnected) => break false,
        }
    };
    let seconds = started.elapsed().as_secs_f64();
    let peak = peak_bytes(&node.0.id().to_string());
    work.go_on()?;
    if !ready {
        return Err(Failure::failed("the node of the benchmark ended before it was ready"));
    }
    let id = i32::try_from(node.0.id()).map_err(Failure::failed)?;
    // It is still a child of ours.
    kill(Pid::from_raw(id), Signal::SIGTERM).map_err(Failure::failed)?;
    let ended = node.0.wait().map_err(refused)?;
    if !ended.success() {
        return Err(Failure::failed(format!("the node of the benchmark did not end well: {ended}")));
    }
    Ok(Start { seconds, peak })
}
