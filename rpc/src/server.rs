//! The server: one port for JSON-RPC over HTTP and WebSocket and for supervisors.
//!
//! The accept loop is our own, for the library's shows neither the peer's address nor a timeout for headers.

mod conn;
mod counts;
mod handlers;
mod http;
mod layer;
mod places;
mod quota;
mod shape;
mod text;

use crate::api::NodeApi;
use crate::limits::{MAX_ANSWER_BYTES, MAX_BATCH_CALLS, MAX_BODY_BYTES, MAX_MESSAGE_BYTES};
use axum::Router;
use conn::{Conn, GuardedSocket};
use counts::Counts;
pub use counts::MethodCount;
use handlers::module;
use http::{Site, router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use jsonrpsee::server::middleware::rpc::RpcServiceBuilder;
use jsonrpsee::server::{BatchRequestConfig, PingConfig, ServerBuilder, StopHandle, stop_channel};
use layer::GuardLayer;
use places::Places;
use quota::{Client, Memory, Quotas};
use starling_primitives::Prefix;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
pub use text::{TextError, TextServer};
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};
use tower::ServiceExt;

/// Bytes of bodies and answers held for all clients together: 256 MiB.
const MAX_HELD_BYTES: usize = 256 * 1024 * 1024;
/// Calls that read or build much and run at once.
const MAX_HEAVY_CALLS: usize = 16;
/// WebSocket connections at the most, of all connections.
const MAX_WEBSOCKETS: usize = 256;
/// Connections beyond all others at the most, let in to ask how the node is or to be told that it is busy.
const MAX_TURNED_AWAY: usize = 128;
/// The library's own limit of connections: none, for they have their places here.
const NO_LIMIT: u32 = u32::MAX >> 4;
/// Subscriptions of one connection at the most.
const MAX_SUBSCRIPTIONS: u32 = 32;
/// Messages that wait to be written on one WebSocket.
const MAX_WAITING_MESSAGES: u32 = 16;
/// Bytes of a request's head at the most: 64 KiB.
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// Seconds between pings on a WebSocket.
const PING_SECONDS: u64 = 30;
/// How long open connections get to finish when the server stops.
const STOP_GRACE: Duration = Duration::from_secs(2);
/// How long the accept loop rests after an error, like too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Limits of connections and clients.
#[derive(Clone, Debug)]
pub struct ServerLimits {
    /// Connections at the most; one client, which is all of this machine too, has half of them.
    pub connections: usize,
    /// What one client may cost a second. An ordinary call costs 1, each submitted transaction 1, a block 20,
    /// an answer 1 more for each 8 KiB.
    pub cost_per_second: u32,
    /// What one client may cost at once after resting.
    pub cost_burst: u32,
    /// How long a request's head may take, and how long a connection may idle between requests.
    pub head_timeout: Duration,
    /// How long a request's body may take.
    pub body_timeout: Duration,
    /// How long a client may leave a write blocked.
    pub write_timeout: Duration,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            connections: 1_000,
            cost_per_second: 4_000,
            cost_burst: 40_000,
            head_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(10),
        }
    }
}

/// What a server needs to know.
#[derive(Clone)]
pub struct ServerConfig {
    /// Where to listen; port 0 takes any free one.
    pub listen: SocketAddr,
    /// What addresses of the chain begin with.
    pub prefix: Prefix,
    /// The token of the marked methods; without one they are refused.
    pub token: Option<String>,
    /// The file that holds the token; hints name it without its folders.
    pub cookie: Option<PathBuf>,
    /// Host names allowed besides localhost and IP addresses.
    pub allowed_hosts: Vec<String>,
    /// Origins allowed besides our own, like `https://explorer.example`.
    pub allowed_origins: Vec<String>,
    /// Limits of connections and clients.
    pub limits: ServerLimits,
}

impl ServerConfig {
    /// Listens there, without a token, with default limits.
    #[must_use]
    pub fn new(listen: SocketAddr, prefix: Prefix) -> Self {
        Self {
            listen,
            prefix,
            token: None,
            cookie: None,
            allowed_hosts: vec![],
            allowed_origins: vec![],
            limits: ServerLimits::default(),
        }
    }
}

