//! The HTTP side of the one port: who may speak at all, bodies read within limits, and the two paths for
//! supervisors. What is JSON-RPC goes on to the library.

use super::ServerShared;
use super::conn::Conn;
use super::layer::{Caller, GuardLayer, Silent, busy};
use super::quota::Share;
use super::shape::{Misshapen, check_shape};
use crate::api::NodeApi;
use crate::error::{ApiError, ErrorKind};
use crate::limits::MAX_BODY_BYTES;
use axum::Router;
use axum::body::{Body, BodyDataStream};
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONNECTION, CONTENT_TYPE, EXPECT, HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use futures::{Stream, StreamExt};
use jsonrpsee::server::{Methods, StopHandle, TowerServiceBuilder, http::is_json, ws::is_upgrade_request};
use jsonrpsee::types::{ErrorObjectOwned, Id, ResponsePayload};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use subtle::ConstantTimeEq;
use tokio::time::timeout;
use tower::Service;
use tower::layer::util::{Identity, Stack};

/// Bytes of a body that cost its client one unit.
const BYTES_PER_COST: usize = 16 * 1024;
/// Bytes of a refused body that are read and forgotten, so that a client which writes all of it before it
/// reads gets its answer: 64 MiB.
const MAX_DRAINED_BYTES: usize = 64 * 1024 * 1024;
/// How long the node may take to say how it is.
const READY_TIMEOUT: Duration = Duration::from_secs(1);

/// The library's service, not yet bound to a request.
pub(crate) type RpcBuilder = TowerServiceBuilder<Stack<GuardLayer, Identity>, Identity>;

/// What the HTTP handlers get at.
pub(crate) struct Site<A> {
    pub(crate) api: Arc<A>,
    pub(crate) shared: Arc<ServerShared>,
    pub(crate) methods: Methods,
    pub(crate) stop: StopHandle,
    pub(crate) http: RpcBuilder,
    pub(crate) websocket: RpcBuilder,
}

/// Everything that the port answers.
pub(crate) fn router<A: NodeApi>(site: Arc<Site<A>>) -> Router {
    Router::new()
        .route("/", any(root))
        .route("/health", get(health))
        .route("/ready", get(ready))
        .fallback(async || not_here(StatusCode::NOT_FOUND))
        .layer(from_fn_with_state(site.clone(), admit))
        .with_state(site)
}

fn not_here(status: StatusCode) -> Response {
    let hint = "POST JSON-RPC to /, open a WebSocket on /, or GET /health or /ready";
    plain_error(status, ["not_found", "nothing is here"], hint)
}

/// `{error: {code, message, hint}}`, for what is not JSON-RPC.
fn plain_error(status: StatusCode, [code, message]: [&str; 2], hint: &str) -> Response {
    let error = json!({"error": {"code": code, "message": message, "hint": hint}});
    (status, axum::Json(error)).into_response()
}

/// A JSON-RPC error that belongs to no request.
fn rpc_error(status: StatusCode, error: ApiError) -> Response {
    rpc_error_to(status, Id::Null, error)
}

fn rpc_error_to(status: StatusCode, id: Id<'_>, error: ApiError) -> Response {
    let payload = ResponsePayload::<()>::error(ErrorObjectOwned::from(error));
    (status, axum::Json(jsonrpsee::types::Response::new(payload, id))).into_response()
}

/// Refuses whom there is no place for, and what a browser sends on behalf of a foreign page: a name that was
/// rebound to this address, or an Origin that is not ours.
async fn admit<A: NodeApi>(State(site): State<Arc<Site<A>>>, request: Request, next: Next) -> Response {
    let host = host_of(request.uri(), request.headers());
    if !host.as_ref().is_some_and(|host| site.shared.is_our_host(host.host())) {
        let refused = ["host_not_allowed", "this Host is not allowed"];
        let hint = "use an IP address or localhost, or allow it with --rpc-host";
        return plain_error(StatusCode::FORBIDDEN, refused, hint);
    }
    if let Some(origin) = request.headers().get(ORIGIN) {
        let origin = origin.to_str().unwrap_or_default();
        let same = host.is_some_and(|host| is_same_origin(origin, &host));
        if !same && !site.shared.allowed_origins.iter().any(|allowed| allowed == origin) {
            let refused = ["origin_not_allowed", "a page of another origin may not use this node"];
            return plain_error(StatusCode::FORBIDDEN, refused, "allow it with --rpc-origin");
        }
    }
    let conn = conn_of(&request);
    conn.speaks();
    // Supervisors are answered whatever happens.
    if !conn.turned_away || ["/health", "/ready"].contains(&request.uri().path()) {
        return next.run(request).await;
    }
    let refusal = rpc_error(StatusCode::SERVICE_UNAVAILABLE, no_place());
    let mut refusal = refuse_unread(&site, request, refusal).await;
    refusal.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    refusal
}

