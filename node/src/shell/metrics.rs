//! Metrics on a port of their own, as Prometheus and others collect them. `docs/metrics.md` names all of
//! them; a test holds it against what is served.

use super::core_task::CoreHandle;
use super::miner::MinerHandle;
use crate::core::{Core, SyncState};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use starling_ledger::LedgerMemory;
use starling_network::{Flow, NetHandle, Protocol, Topic, VERDICTS_WITHIN};
use starling_rpc::ServerCounters;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::Mutex;

/// Where the numbers come from.
#[derive(Clone)]
pub(super) struct Metrics {
    pub(super) core: CoreHandle,
    pub(super) net: NetHandle,
    pub(super) rpc: ServerCounters,
    pub(super) miner: MinerHandle,
    /// Unix seconds.
    pub(super) started: f64,
    pub(super) last: Arc<Mutex<Last>>,
}

/// What was told last, and when: whoever asks again at once gets the same, without a call to the core.
pub(super) type Last = Option<(Instant, String)>;

/// How long that holds.
const FRESH: Duration = Duration::from_secs(1);

/// Unix seconds now.
pub(super) fn unix_now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// Labels of one value.
type Labels = Vec<(&'static str, String)>;

/// A metric with all its values.
#[derive(Debug)]
struct Family {
    name: &'static str,
    help: &'static str,
    kind: MetricType,
    values: Vec<(Labels, f64)>,
}

/// The numbers of one moment.
#[derive(Debug, Default)]
struct Sheet(Vec<Family>);

impl Sheet {
    fn add(&mut self, name: &'static str, help: &'static str, kind: MetricType, values: Vec<(Labels, f64)>) {
        self.0.push(Family { name, help, kind, values });
    }

    /// What goes up and down.
    fn gauge(&mut self, name: &'static str, help: &'static str, value: f64) {
        self.add(name, help, MetricType::Gauge, vec![(Vec::new(), value)]);
    }

    /// The same, in parts.
    fn gauges(&mut self, name: &'static str, help: &'static str, label: &'static str, parts: &[(&str, f64)]) {
        let values = parts.iter().map(|(part, value)| (vec![(label, (*part).to_owned())], *value));
        self.add(name, help, MetricType::Gauge, values.collect());
    }

    /// What only grows, until a restart.
    fn counter(&mut self, name: &'static str, help: &'static str, value: f64) {
        self.add(name, help, MetricType::Counter, vec![(Vec::new(), value)]);
    }
}

fn encode(kind: MetricType, value: f64, to: MetricEncoder<'_>) -> fmt::Result {
    match kind {
        MetricType::Counter => ConstCounter::new(value).encode(to),
        _ => ConstGauge::new(value).encode(to),
    }
}

impl Collector for Sheet {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for Family { name, help, kind, values } in &self.0 {
            let mut family = encoder.encode_descriptor(name, help, None, *kind)?;
            if let [(labels, value)] = values.as_slice()
                && labels.is_empty()
            {
                encode(*kind, *value, family)?;
                continue;
            }
            for (labels, value) in values {
                encode(*kind, *value, family.encode_family(labels)?)?;
            }
        }
        Ok(())
    }
}

impl Metrics {
    /// All of them, as text; none when the core is gone.
    pub(super) async fn text(self) -> Option<String> {
        let mut last = self.last.lock().await;
        if let Some((_, text)) = last.as_ref().filter(|(at, _)| at.elapsed() < FRESH) {
            return Some(text.clone());
        }
        let text = self.gather().await?;
        *last = Some((Instant::now(), text.clone()));
        Some(text)
    }

    async fn gather(&self) -> Option<String> {
        let mut sheet = self.core.call(of_core).await.ok()?;
        self.of_network(&mut sheet);
        self.of_rpc(&mut sheet);
        self.of_process(&mut sheet);
        let mut registry = Registry::with_prefix("starling");
        registry.register_collector(Box::new(sheet));
        let mut out = String::new();
        let written = text::encode_registry(&mut out, &registry)
            .and_then(|()| self.net.write_metrics(&mut out))
            .and_then(|()| text::encode_eof(&mut out));
        written.is_ok().then_some(out)
    }

