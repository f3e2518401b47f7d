//! One text on a port of its own, for those who collect metrics: nothing else is there.

use axum::body::Body;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// Where the text is.
const PATH: &str = "/metrics";
/// What it is: <https://prometheus.io/docs/specs/om/open_metrics_spec/>.
const OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
/// Connections at a time; others are closed at once.
const MAX_CONNECTIONS: usize = 16;
/// How long one may take, from its first byte to the last of its answer.
const CONNECTION_TIME: Duration = Duration::from_secs(10);
/// Bytes of a request's head at the most.
const MAX_HEAD_BYTES: usize = 8 * 1024;
/// How long the accept loop rests after an error, like too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Why the text cannot be served.
#[derive(Debug, Error)]
pub enum TextError {
    /// Something else listens there.
    #[error("{0} is in use; give --metrics with another port (0: any free)")]
    InUse(SocketAddr),
    /// The system does not let us.
    #[error("cannot listen on {address}: {source}; give --metrics with an address of this machine")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
}

/// A server of one text. It ends when dropped.
#[derive(Debug)]
pub struct TextServer {
    /// Where it listens.
    pub local_addr: SocketAddr,
    _running: JoinSet<()>,
}

impl TextServer {
    /// Serves what `text` gives, anew for each request; none while there is nothing to tell.
    ///
    /// # Errors
    /// [`TextError`].
    pub async fn start<F, Fut>(address: SocketAddr, text: F) -> Result<Self, TextError>
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Option<String>> + Send + 'static,
    {
        let refuse = |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => TextError::InUse(address),
            _ => TextError::Listen { address, source },
        };
        let listener = TcpListener::bind(address).await.map_err(refuse)?;
        let local_addr = listener.local_addr().map_err(refuse)?;
        let mut running = JoinSet::new();
        running.spawn(accept(listener, Arc::new(text)));
        Ok(Self { local_addr, _running: running })
    }

    /// Where the text is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}{PATH}", self.local_addr)
    }
}

async fn accept<F, Fut>(listener: TcpListener, text: Arc<F>)
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Option<String>> + Send + 'static,
{
    let (places, mut open) = (Arc::new(Semaphore::new(MAX_CONNECTIONS)), JoinSet::new());
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            // Finished connections are forgotten as they end.
            Some(_) = open.join_next() => continue,
        };
        let Ok((tcp, _)) = accepted else {
            sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let Ok(place) = places.clone().try_acquire_owned() else { continue };
        let text = text.clone();
        open.spawn(async move {
            // Whoever takes longer is not answered.
            drop(timeout(CONNECTION_TIME, serve(tcp, text)).await);
            drop(place);
        });
    }
}

async fn serve<F, Fut>(tcp: TcpStream, text: Arc<F>)
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Option<String>> + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let text = text.clone();
        async move { Ok::<_, Infallible>(answer(&request, &*text).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .keep_alive(false)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(tcp), service);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a request for metrics failed");
    }
}

async fn answer<F, Fut>(request: &Request<Incoming>, text: &F) -> Response<Body>
where
    F: Fn() -> Fut,
    Fut: Future<Output = Option<String>>,
{
    if request.uri().path() != PATH {
        return plain(StatusCode::NOT_FOUND, format!("metrics are at {PATH}\n"));
    }
    if request.method() != Method::GET {
        let mut refused = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET is answered\n".to_owned());
        refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET"));
        return refused;
    }
    match text().await {
        Some(text) => {
            let mut fine = plain(StatusCode::OK, text);
            fine.headers_mut().insert(CONTENT_TYPE, OPEN_METRICS);
            fine
        }
        None => plain(StatusCode::SERVICE_UNAVAILABLE, "the node is going down\n".to_owned()),
    }
}

fn plain(status: StatusCode, text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

#[cfg(test)]
mod tests;