/// Why a server cannot start.
#[derive(Debug, Error)]
pub enum ServerError {
    /// Something else listens there.
    #[error(
        "{0} is in use, perhaps by another node; stop that, or give --rpc with another port (0: any free)"
    )]
    PortInUse(SocketAddr),
    /// The system does not let us.
    #[error("cannot listen on {address}: {source}; give --rpc with an address of this machine")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
}

/// What all connections share.
pub(crate) struct ServerShared {
    prefix: Prefix,
    token: Option<String>,
    token_hint: String,
    allowed_hosts: Vec<String>,
    allowed_origins: Vec<String>,
    body_timeout: Duration,
    places: Arc<Places>,
    quotas: Quotas,
    memory: Arc<Memory>,
    heavy: Semaphore,
    counts: Counts,
}

/// The server; [`Server::start`] is all there is.
#[derive(Debug)]
pub struct Server;

/// What a server counts, for as long as anybody looks.
#[derive(Clone)]
pub struct ServerCounters(Arc<ServerShared>);

/// The token is among what is shared: nothing of it is shown.
impl fmt::Debug for ServerCounters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerCounters").finish_non_exhaustive()
    }
}

impl ServerCounters {
    /// Calls of each method.
    #[must_use]
    pub fn methods(&self) -> Vec<MethodCount> {
        self.0.counts.all()
    }

    /// Connections that are open.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.0.places.taken()
    }
}

/// A running server. Dropping it stops it without waiting.
#[derive(Debug)]
pub struct ServerHandle {
    /// Where it listens.
    pub local_addr: SocketAddr,
    stop: jsonrpsee::server::ServerHandle,
    running: JoinHandle<()>,
    counters: ServerCounters,
}

impl ServerHandle {
    /// What it counts.
    #[must_use]
    pub fn counters(&self) -> ServerCounters {
        self.counters.clone()
    }

    /// Stops accepting, lets open requests finish for up to 2 s, and returns when everything is closed.
    pub async fn stop(self) {
        // An error would say that it has stopped already.
        let _ = self.stop.stop();
        let _ = self.running.await;
    }
}

impl Server {
    /// Starts a server for this node on the current tokio runtime.
    ///
    /// # Errors
    /// [`ServerError`] when it cannot listen.
    pub async fn start<A: NodeApi>(config: ServerConfig, api: Arc<A>) -> Result<ServerHandle, ServerError> {
        let address = config.listen;
        let refuse = |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => ServerError::PortInUse(address),
            _ => ServerError::Listen { address, source },
        };
        let listener = TcpListener::bind(address).await.map_err(refuse)?;
        let local_addr = listener.local_addr().map_err(refuse)?;
        let (stop_handle, stop) = stop_channel();
        let limits = config.limits.clone();
        let shared = Arc::new(ServerShared::new(config));
        let site = site(api, &shared, stop_handle.clone());
        let accept =
            Accept { router: router(Arc::new(site)), shared: shared.clone(), limits, stop: stop_handle };
        let running = tokio::spawn(accept.run(listener));
        Ok(ServerHandle { local_addr, stop, running, counters: ServerCounters(shared) })
    }
}

impl ServerShared {
    fn new(config: ServerConfig) -> Self {
        let file = config.cookie.as_deref().and_then(Path::file_name);
        let token_hint = match file {
            _ if config.token.is_none() => "this node gives out no token".to_owned(),
            // Where the directory lies is nobody's business but the operator's.
            Some(name) => format!(
                "send Authorization: Bearer TOKEN with the token in {} of the node's data directory; \
                 `starling config show` says where that is",
                name.display()
            ),
            None => "send Authorization: Bearer TOKEN with the node's token".to_owned(),
        };
        Self {
            prefix: config.prefix,
            token: config.token,
            token_hint,
            allowed_hosts: config.allowed_hosts,
            allowed_origins: config.allowed_origins,
            body_timeout: config.limits.body_timeout,
            places: Places::new(config.limits.connections, MAX_WEBSOCKETS),
            quotas: Quotas::new(config.limits.cost_per_second, config.limits.cost_burst),
            memory: Memory::new(MAX_HELD_BYTES),
            heavy: Semaphore::new(MAX_HEAVY_CALLS),
            counts: Counts::new(),
        }
    }
}