    fn of_network(&self, sheet: &mut Sheet) {
        let traffic = self.net.traffic();
        let protocols = Protocol::ALL.map(|protocol| (short(&protocol.name(0)), traffic.protocol(protocol)));
        let topics = Topic::ALL.map(|topic| (short(&topic.name(0)), traffic.topic(topic)));
        let flows: Vec<(String, Flow)> = topics.into_iter().chain(protocols).collect();
        let both = |of: fn(&Flow) -> (u64, u64)| -> Vec<(Labels, f64)> {
            let values = flows.iter().flat_map(|(name, flow)| {
                let (received, sent) = of(flow);
                [("in", received), ("out", sent)].map(|(direction, value)| {
                    let labels = vec![("protocol", name.clone()), ("direction", direction.to_owned())];
                    (labels, float(value))
                })
            });
            values.collect()
        };
        let bytes = both(|flow| (flow.bytes_in, flow.bytes_out));
        let help = "Bytes of messages by protocol, without framing";
        sheet.add("network_bytes", help, MetricType::Counter, bytes);
        let help = "Bytes sent to peers in all, with what was passed on for others";
        sheet.counter("network_sent_bytes", help, float(traffic.sent_in_all()));
        let messages = both(|flow| (flow.messages_in, flow.messages_out));
        sheet.add("network_messages", "Messages by protocol", MetricType::Counter, messages);
        let bounds = VERDICTS_WITHIN.map(|within| within.as_secs_f64().to_string());
        let bounds: Vec<String> = bounds.into_iter().chain(["more".to_owned()]).collect();
        let verdicts = |connecting: bool| {
            let labels = move |within| vec![("connecting", connecting.to_string()), ("within", within)];
            let counts = bounds.clone().into_iter().zip(traffic.verdicts(connecting));
            counts.map(move |(within, count)| (labels(within), float(count)))
        };
        let verdicts = verdicts(false).chain(verdicts(true)).collect();
        let help = "Verdicts on gossip messages by the seconds they took";
        sheet.add("network_verdicts", help, MetricType::Counter, verdicts);
    }

    fn of_rpc(&self, sheet: &mut Sheet) {
        let counts: Vec<_> = self.rpc.methods().into_iter().filter(|count| count.calls > 0).collect();
        let labels = |method: &str| vec![("method", method.to_owned())];
        let calls = counts.iter().map(|count| (labels(count.method), float(count.calls))).collect();
        sheet.add("rpc_calls", "JSON-RPC calls by method", MetricType::Counter, calls);
        let errors = counts.iter().map(|count| (labels(count.method), float(count.errors))).collect();
        let help = "JSON-RPC calls that were answered with an error";
        sheet.add("rpc_errors", help, MetricType::Counter, errors);
        sheet.gauge("rpc_connections", "Open connections of JSON-RPC", float_of(self.rpc.connections()));
    }

    fn of_process(&self, sheet: &mut Sheet) {
        let mining = self.miner.status();
        sheet.gauge("mining_threads", "Threads that mine", f64::from(mining.threads));
        sheet.gauge("mining_hashes_per_second", "Hashes that they try", mining.hash_rate);
        if let Some(bytes) = resident_bytes() {
            sheet.gauge("process_resident_bytes", "Memory that the process has", float(bytes));
        }
        sheet.gauge("process_start_seconds", "When the process started, in Unix seconds", self.started);
        let version = vec![(vec![("version", env!("CARGO_PKG_VERSION").to_owned())], 1.0)];
        sheet.add("build", "Which starling this is", MetricType::Gauge, version);
    }
}

