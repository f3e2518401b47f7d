//! A running node.

use crate::command::{in_home, pid};
use crate::wait::{PATIENCE, until, wait};
use nix::sys::signal::{Signal, kill};
use serde::Deserialize;
use starling_primitives::{Address, Amount, BlockId, Prefix, Transaction};
use starling_rpc::types::{Account, ChainInfo, TxReport, TxStatus};
use starling_rpc::{Client, to_hex};
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Bytes of a node's log that a failing test prints.
const SHOWN_LOG_BYTES: usize = 20_000;

/// The ready line.
#[derive(Clone, Debug, Deserialize)]
pub struct Ready {
    /// Always `ready`.
    pub event: String,
    /// Where JSON-RPC is answered.
    pub rpc: String,
    /// The token's file.
    pub cookie: PathBuf,
    /// The node's name among peers.
    pub peer_id: String,
    /// Where it can be dialled.
    pub listen: Vec<String>,
    /// The chain's name.
    pub chain: String,
    /// Where metrics are served, if anywhere.
    pub metrics: Option<String>,
    /// Funded accounts, on a private chain.
    pub accounts: Vec<ReadyAccount>,
}

/// A funded account of the ready line.
#[derive(Clone, Debug, Deserialize)]
pub struct ReadyAccount {
    /// Its address.
    pub address: String,
    /// Its key, a 32-byte seed in hex.
    pub key: String,
}

/// A start that failed.
#[derive(Debug)]
pub struct NotStarted {
    /// The exit code; none when a signal ended it, or it was killed because it did not get ready in time.
    pub code: Option<i32>,
    /// What it wrote to stderr.
    pub said: String,
}

/// A node's process, killed when dropped; a failing test prints its log's end.
pub struct Node {
    child: Child,
    folder: PathBuf,
    args: Vec<String>,
    places: Places,
    ready: Ready,
    rpc: Client,
}

/// Where a node listens. Each has a loopback address of its own, so that nobody takes its ports while it is
/// down, and peers find it again after a restart.
#[derive(Clone, Debug)]
struct Places {
    rpc: String,
    /// A multiaddress, where it listens for peers.
    peers: Option<String>,
    /// Whether it looks for others than those it is told of.
    seeks: bool,
    /// A command that runs it elsewhere: in a namespace.
    within: Vec<String>,
}

impl Places {
    /// Any free ports.
    fn new(for_peers: bool, seeks: bool) -> Self {
        static TAKEN: AtomicU8 = AtomicU8::new(1);
        let [.., middle, low] = std::process::id().to_be_bytes();
        let address = format!("127.{middle}.{low}.{}", TAKEN.fetch_add(1, Ordering::Relaxed).max(1));
        let peers = for_peers.then(|| format!("/ip4/{address}/tcp/0"));
        Self { rpc: format!("{address}:0"), peers, seeks, within: Vec::new() }
    }

    /// The ports that the node has got.
    fn found(&mut self, ready: &Ready) {
        self.rpc = without_scheme(&ready.rpc).to_owned();
        if let (Some(peers), Some(found)) = (&mut self.peers, ready.listen.first()) {
            *peers = found.split("/p2p/").next().unwrap_or(found).to_owned();
        }
    }

    fn flags(&self) -> Vec<&str> {
        let told = if self.seeks { "--no-mdns" } else { "--no-discovery" };
        let peers = self.peers.iter().flat_map(|peers| ["--listen", peers.as_str(), told]);
        ["--rpc", self.rpc.as_str(), "--json"].into_iter().chain(peers).collect()
    }
}

fn without_scheme(url: &str) -> &str {
    url.strip_prefix("http://").unwrap_or(url)
}

impl Node {
    /// `starling run` on any free ports, with these flags more.
    ///
    /// # Panics
    /// When it does not get ready.
    #[must_use]
    pub fn start(chain: &Path, folder: &Path, flags: &[&str]) -> Self {
        Self::attempt(chain, folder, flags).unwrap_or_else(|not| fail(&["run"], &not))
    }

    /// `starling dev` on any free port, with these flags more.
    ///
    /// # Panics
    /// When it does not get ready.
    #[must_use]
    pub fn dev(folder: &Path, flags: &[&str]) -> Self {
        Self::launch(folder, &[&["dev"], flags].concat(), Places::new(false, false))
    }

    /// The same, where it may be that the node does not start.
    ///
    /// # Errors
    /// How it ended.
    pub fn attempt(chain: &Path, folder: &Path, flags: &[&str]) -> Result<Self, NotStarted> {
        let (chain, data) = (chain.to_string_lossy(), folder.join("data"));
        let data = data.to_string_lossy();
        let args = [&["run", "--chain", &chain, "--data-dir", &data], flags].concat();
        Self::try_launch(folder, &args, Places::new(true, false))
    }