/// The library's services for both transports, and what goes with them.
fn site<A: NodeApi>(api: Arc<A>, shared: &Arc<ServerShared>, stop: StopHandle) -> Site<A> {
    let builder = |request_bytes: u32| {
        let ping = Duration::from_secs(PING_SECONDS);
        let config = jsonrpsee::server::ServerConfig::builder()
            .max_request_body_size(request_bytes)
            .max_response_body_size(MAX_ANSWER_BYTES)
            .max_connections(NO_LIMIT)
            .max_subscriptions_per_connection(MAX_SUBSCRIPTIONS)
            .set_batch_request_config(BatchRequestConfig::Limit(MAX_BATCH_CALLS))
            .set_message_buffer_capacity(MAX_WAITING_MESSAGES)
            .enable_ws_ping(PingConfig::new().ping_interval(ping).inactive_limit(2 * ping))
            .build();
        let layers = RpcServiceBuilder::new().layer(GuardLayer(shared.clone()));
        ServerBuilder::with_config(config).set_rpc_middleware(layers).to_service_builder()
    };
    Site {
        methods: module(api.clone(), shared.clone()).into(),
        api,
        shared: shared.clone(),
        stop,
        http: builder(MAX_BODY_BYTES),
        websocket: builder(MAX_MESSAGE_BYTES),
    }
}

/// The accept loop.
struct Accept {
    router: Router,
    shared: Arc<ServerShared>,
    limits: ServerLimits,
    stop: StopHandle,
}

impl Accept {
    async fn run(self, listener: TcpListener) {
        let door = Places::new(MAX_TURNED_AWAY, 0);
        let mut open = JoinSet::new();
        let stopped = self.stop.clone().shutdown();
        tokio::pin!(stopped);
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = &mut stopped => break,
                // Finished connections are forgotten as they end.
                Some(_) = open.join_next() => continue,
            };
            let Ok((tcp, peer)) = accepted else {
                sleep(ACCEPT_PAUSE).await;
                continue;
            };
            let client = Client::of(peer.ip());
            let seat = |places: &Arc<Places>, turned_away| {
                let conn = Conn::new(client, &self.shared.memory, turned_away);
                places.take(&conn).map(|place| (conn, place))
            };
            // Nobody works at the door, so that there is always somebody there who loses his place.
            if let Some((conn, place)) = seat(&self.shared.places, false).or_else(|| seat(&door, true)) {
                let socket = GuardedSocket::new(tcp, conn.clone(), self.limits.write_timeout, place);
                open.spawn(self.serve(socket, conn));
            }
        }
        drop(listener);
        let drain = async { while open.join_next().await.is_some() {} };
        // What is still open after the grace is aborted with the set.
        let _ = timeout(STOP_GRACE, drain).await;
    }

    /// One connection, from its first byte to its last or to its upgrade.
    fn serve(&self, socket: GuardedSocket, conn: Arc<Conn>) -> impl Future<Output = ()> + Send + use<> {
        let router = self.router.clone();
        let evicted = conn.clone();
        let service =
            hyper::service::service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
                request.extensions_mut().insert(conn.clone());
                router.clone().oneshot(request.map(axum::body::Body::new))
            });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.head_timeout)
            .max_buf_size(MAX_HEAD_BYTES)
            .serve_connection(TokioIo::new(socket), service)
            .with_upgrades();
        let stop = self.stop.clone();
        async move {
            let mut connection = std::pin::pin!(connection);
            let ended = tokio::select! {
                ended = connection.as_mut() => ended,
                () = evicted.evicted() => {
                    tracing::debug!("an RPC connection gave its place to another");
                    return;
                }
                () = stop.shutdown() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = ended {
                tracing::debug!(%error, "an RPC connection ended early");
            }
        }
    }
}

#[cfg(test)]
mod tests;
