//! A whole node from start to end.

use super::api::Api;
use super::core_task::{Clock, CoreHandle, CoreTask, NetSide, SUBSCRIPTION_QUEUE};
use super::data_dir::DataDir;
use super::miner::MinerHandle;
use super::{NodeError, NodeOptions, core_task, dev};
use crate::core::{Core, CoreConfig};
use starling_genesis::Chain;
use starling_ledger::{Ledger, LoadError, Reader};
use starling_network::{
    ConnectionCaps, DriverConfig, Multiaddr, NetEvent, NetHandle, load_or_create_key, start as start_network,
};
use starling_primitives::Work;
use starling_rpc::types::{Head, PoolTx};
use starling_rpc::{Server, ServerConfig, ServerHandle, create_cookie};
use std::num::NonZeroU16;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{broadcast, mpsc};

/// Bytes that the mempool may use.
const POOL_BYTES: usize = 128 << 20;
/// Time between two writes of the mempool's file.
const SAVE_POOL_EVERY: Duration = Duration::from_secs(60);
/// Time between two status lines in the log while the node synchronises or mines.
const STATUS_EVERY: Duration = Duration::from_secs(10);
/// Time that a node waits at its start to learn where it listens.
const LISTEN_WITHIN: Duration = Duration::from_secs(5);
/// What the node calls itself among peers.
const AGENT: &str = concat!("starling/", env!("CARGO_PKG_VERSION"));

/// Runs a node until Ctrl-C or SIGTERM; a second one ends the process at once.
///
/// # Errors
/// [`NodeError`]: why it does not start, or had to stop.
pub async fn run(options: NodeOptions) -> Result<(), NodeError> {
    let dir = DataDir::open(&options.data_dir)?;
    let mut node = Node::start(&options, &dir).await?;
    // Whoever reads the ready line may stop the node at once, and it ends cleanly.
    let signals = Signals::new().map_err(NodeError::System)?;
    node.announce_ready(&options, &dir)?;
    let result = node.until_stopped(&dir, signals).await;
    dir.remove("rpc.addr");
    dir.remove("rpc.cookie");
    result
}

/// The parts of a running node.
struct Node {
    core: CoreTask,
    rpc: Option<ServerHandle>,
    miner: MinerHandle,
    net: NetHandle,
    listen: Arc<Mutex<Vec<Multiaddr>>>,
}

impl Node {
    async fn start(options: &NodeOptions, dir: &DataDir) -> Result<Self, NodeError> {
        let chain = Arc::new(options.chain.clone());
        let (net, events) = start_network(&driver_config(options, dir)?)?;
        let clock = Clock::start();
        let (ledger, tree) = Ledger::open(&dir.file("db"), chain.clone())?;
        let reader = ledger.reader();
        let config = CoreConfig { seed: seed(&net), pool_bytes: POOL_BYTES, mine_alone: options.mine_alone };
        let mut core = Core::new(ledger, tree, config, clock.now());
        load_pool(&mut core, dir)?;
        let listen: Arc<Mutex<Vec<Multiaddr>>> = Arc::default();
        let events = watch_listening(events, listen.clone());
        let side = NetSide { handle: net.clone(), events };
        let core = core_task::start(core, clock, side).map_err(NodeError::System)?;
        let miner = MinerHandle::new(core.handle.clone(), chain.params.pow);
        let mut node = Self { core, rpc: None, miner, net, listen };
        if let Err(error) = node.open_doors(options, dir, reader).await {
            // The database must be closed before whoever asked may remove the directory.
            node.core.stop();
            drop((&mut node.core.ended).await);
            return Err(error);
        }
        if let Some(dev) = &options.dev {
            let core = node.core.handle.clone();
            tokio::spawn(dev::mine(core, chain.params.pow, dev.payout, dev.block_time));
        }
        node.wait_for_addresses(options.listen.len()).await;
        Ok(node)
    }