    /// The same for a node that looks for peers by itself.
    ///
    /// # Panics
    /// When it does not get ready.
    #[must_use]
    pub fn seek(chain: &Path, folder: &Path, flags: &[&str]) -> Self {
        let (chain, data) = (chain.to_string_lossy(), folder.join("data"));
        let data = data.to_string_lossy();
        let args = [&["run", "--chain", &chain, "--data-dir", &data], flags].concat();
        Self::launch(folder, &args, Places::new(true, true))
    }

    /// The same behind another command and at these places: JSON-RPC's address and port, and a multiaddress
    /// for peers.
    ///
    /// # Panics
    /// When it does not get ready.
    #[must_use]
    pub fn within(
        within: Vec<String>,
        (rpc, peers): (&str, &str),
        chain: &Path,
        folder: &Path,
        flags: &[&str],
    ) -> Self {
        let (chain, data) = (chain.to_string_lossy(), folder.join("data"));
        let data = data.to_string_lossy();
        let args = [&["run", "--chain", &chain, "--data-dir", &data], flags].concat();
        let places = Places { rpc: rpc.to_owned(), peers: Some(peers.to_owned()), seeks: true, within };
        Self::launch(folder, &args, places)
    }

    fn launch(folder: &Path, args: &[&str], places: Places) -> Self {
        Self::try_launch(folder, args, places).unwrap_or_else(|not| fail(args, &not))
    }

    fn try_launch(folder: &Path, args: &[&str], mut places: Places) -> Result<Self, NotStarted> {
        fs::create_dir_all(folder).expect("a temporary folder can be made");
        let args: Vec<String> = args.iter().copied().map(str::to_owned).collect();
        let (child, ready) = spawn(folder, &args, &places)?;
        places.found(&ready);
        let rpc = client(&ready);
        Ok(Self { child, folder: folder.to_owned(), args, places, ready, rpc })
    }

    /// Starts the node anew on its data directory and its ports, after it has ended.
    ///
    /// # Panics
    /// When it runs still, or does not get ready.
    pub fn restart(&mut self) {
        self.try_restart().unwrap_or_else(|not| fail(&["run"], &not));
    }

    /// The same, where it may be that the node does not start.
    ///
    /// # Errors
    /// How it ended.
    ///
    /// # Panics
    /// When it runs still.
    pub fn try_restart(&mut self) -> Result<(), NotStarted> {
        assert!(!self.is_running(), "the node runs still");
        (self.child, self.ready) = spawn(&self.folder, &self.args, &self.places)?;
        self.rpc = client(&self.ready);
        Ok(())
    }

    /// Starts the node anew and kills it so much later, ready or not; says whether it ran still.
    ///
    /// # Panics
    /// When it runs already.
    pub fn start_and_kill(&mut self, after: Duration) -> bool {
        assert!(!self.is_running(), "the node runs still");
        let mut command = command(&self.folder, &self.args, &self.places);
        self.child = command.stdout(Stdio::null()).spawn().expect("the binary starts");
        std::thread::sleep(after);
        let runs = self.is_running();
        drop(self.child.kill());
        self.child.wait().expect("a child of ours can be waited for");
        runs
    }

    /// The process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The flag that makes another node dial this one.
    #[must_use]
    pub fn as_bootstrap(&self) -> [&str; 2] {
        ["--bootstrap", self.address()]
    }

    /// What it said when it was ready.
    #[must_use]
    pub fn ready(&self) -> &Ready {
        &self.ready
    }

    /// A multiaddress at which peers dial it.
    ///
    /// # Panics
    /// When it listens nowhere.
    #[must_use]
    pub fn address(&self) -> &str {
        self.ready.listen.first().expect("it listens")
    }

    /// The TCP port for peers.
    ///
    /// # Panics
    /// When it listens on none.
    #[must_use]
    pub fn peer_port(&self) -> SocketAddr {
        let parts: Vec<_> = self.address().split('/').collect();
        let ["", "ip4", ip, "tcp", port, ..] = parts[..] else { panic!("{} is not TCP", self.address()) };
        format!("{ip}:{port}").parse().expect("an address and a port")
    }

    /// The TCP port of JSON-RPC.
    ///
    /// # Panics
    /// When the ready line names none.
    #[must_use]
    pub fn rpc_port(&self) -> SocketAddr {
        without_scheme(&self.ready.rpc).parse().expect("http://ADDRESS:PORT")
    }

