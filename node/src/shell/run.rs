//! A whole node from start to end.

mod places;
mod saving;
mod signals;

use super::api::Api;
use super::core_task::{Clock, CoreHandle, CoreTask, NetSide, SUBSCRIPTION_QUEUE};
use super::data_dir::DataDir;
use super::metrics::{Metrics, unix_now};
use super::miner::MinerHandle;
use super::{NodeError, NodeOptions, core_task, dev};
use crate::core::{Core, CoreConfig, PoolEntry, TipEvent};
pub(super) use places::Places;
use places::watch_places;
use saving::PEERS_FILE;
use signals::Stop;
use starling_genesis::Chain;
use starling_ledger::{Ledger, LoadError, Reader};
use starling_network::{
    ConnectionCaps, DriverConfig, MAX_PEERS_BYTES, Multiaddr, NetHandle, PeerOptions, load_or_create_key,
    start as start_network,
};
use starling_primitives::Work;
use starling_rpc::types::{Event, Head, PoolTx};
use starling_rpc::{Server, ServerConfig, ServerHandle, TextServer, create_cookie};
use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::broadcast;

/// Time between two status lines in the log while the node synchronises or mines.
const STATUS_EVERY: Duration = Duration::from_secs(10);
/// Time that a node waits at its start to learn where it listens.
const LISTEN_WITHIN: Duration = Duration::from_secs(5);
/// Files and sockets: the database's, 1,128 of RPC, those of peers, and room.
const OPEN_FILES: u64 = 4_096;
/// Larger files are none of a mempool.
const MAX_POOL_FILE_BYTES: u64 = 512 << 20;
/// What the node calls itself among peers.
const AGENT: &str = concat!("starling/", env!("CARGO_PKG_VERSION"));

/// Runs a node until Ctrl-C, SIGTERM or SIGHUP; a second one, half a second later or more, ends the process
/// at once.
///
/// # Errors
/// [`NodeError`]: why it does not start, or had to stop.
pub async fn run(options: NodeOptions) -> Result<(), NodeError> {
    // A signal that comes before the node is ready ends it cleanly as well.
    let stop = Stop::on_signals().map_err(NodeError::System)?;
    raise_open_files();
    options.storage.budget.choose_pages();
    let dir = DataDir::open(&options.data_dir)?;
    let started = Node::start(&options, &dir).await;
    let failed = started.is_err();
    let result = match started {
        Ok(node) => node.until_stopped(&options, &dir, stop).await,
        Err(error) => Err(error),
    };
    dir.remove("rpc.addr");
    dir.remove("rpc.cookie");
    if failed {
        dir.give_up();
    }
    result
}

/// The parts of a running node.
struct Node {
    core: CoreTask,
    rpc: Option<ServerHandle>,
    metrics: Option<TextServer>,
    miner: MinerHandle,
    net: NetHandle,
    places: Arc<Mutex<Places>>,
}