/// What the core knows.
fn of_core(core: &mut Core) -> Sheet {
    let mut sheet = Sheet::default();
    let (tip, synced) = (core.ledger().tip(), core.sync_state() == SyncState::Synced);
    let (connected, disconnected) = core.moved();
    sheet.gauge("chain_height", "Height of the connected tip", f64::from(tip.height));
    let best = f64::from(core.tree().best().height);
    sheet.gauge("chain_headers_height", "Height of the best header", best);
    let target = f64::from(core.target_height());
    sheet.gauge("chain_target_height", "Height that the node is on its way to", target);
    sheet.gauge("chain_synced", "1 when nothing is known that is not connected", f64::from(u8::from(synced)));
    let age = float(core.tip_age());
    sheet.gauge("chain_tip_age_seconds", "Time since the tip was connected", age);
    sheet.counter("chain_connected_blocks", "Blocks connected since the start", float(connected));
    let help = "Blocks taken back by reorganisations since the start";
    sheet.counter("chain_disconnected_blocks", help, float(disconnected));
    let help = "Warnings that `starling status` shows, as of a branch that was refused for its depth";
    sheet.gauge("chain_warnings", help, float_of(core.warnings().len()));
    of_pool(core, &mut sheet);
    of_peers(core, &mut sheet);
    of_ledger(core, &mut sheet);
    sheet
}

fn of_pool(core: &Core, sheet: &mut Sheet) {
    let pool = core.pool().info();
    let parts = [("executable", float_of(pool.executable)), ("waiting", float_of(pool.waiting))];
    sheet.gauges("mempool_transactions", "Pending transactions", "state", &parts);
    sheet.gauge("mempool_bytes", "Memory that the mempool uses", float_of(pool.bytes));
    sheet.gauge("mempool_max_bytes", "Memory that it may use", float_of(pool.max_bytes));
    let floor = float(pool.floor);
    sheet.gauge("mempool_floor", "Motes per byte that a new transaction must pay", floor);
}

fn of_peers(core: &Core, sheet: &mut Sheet) {
    let (peers, bans) = (core.net().peers(), core.net().bans().len());
    let outbound = peers.iter().filter(|peer| peer.outbound).count();
    let parts = [("inbound", float_of(peers.len() - outbound)), ("outbound", float_of(outbound))];
    sheet.gauges("peers", "Connected peers", "direction", &parts);
    let (new, tried) = core.net().known();
    let parts = [("new", float_of(new)), ("tried", float_of(tried))];
    sheet.gauges("peers_known", "Peers in the book of addresses", "table", &parts);
    sheet.gauge("peers_banned", "Peers that are banned", float_of(bans));
    let progress = core.net().sync_progress();
    let help = "Bodies that are wanted and not here yet";
    sheet.gauge("sync_bodies_missing", help, float_of(progress.bodies_missing));
}

fn of_ledger(core: &Core, sheet: &mut Sheet) {
    let LedgerMemory { database, accounts, waiting, tree } = core.ledger().memory().unwrap_or_default();
    let parts = [("database", database), ("accounts", accounts), ("waiting", waiting), ("tree", tree)];
    let parts = parts.map(|(part, bytes)| (part, float(bytes)));
    sheet.gauges("ledger_memory_bytes", "Memory of the ledger", "part", &parts);
    let written = float(core.ledger().store().written_bytes());
    sheet.counter("ledger_written_bytes", "Bytes that the database wrote, compactions included", written);
}

/// `block/1` of `/starling/00000000/block/1`.
fn short(name: &str) -> String {
    name.splitn(4, '/').last().unwrap_or_default().to_owned()
}

/// Memory of this process, where the system tells.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1_024)
}

/// A count as the format has it: exact up to 2^53.
fn float(count: u64) -> f64 {
    let (high, low) = (u32::try_from(count >> 32), u32::try_from(count & u64::from(u32::MAX)));
    high.map_or(0.0, f64::from) * 4_294_967_296.0 + low.map_or(0.0, f64::from)
}

fn float_of(count: usize) -> f64 {
    u64::try_from(count).map_or(f64::MAX, float)
}