    /// JSON-RPC, with the token.
    #[must_use]
    pub fn rpc(&self) -> &Client {
        &self.rpc
    }

    /// The node's URL, for `--node`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.ready.rpc
    }

    /// The data directory of `starling run`.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// `chain_info`.
    ///
    /// # Panics
    /// When it does not answer.
    #[must_use]
    pub fn info(&self) -> ChainInfo {
        wait(self.rpc.chain_info()).expect("a running node answers")
    }

    /// `account_get`.
    ///
    /// # Panics
    /// When it does not answer.
    #[must_use]
    pub fn account(&self, address: Address) -> Account {
        let prefix = Prefix::new(&self.info().prefix).expect("a node names its prefix");
        wait(self.rpc.account_get(&address.to_text(&prefix))).expect("a running node answers")
    }

    /// An account's balance.
    #[must_use]
    pub fn balance(&self, address: Address) -> Amount {
        self.account(address).balance
    }

    /// Makes blocks now.
    ///
    /// # Panics
    /// When the node refuses.
    pub fn generate(&self, count: u32, payout: &str) -> Vec<BlockId> {
        wait(self.rpc.mining_generate(count, Some(payout))).expect("blocks can be made").blocks
    }

    /// Submits a transaction.
    ///
    /// # Panics
    /// When the node refuses.
    pub fn submit(&self, tx: &Transaction) -> starling_primitives::TxId {
        wait(self.rpc.tx_submit(&to_hex(tx.bytes()))).expect("a right payment").txid
    }

    /// Waits until a transaction is in a block.
    ///
    /// # Panics
    /// When it is not in time.
    pub fn until_mined(&self, txid: starling_primitives::TxId) -> TxReport {
        until("the transaction is mined", || {
            let report = wait(self.rpc.tx_get(txid)).expect("a running node answers");
            if report.status == TxStatus::Mined { Ok(report) } else { Err(format!("{report:?}")) }
        })
    }

    /// Waits until a transaction waits in the pool.
    ///
    /// # Panics
    /// When it does not in time.
    pub fn until_pending(&self, txid: starling_primitives::TxId) {
        until("the transaction is pending", || {
            let report = wait(self.rpc.tx_get(txid)).expect("a running node answers");
            if report.status == TxStatus::Pending { Ok(()) } else { Err(format!("{report:?}")) }
        });
    }

    /// Waits until the tip is at this height or above.
    ///
    /// # Panics
    /// When it is not in time.
    pub fn until_height(&self, height: u32) {
        until(&format!("the tip is at height {height}"), || {
            let info = self.info();
            if info.height >= height { Ok(()) } else { Err(format!("{info:?}")) }
        });
    }

    /// Dials a peer by hand; the connection is not waited for.
    ///
    /// # Panics
    /// When the node refuses.
    pub fn add(&self, peer: &Self) {
        wait(self.rpc.net_add(peer.address())).expect("an address can be added");
    }

    /// Starts the node's own miner on one thread.
    ///
    /// # Panics
    /// When the node refuses.
    pub fn mine(&self, payout: &str) {
        let mining = wait(self.rpc.mining_start(Some(payout), Some(1))).expect("mining can be started");
        assert!(mining.mining, "{mining:?}");
    }

    /// Stops the node's own miner.
    ///
    /// # Panics
    /// When the node refuses.
    pub fn rest(&self) {
        let mining = wait(self.rpc.mining_stop()).expect("mining can be stopped");
        assert!(!mining.mining, "{mining:?}");
    }

    /// Sends a signal.
    ///
    /// # Panics
    /// When there is no process any more.
    pub fn signal(&self, signal: Signal) {
        kill(pid(&self.child), signal).expect("a child of ours, not waited for");
    }

    /// SIGKILL, and waits for the end.
    ///
    /// # Panics
    /// When it has ended before.
    pub fn kill(&mut self) {
        let before = self.child.try_wait().expect("a child of ours can be asked");
        assert!(before.is_none(), "the node had ended by itself: {before:?}");
        self.signal(Signal::SIGKILL);
        self.child.wait().expect("a child of ours can be waited for");
    }

    /// Asks the node to end by a signal, and waits: how it ended, and how long that took.
    ///
    /// # Panics
    /// When it does not end in time.
    pub fn end(&mut self, signal: Signal) -> (ExitStatus, Duration) {
        let asked = Instant::now();
        self.signal(signal);
        (self.ended(), asked.elapsed())
    }

    /// Waits until the node has ended by itself: how it ended.
    ///
    /// # Panics
    /// When it does not in time.
    pub fn ended(&mut self) -> ExitStatus {
        until("the node ends", || match self.child.try_wait() {
            Ok(Some(status)) => Ok(status),
            other => Err(format!("{other:?}")),
        })
    }

    /// Stops the node as a supervisor does.
    ///
    /// # Panics
    /// When it does not end cleanly.
    pub fn stop(&mut self) {
        let (status, _) = self.end(Signal::SIGTERM);
        assert!(status.success(), "{status}");
    }

    /// Whether the process runs.
    ///
    /// # Panics
    /// When the system does not tell.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a child of ours can be asked").is_none()
    }

    /// What it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&log(&self.folder)).into_owned()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
        if std::thread::panicking() {
            eprintln!("{}", shown_log(&self.folder));
        }
    }
}