impl Node {
    async fn start(options: &NodeOptions, dir: &DataDir) -> Result<Self, NodeError> {
        let chain = Arc::new(options.chain.clone());
        let (net, events) = start_network(&driver_config(options, dir)?)?;
        let peers = PeerOptions {
            local: Some(net.local_peer()),
            bootstrap: bootstrap(options)?,
            seeds: options.chain.dns_seeds.clone(),
            only_named: !options.discovery,
            upload_limit: options.upload_limit,
        };
        let clock = Clock::start();
        let budget = options.storage.budget;
        let (ledger, tree) = Ledger::open_with(&dir.file("db"), chain.clone(), &options.storage.ledger())?;
        let reader = ledger.reader();
        let mine_alone = options.mine_alone;
        let config = CoreConfig {
            seed: random_seed()?,
            pool_bytes: budget.pool_bytes(),
            body_bytes: budget.body_bytes(),
            key_bytes: budget.key_bytes(),
            mine_alone,
            sync_blocks: true,
            pipelined: false,
            peers,
        };
        let mut core = Core::new(ledger, tree, config, clock.now());
        restore_peers(&mut core, dir);
        load_pool(&mut core, dir)?;
        let places: Arc<Mutex<Places>> = Arc::default();
        let events = watch_places(events, places.clone());
        let side = NetSide { handle: net.clone(), events };
        let core = core_task::start(core, clock, side).map_err(NodeError::System)?;
        let miner = MinerHandle::new(core.handle.clone(), chain.params.pow, options.dev.as_ref());
        let mut node = Self { core, rpc: None, metrics: None, miner, net, places };
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
        if let Some(address) = options.metrics {
            self.metrics = Some(self.serve_metrics(address).await?);
        }
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
            places: self.places.clone(),
            started: Instant::now(),
            budget: options.storage.budget.bytes(),
            upload_limit: options.upload_limit,
            payout: options.mine.map(|mine| mine.payout).or(options.dev.as_ref().map(|dev| dev.payout)),
        };
        let server = Server::start(config, Arc::new(api)).await?;
        dir.write("rpc.addr", format!("http://{}\n", server.local_addr).as_bytes())?;
        self.rpc = Some(server);
        Ok(())
    }

    async fn serve_metrics(&self, address: SocketAddr) -> Result<TextServer, NodeError> {
        let rpc = self.rpc.as_ref().ok_or(NodeError::Ended("RPC server"))?.counters();
        let (core, net, miner) = (self.core.handle.clone(), self.net.clone(), self.miner.clone());
        let metrics = Metrics { core, net, rpc, miner, started: unix_now(), last: Arc::default() };
        Ok(TextServer::start(address, move || metrics.clone().text()).await?)
    }

    /// Waits until the network has said where it listens, so that the ready line can tell.
    async fn wait_for_addresses(&self, expected: usize) {
        let known = || lock(&self.places).listen.len() >= expected;
        let until = Instant::now() + LISTEN_WITHIN;
        while !known() && Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Tells that the node answers; a node whose stdout nobody reads lives on.
    fn announce_ready(&self, options: &NodeOptions, dir: &DataDir) {
        use std::io::Write;
        let rpc = self.rpc.as_ref().map(|server| format!("http://{}", server.local_addr)).unwrap_or_default();
        let listen: Vec<String> = lock(&self.places).listen.iter().map(Multiaddr::to_string).collect();
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
                "metrics": self.metrics.as_ref().map(TextServer::url),
            })
            .to_string()
        } else {
            let places = (rpc.as_str(), self.metrics.as_ref().map(TextServer::url));
            people_ready(options, places, &listen, &self.net.local_peer().to_string())
        };
        let mut out = std::io::stdout().lock();
        if let Err(error) = writeln!(out, "{text}").and_then(|()| out.flush()) {
            tracing::warn!(%error, "the ready line could not be written");
        }
    }

    async fn until_stopped(
        mut self,
        options: &NodeOptions,
        dir: &DataDir,
        mut stop: Stop,
    ) -> Result<(), NodeError> {
        self.announce_ready(options, dir);
        let core = self.core.handle.clone();
        let upkeep = async {
            tokio::join!(
                saving::keep_saving_pool(&core, dir),
                saving::keep_saving_peers(&core, dir),
                keep_telling(&core, &self.miner)
            );
            // Both end with the core, whose own end says why.
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = stop.asked() => {}
            ended = &mut self.core.ended => return match ended {
                Ok(Err(error)) => Err(error.into()),
                _ => Err(NodeError::Ended("core")),
            },
            () = upkeep => {}
        }
        self.stop(dir).await
    }

    async fn stop(&mut self, dir: &DataDir) -> Result<(), NodeError> {
        self.miner.stop();
        self.metrics = None;
        if let Some(rpc) = self.rpc.take() {
            rpc.stop().await;
        }
        self.core.stop();
        let mut core = (&mut self.core.ended).await.map_err(|_| NodeError::Ended("core"))??;
        dir.write("mempool.dat", &core.pool().encode())?;
        dir.write(PEERS_FILE, &core.net().save())?;
        Ok(core.settle()?)
    }
}

/// Tells in the log how it goes, until the core is gone.
async fn keep_telling(core: &CoreHandle, miner: &MinerHandle) {
    let mut often = tokio::time::interval(STATUS_EVERY);
    often.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        often.tick().await;
        let mining = miner.status();
        let told = core.call(move |core| {
            let tip = core.ledger().tip();
            let (peers, pool) = (core.peer_count(), core.pool().info().count);
            if !core.is_synced() {
                let sync = core.sync_info();
                tracing::info!(
                    stage = ?sync.stage, height = sync.height, headers = sync.header_height,
                    target = sync.target, per_second = sync.rate.round(),
                    eta_seconds = sync.eta.map(|eta| eta.as_secs()), peers, "synchronising"
                );
            } else if mining.threads > 0 {
                let rate = mining.hash_rate.round();
                tracing::info!(height = tip.height, peers, pool, hashes_per_second = rate, "mining");
            }
        });
        if told.await.is_err() {
            return;
        }
    }
}

fn driver_config(options: &NodeOptions, dir: &DataDir) -> Result<DriverConfig, NodeError> {
    Ok(DriverConfig {
        key: load_or_create_key(&dir.file("peer.key"))?,
        chain_id: options.chain.chain_id(),
        agent: AGENT.to_owned(),
        listen: multiaddrs(&options.listen)?,
        public: options.chain.is_public(),
        mdns: options.mdns,
        discovery: options.discovery,
        nat: options.nat && !options.listen.is_empty(),
        connections: ConnectionCaps::default(),
        max_body_bytes: options.chain.params.max_body_bytes,
        upload_limit: options.upload_limit,
        link_delay: options.link_delay,
    })
}

/// Lets the process have as many files and sockets open as the system permits it: many systems begin with
/// 1,024, and clients alone may take as many from the database.
fn raise_open_files() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let resource = Resource::RLIMIT_NOFILE;
    let limits = getrlimit(resource);
    let now = limits.and_then(|(soft, hard)| {
        let wanted = OPEN_FILES.min(hard);
        if soft >= wanted { Ok(soft) } else { setrlimit(resource, wanted, hard).map(|()| wanted) }
    });
    match now {
        Ok(now) if now >= OPEN_FILES => {}
        Ok(now) => {
            tracing::warn!(now, wanted = OPEN_FILES, "few files may be open; raise the limit (ulimit -n)")
        }
        Err(error) => tracing::warn!(%error, "the limit of open files is not known"),
    }
}