fn conn_of(request: &Request) -> Arc<Conn> {
    request.extensions().get::<Arc<Conn>>().expect("the accept loop names every connection").clone()
}

fn no_place() -> ApiError {
    let message = "the node is busy: as many connections are open as may be, or half of them by this client";
    ApiError::new(ErrorKind::Busy, "too_many_connections", message)
        .hint("try again in a second, with fewer connections")
        .value("retry_after_ms", 1_000)
}

/// The name that the client believes to speak to.
fn host_of(uri: &Uri, headers: &HeaderMap) -> Option<Authority> {
    let header = || headers.get(HOST)?.to_str().ok()?.parse().ok();
    uri.authority().cloned().or_else(header)
}

fn is_same_origin(origin: &str, host: &Authority) -> bool {
    let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host.as_str()))
}

impl ServerShared {
    /// Localhost, an IP address, or a configured name.
    fn is_our_host(&self, host: &str) -> bool {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        bare.parse::<std::net::IpAddr>().is_ok()
            || host.eq_ignore_ascii_case("localhost")
            || self.allowed_hosts.iter().any(|allowed| allowed.eq_ignore_ascii_case(host))
    }

    /// Whether the request shows the token, compared in constant time.
    fn is_trusted(&self, headers: &HeaderMap) -> bool {
        let shown = headers.get(AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
        let (Some(token), Some(shown)) = (&self.token, shown) else { return false };
        token.as_bytes().ct_eq(shown).into()
    }
}

/// JSON-RPC by POST, or a WebSocket.
async fn root<A: NodeApi>(State(site): State<Arc<Site<A>>>, mut request: Request) -> Response {
    let conn = conn_of(&request);
    let websocket = is_upgrade_request(&request);
    let trusted = site.shared.is_trusted(request.headers());
    let caller = Caller { conn: conn.clone(), trusted, websocket };
    request.extensions_mut().insert(caller.clone());
    if websocket {
        return match site.shared.places.upgrade(&conn) {
            true => forward(&site, &site.websocket, request).await,
            false => rpc_error(StatusCode::SERVICE_UNAVAILABLE, no_place()),
        };
    }
    match *request.method() {
        Method::POST => {}
        Method::GET | Method::HEAD => return not_here(StatusCode::NOT_FOUND),
        _ => return not_here(StatusCode::METHOD_NOT_ALLOWED),
    }
    if !is_json(request.headers().get(CONTENT_TYPE)) {
        let message = "the content type must be application/json";
        let error = ApiError::new(ErrorKind::InvalidRequest, "bad_content_type", message);
        let error = error.hint("send the header content-type: application/json");
        let refusal = rpc_error(StatusCode::UNSUPPORTED_MEDIA_TYPE, error);
        return refuse_unread(&site, request, refusal).await;
    }
    let mut held = Share::new(&site.shared.memory, conn.client);
    let waits = request.headers().contains_key(EXPECT);
    let (parts, body) = request.into_parts();
    let mut stream = body.into_data_stream();
    let Ok(read) = timeout(site.shared.body_timeout, read_body(&mut stream, &mut held)).await else {
        return slow_body(site.shared.body_timeout);
    };
    let mut body = match read {
        Ok(body) => body,
        Err(refusal) => {
            held.clear();
            drain(&site, stream, waits).await;
            return refusal;
        }
    };
    let cost = u32::try_from(body.len() / BYTES_PER_COST).unwrap_or(u32::MAX);
    let looked = site.shared.charge(&caller, cost).map_err(|error| Misshapen::new((Id::Null, error)));
    if let Err(misshapen) = looked.and_then(|()| check_shape(&body)) {
        let (id, error) = *misshapen;
        // Garbage costs as much as a call, or it would be free.
        let charged = site.shared.charge(&caller, 1);
        return rpc_error_to(StatusCode::OK, id, charged.err().unwrap_or(error));
    }
    // The library looks for the beginning within the first bytes alone.
    body.drain(..body.len() - body.trim_ascii_start().len());
    forward(&site, &site.http, Request::from_parts(parts, Body::from(body))).await
}

async fn forward<A>(site: &Site<A>, to: &RpcBuilder, request: Request) -> Response {
    let mut service = to.clone().build(site.methods.clone(), site.stop.clone());
    match service.call(request).await {
        Ok(response) if response.extensions().get::<Silent>().is_some() => {
            StatusCode::NO_CONTENT.into_response()
        }
        Ok(response) => response.map(Body::new),
        Err(error) => {
            let message = error.to_string();
            plain_error(StatusCode::INTERNAL_SERVER_ERROR, ["internal", &message], "look at the node's log")
        }
    }
}

fn slow_body(limit: Duration) -> Response {
    let message = format!("the body took longer than {} s", limit.as_secs());
    let error = ApiError::new(ErrorKind::InvalidRequest, "body_timeout", message);
    rpc_error(StatusCode::REQUEST_TIMEOUT, error.hint("send the body at once, or less at once"))
}

/// Reads a body, counting what it holds as it grows.
async fn read_body(stream: &mut BodyDataStream, held: &mut Share) -> Result<Vec<u8>, Response> {
    let most = usize::try_from(MAX_BODY_BYTES).unwrap_or(usize::MAX);
    let too_large = || {
        let message = format!("the body is over {most} bytes");
        let error = ApiError::new(ErrorKind::TooLarge, "body_too_large", message);
        let error = error.hint("split it into several requests").value("max", most);
        rpc_error(StatusCode::PAYLOAD_TOO_LARGE, error)
    };
    let mut bytes = Vec::new();
    // What is announced already need not be read first.
    if stream.size_hint().0 > most {
        return Err(too_large());
    }
    while let Some(chunk) = stream.next().await {
        let broken = ["bad_body", "the body broke off"];
        let chunk = chunk
            .map_err(|_| plain_error(StatusCode::BAD_REQUEST, broken, "send as much as you announce"))?;
        if bytes.len() + chunk.len() > most {
            return Err(too_large());
        }
        if !held.grow(chunk.len()) {
            return Err(rpc_error(StatusCode::SERVICE_UNAVAILABLE, busy()));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Gives a refusal to a client whose body nobody has looked at.
async fn refuse_unread<A>(site: &Site<A>, request: Request, refusal: Response) -> Response {
    let waits = request.headers().contains_key(EXPECT);
    drain(site, request.into_body().into_data_stream(), waits).await;
    refusal
}

/// Reads the rest of a body and forgets it; a client that waits to be asked for it is not asked.
async fn drain<A>(site: &Site<A>, mut stream: BodyDataStream, waits: bool) {
    let all = async {
        let mut left = MAX_DRAINED_BYTES;
        while let Some(Ok(chunk)) = stream.next().await {
            left = left.saturating_sub(chunk.len());
            if left == 0 {
                return;
            }
        }
    };
    if !waits {
        // Whoever is too slow for this, or sends too much, may lose the answer.
        let _ = timeout(site.shared.body_timeout, all).await;
    }
}

/// 200 while the process lives; nobody else is asked.
async fn health() -> Response {
    axum::Json(json!({"alive": true})).into_response()
}

/// 200 while the node is at the best chain, else 503 with the reason.
async fn ready<A: NodeApi>(State(site): State<Arc<Site<A>>>) -> Response {
    let reason = match timeout(READY_TIMEOUT, site.api.health()).await {
        Ok(Ok(health)) if health.ready => return axum::Json(health).into_response(),
        Ok(Ok(health)) => return (StatusCode::SERVICE_UNAVAILABLE, axum::Json(health)).into_response(),
        Ok(Err(error)) => error.message().to_owned(),
        Err(_) => format!("busy: the node has not answered within {} s", READY_TIMEOUT.as_secs()),
    };
    let unknown = axum::Json(json!({"ready": false, "reason": reason}));
    (StatusCode::SERVICE_UNAVAILABLE, unknown).into_response()
}