/// Makes `one` dial `other`, and waits until both see each other.
///
/// # Panics
/// When they do not meet in time.
pub fn connect(one: &Node, other: &Node) {
    one.add(other);
    for (node, peer) in [(one, other), (other, one)] {
        until("two nodes are connected", || {
            let peers = wait(node.rpc.net_peers()).expect("a running node answers");
            let met = peers.iter().any(|known| known.peer_id == peer.ready.peer_id);
            if met { Ok(()) } else { Err(format!("{peers:?}")) }
        });
    }
}

/// Waits until all nodes have the same tip, and gives what the first says of it.
///
/// # Panics
/// When they do not agree in time.
pub fn agree(nodes: &[&Node]) -> ChainInfo {
    until("all nodes agree on the tip", || {
        let infos: Vec<_> = nodes.iter().map(|node| node.info()).collect();
        let [first, others @ ..] = &infos[..] else { return Err("no nodes".to_owned()) };
        if others.iter().all(|other| other.tip == first.tip) {
            return Ok(first.clone());
        }
        Err(infos.iter().map(|info| format!("{} {} {:?}; ", info.height, info.tip, info.stage)).collect())
    })
}

fn client(ready: &Ready) -> Client {
    let token = starling_rpc::read_cookie(&ready.cookie).expect("a running node keeps its token");
    Client::new(&ready.rpc, Some(&token)).expect("a node's own URL is right")
}

fn command(folder: &Path, args: &[String], places: &Places) -> Command {
    let args: Vec<&str> = args.iter().map(String::as_str).chain(places.flags()).collect();
    let log = File::options().create(true).append(true).open(folder.join("log"));
    let mut command = in_home(folder, &args);
    if let [program, rest @ ..] = &places.within[..] {
        let mut outer = Command::new(program);
        outer.args(rest).arg(command.get_program()).args(command.get_args()).stdin(Stdio::null());
        outer.current_dir(folder);
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => outer.env(name, value),
                None => outer.env_remove(name),
            };
        }
        command = outer;
    }
    command.stderr(log.expect("a temporary file can be written"));
    command
}

fn spawn(folder: &Path, args: &[String], places: &Places) -> Result<(Child, Ready), NotStarted> {
    let mut command = command(folder, args, places);
    let before = log(folder).len();
    let mut child = command.stdout(Stdio::piped()).spawn().expect("the binary starts");
    let lines = first_line(child.stdout.take().expect("it was piped"));
    let first = lines.recv_timeout(PATIENCE);
    if let Some(ready) = first.as_ref().ok().and_then(|line| serde_json::from_str(line).ok()) {
        return Ok((child, ready));
    }
    // One that has closed its stdout is ending by itself.
    if first != Err(mpsc::RecvTimeoutError::Disconnected) {
        drop(child.kill());
    }
    let status = child.wait().expect("a child of ours can be waited for");
    let said = String::from_utf8_lossy(log(folder).get(before..).unwrap_or_default()).into_owned();
    Err(NotStarted { code: status.code(), said })
}

fn fail(args: &[&str], not: &NotStarted) -> ! {
    let end = not.said.len().saturating_sub(SHOWN_LOG_BYTES);
    let said = not.said.get(end..).unwrap_or(&not.said);
    panic!("`starling {}` did not get ready: {:?}\n{said}", args.join(" "), not.code)
}

fn log(folder: &Path) -> Vec<u8> {
    fs::read(folder.join("log")).unwrap_or_default()
}

/// Reads stdout for as long as it is open, and hands out its first line.
fn first_line(stdout: ChildStdout) -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            // Nobody waits for the lines after the first.
            drop(sender.send(line));
        }
    });
    lines
}

fn shown_log(folder: &Path) -> String {
    let bytes = log(folder);
    let end = &bytes[bytes.len().saturating_sub(SHOWN_LOG_BYTES)..];
    format!("--- the end of {}/log:\n{}", folder.display(), String::from_utf8_lossy(end))
}