    /// Starts what others can use: RPC, and the miner.
    async fn open_doors(
        &mut self,
        options: &NodeOptions,
        dir: &DataDir,
        reader: Reader,
    ) -> Result<(), NodeError> {
        self.serve(options, dir, reader).await?;
        if let Some(mine) = options.mine {
            let threads = NonZeroU16::new(mine.threads).unwrap_or(NonZeroU16::MIN);
            self.miner.start(mine.payout, threads).map_err(NodeError::System)?;
        }
        Ok(())
    }

    async fn serve(&mut self, options: &NodeOptions, dir: &DataDir, reader: Reader) -> Result<(), NodeError> {
        let mut random = [0; 32];
        getrandom::fill(&mut random)
            .map_err(|error| NodeError::System(std::io::Error::other(error.to_string())))?;
        let cookie = dir.file("rpc.cookie");
        let token = create_cookie(&cookie, random).map_err(|error| NodeError::DataDir {
            path: cookie.clone(),
            error: std::io::Error::other(error.to_string()),
        })?;
        let mut config = ServerConfig::new(options.rpc, options.chain.params.prefix.clone());
        config.token = Some(token);
        config.cookie = Some(cookie);
        config.allowed_hosts.clone_from(&options.rpc_hosts);
        config.allowed_origins.clone_from(&options.rpc_origins);
        let core = self.core.handle.clone();
        let api = Api {
            heads: relay_heads(&core, reader.chain().clone()),
            txs: relay_txs(&core, reader.chain().clone()),
            reader,
            core,
            net: self.net.clone(),
            miner: self.miner.clone(),
            listen: self.listen.clone(),
            started: Instant::now(),
            payout: options.mine.map(|mine| mine.payout).or(options.dev.as_ref().map(|dev| dev.payout)),
        };
        let server = Server::start(config, Arc::new(api)).await?;
        dir.write("rpc.addr", format!("http://{}\n", server.local_addr).as_bytes())?;
        self.rpc = Some(server);
        Ok(())
    }