fn bootstrap(options: &NodeOptions) -> Result<Vec<Multiaddr>, NodeError> {
    let mut addresses = multiaddrs(&options.bootstrap)?;
    addresses.extend(multiaddrs(&options.chain.bootstrap)?);
    Ok(addresses)
}

fn multiaddrs(texts: &[String]) -> Result<Vec<Multiaddr>, NodeError> {
    texts.iter().map(|text| text.parse().map_err(|_| NodeError::Multiaddr(text.clone()))).collect()
}

/// A number that nobody else knows.
fn random_seed() -> Result<u64, NodeError> {
    let random = getrandom::u64();
    random.map_err(|error| NodeError::System(std::io::Error::other(error.to_string())))
}

/// Takes over what an earlier run knew of peers. Without it the node begins as a new one does, so a damaged
/// file is put aside and not in the way.
fn restore_peers(core: &mut Core, dir: &DataDir) {
    let Some(bytes) = dir.read_whole(PEERS_FILE, MAX_PEERS_BYTES) else { return };
    if let Err(error) = core.restore_peers(&bytes) {
        let aside = dir.put_aside(PEERS_FILE);
        tracing::warn!(%error, ?aside, "what was known of peers is lost; they are looked for anew");
    }
}

fn load_pool(core: &mut Core, dir: &DataDir) -> Result<(), NodeError> {
    if let Some(bytes) = dir.read_whole("mempool.dat", MAX_POOL_FILE_BYTES) {
        match core.load_pool(&bytes) {
            Ok(loaded) => tracing::info!(added = loaded.added, refused = loaded.refused, "mempool loaded"),
            Err(LoadError::File(error)) => tracing::warn!(%error, "the mempool of the last run is lost"),
            Err(LoadError::Read(error)) => return Err(error.into()),
        }
    }
    let taken = core.take_back_left()?;
    if taken > 0 {
        tracing::info!(taken, "transactions of blocks that were disconnected are pending again");
        // As the tip moves on, another start may not find them any more.
        dir.write("mempool.dat", &core.pool().encode())?;
    }
    Ok(())
}

/// Turns changes of the tip into what subscribers see.
fn relay_heads(core: &CoreHandle, chain: Arc<Chain>) -> broadcast::Sender<Event<Head>> {
    let heads = broadcast::channel(SUBSCRIPTION_QUEUE).0;
    let out = heads.clone();
    tokio::spawn(relay(core.news.tips.subscribe(), move |change: Result<Arc<TipEvent>, u64>| {
        // Nobody may be subscribed.
        match change {
            Ok(change) => change.connected.iter().for_each(|(header, work)| {
                drop(out.send(Event::Item(head(header, *work, &chain))));
            }),
            Err(missed) => drop(out.send(Event::Missed { missed })),
        }
    }));
    heads
}

/// Hands on what the core tells, or how much of it was missed, until the core ends.
async fn relay<T: Clone>(mut news: broadcast::Receiver<T>, hand_on: impl Fn(Result<T, u64>)) {
    loop {
        match news.recv().await {
            Ok(item) => hand_on(Ok(item)),
            Err(broadcast::error::RecvError::Lagged(missed)) => hand_on(Err(missed)),
            Err(broadcast::error::RecvError::Closed) => return,
        }
    }
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

fn relay_txs(core: &CoreHandle, chain: Arc<Chain>) -> broadcast::Sender<Event<PoolTx>> {
    let txs = broadcast::channel(SUBSCRIPTION_QUEUE).0;
    let out = txs.clone();
    tokio::spawn(relay(core.news.txs.subscribe(), move |entry: Result<PoolEntry, u64>| {
        let event = entry
            .map_or_else(|missed| Event::Missed { missed }, |entry| Event::Item(pool_tx(&entry, &chain)));
        // Nobody may be subscribed.
        drop(out.send(event));
    }));
    txs
}

fn pool_tx(entry: &PoolEntry, chain: &Chain) -> PoolTx {
    let tx = &entry.tx;
    PoolTx {
        txid: entry.txid,
        wtxid: tx.wtxid(),
        from: tx.sender().to_text(&chain.params.prefix),
        nonce: tx.unsigned().nonce,
        fee: tx.unsigned().fee,
        size: u32::try_from(tx.size()).expect("a transaction has at most 16,384 bytes"),
        time: entry.time,
    }
}

/// The ready line for people: where the node answers, the funded accounts, three things to try.
fn people_ready(
    options: &NodeOptions,
    (rpc, metrics): (&str, Option<String>),
    listen: &[String],
    peer: &str,
) -> String {
    let mut lines =
        vec![format!("starling is ready on chain {}", options.chain.name), format!("  rpc      {rpc}")];
    if !listen.is_empty() {
        lines.push(format!("  peer id  {peer}"));
        lines.extend(listen.iter().map(|address| format!("  listen   {address}")));
    }
    lines.extend(metrics.map(|url| format!("  metrics  {url}")));
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

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