    /// Waits until the network has said where it listens, so that the ready line can tell.
    async fn wait_for_addresses(&self, expected: usize) {
        let known = || lock(&self.listen).len() >= expected;
        let until = Instant::now() + LISTEN_WITHIN;
        while !known() && Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn announce_ready(&self, options: &NodeOptions, dir: &DataDir) -> Result<(), NodeError> {
        use std::io::Write;
        let rpc = self.rpc.as_ref().map(|server| format!("http://{}", server.local_addr)).unwrap_or_default();
        let listen: Vec<String> = lock(&self.listen).iter().map(Multiaddr::to_string).collect();
        let cookie = dir.file("rpc.cookie").display().to_string();
        let accounts = options.dev.as_ref().map(|dev| dev.accounts.as_slice()).unwrap_or_default();
        let text = if options.json {
            let accounts: Vec<_> = accounts
                .iter()
                .map(|(address, key)| serde_json::json!({"address": address, "key": key}))
                .collect();
            serde_json::json!({
                "event": "ready", "rpc": rpc, "cookie": cookie, "peer_id": self.net.local_peer().to_string(),
                "listen": listen, "chain": options.chain.name, "accounts": accounts,
            })
            .to_string()
        } else {
            people_ready(options, &rpc, &listen, &self.net.local_peer().to_string())
        };
        let mut out = std::io::stdout().lock();
        writeln!(out, "{text}").and_then(|()| out.flush()).map_err(NodeError::Stream)
    }

    async fn until_stopped(&mut self, dir: &DataDir, mut signals: Signals) -> Result<(), NodeError> {
        let mut save =
            tokio::time::interval_at(tokio::time::Instant::now() + SAVE_POOL_EVERY, SAVE_POOL_EVERY);
        let mut status = tokio::time::interval(STATUS_EVERY);
        loop {
            tokio::select! {
                () = signals.next() => break,
                ended = &mut self.core.ended => return match ended {
                    Ok(Err(error)) => Err(error.into()),
                    _ => Err(NodeError::Ended("core")),
                },
                _ = save.tick() => self.save_pool(dir).await,
                _ = status.tick() => self.log_status().await,
            }
        }
        tracing::info!("stopping");
        tokio::spawn(async move {
            signals.next().await;
            std::process::exit(130);
        });
        self.stop(dir).await
    }

    async fn stop(&mut self, dir: &DataDir) -> Result<(), NodeError> {
        self.miner.stop();
        if let Some(rpc) = self.rpc.take() {
            rpc.stop().await;
        }
        self.core.stop();
        let core = (&mut self.core.ended).await.map_err(|_| NodeError::Ended("core"))??;
        dir.write("mempool.dat", &core.pool().encode())?;
        core.ledger().store().flush()?;
        Ok(())
    }

    async fn save_pool(&self, dir: &DataDir) {
        let Ok(snapshot) = self.core.handle.call(|core| core.pool().snapshot()).await else { return };
        let bytes = tokio::task::spawn_blocking(move || snapshot.encode()).await;
        if let Ok(bytes) = bytes
            && let Err(error) = dir.write("mempool.dat", &bytes)
        {
            tracing::warn!(%error, "the mempool could not be saved; it will be tried again");
        }
    }

    async fn log_status(&self) {
        let mining = self.miner.status();
        let line = self.core.handle.call(move |core| {
            let (tip, target) = (core.ledger().tip(), core.target_height());
            let (peers, pool) = (core.peer_count(), core.pool().info().count);
            if !core.is_synced() {
                tracing::info!(height = tip.height, target, peers, "synchronising");
            } else if mining.threads > 0 {
                let rate = mining.hash_rate.round();
                tracing::info!(height = tip.height, peers, pool, hashes_per_second = rate, "mining");
            }
        });
        // When the core is gone, the loop above ends by itself.
        drop(line.await);
    }
}

fn driver_config(options: &NodeOptions, dir: &DataDir) -> Result<DriverConfig, NodeError> {
    let parse = |texts: &[String]| -> Result<Vec<Multiaddr>, NodeError> {
        texts.iter().map(|text| text.parse().map_err(|_| NodeError::Multiaddr(text.clone()))).collect()
    };
    let mut bootstrap = parse(&options.bootstrap)?;
    bootstrap.extend(parse(&options.chain.bootstrap)?);
    Ok(DriverConfig {
        key: load_or_create_key(&dir.file("peer.key"))?,
        chain_id: options.chain.chain_id(),
        agent: AGENT.to_owned(),
        listen: parse(&options.listen)?,
        bootstrap,
        mdns: options.mdns,
        connections: ConnectionCaps::default(),
        max_body_bytes: options.chain.params.max_body_bytes,
    })
}

/// A number that differs from node to node.
fn seed(net: &NetHandle) -> u64 {
    let hash = starling_primitives::sha256(&net.local_peer().to_bytes());
    u64::from_le_bytes(*hash.first_chunk().expect("8 of 32 bytes"))
}

fn load_pool(core: &mut Core, dir: &DataDir) -> Result<(), NodeError> {
    let Some(bytes) = dir.read_pool() else { return Ok(()) };
    match core.load_pool(&bytes) {
        Ok(loaded) => tracing::info!(added = loaded.added, refused = loaded.refused, "mempool loaded"),
        Err(LoadError::File(error)) => tracing::warn!(%error, "the mempool of the last run is lost"),
        Err(LoadError::Read(error)) => return Err(error.into()),
    }
    Ok(())
}

/// Notes where the network listens, and passes every event on.
fn watch_listening(
    mut events: mpsc::Receiver<NetEvent>,
    listen: Arc<Mutex<Vec<Multiaddr>>>,
) -> mpsc::Receiver<NetEvent> {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        while let Some(event) = events.recv().await {
            if let NetEvent::Listening(address) = &event {
                lock(&listen).push(address.clone());
            }
            if sender.send(event).await.is_err() {
                break;
            }
        }
    });
    receiver
}

/// Turns changes of the tip into what subscribers see.
fn relay_heads(core: &CoreHandle, chain: Arc<Chain>) -> broadcast::Sender<Head> {
    let heads = broadcast::channel(SUBSCRIPTION_QUEUE).0;
    let (mut tips, out) = (core.news.tips.subscribe(), heads.clone());
    tokio::spawn(async move {
        loop {
            let change = match tips.recv().await {
                Ok(change) => change,
                Err(broadcast::error::RecvError::Lagged(_)) => continue,
                Err(broadcast::error::RecvError::Closed) => return,
            };
            for (header, work) in &change.connected {
                // Nobody may be subscribed.
                drop(out.send(head(header, *work, &chain)));
            }
        }
    });
    heads
}

fn head(header: &starling_primitives::Header, work: Work, chain: &Chain) -> Head {
    let content = header.content();
    Head {
        id: header.id(),
        height: header.height(),
        parent: header.parent(),
        time: header.work().time,
        bits: header.work().bits,
        work,
        miner: content.miner.to_text(&chain.params.prefix),
        tx_count: content.tx_count,
        body_bytes: content.body_bytes,
    }
}

fn relay_txs(core: &CoreHandle, chain: Arc<Chain>) -> broadcast::Sender<PoolTx> {
    let txs = broadcast::channel(SUBSCRIPTION_QUEUE).0;
    let (mut entries, out) = (core.news.txs.subscribe(), txs.clone());
    tokio::spawn(async move {
        loop {
            let entry = match entries.recv().await {
                Ok(entry) => entry,
                Err(broadcast::error::RecvError::Lagged(_)) => continue,
                Err(broadcast::error::RecvError::Closed) => return,
            };
            let tx = &entry.tx;
            // Nobody may be subscribed.
            drop(out.send(PoolTx {
                txid: entry.txid,
                wtxid: tx.wtxid(),
                from: tx.sender().to_text(&chain.params.prefix),
                nonce: tx.unsigned().nonce,
                fee: tx.unsigned().fee,
                size: u32::try_from(tx.size()).expect("a transaction has at most 16,384 bytes"),
                time: entry.time,
            }));
        }
    });
    txs
}

/// The ready line for people: where the node answers, the funded accounts, three things to try.
fn people_ready(options: &NodeOptions, rpc: &str, listen: &[String], peer: &str) -> String {
    let mut lines =
        vec![format!("starling is ready on chain {}", options.chain.name), format!("  rpc      {rpc}")];
    if !listen.is_empty() {
        lines.push(format!("  peer id  {peer}"));
        lines.extend(listen.iter().map(|address| format!("  listen   {address}")));
    }
    let Some(dev) = &options.dev else { return lines.join("\n") };
    lines.push("\naccounts (their keys are known to everybody: for play alone)".to_owned());
    for (index, (address, key)) in dev.accounts.iter().enumerate() {
        lines.push(format!("  dev{index}  {address}\n        key {key}"));
    }
    let node = if rpc == "http://127.0.0.1:8645" { String::new() } else { format!(" --node {rpc}") };
    let to = dev.accounts.get(1).map_or("ADDRESS", |(address, _)| address);
    lines.push("\ntry, in another terminal:".to_owned());
    let program = std::env::args().next().unwrap_or_else(|| "starling".to_owned());
    lines.push(format!("  {program} send --from dev0 --to {to} --amount 1.5 --yes --wait 1{node}"));
    lines.push(format!("  {program} balance {to}{node}"));
    lines.push(format!("  {program} block tip{node}"));
    lines.join("\n")
}

/// Ctrl-C and SIGTERM.
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
