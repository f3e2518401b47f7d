//! The HTTP side of the one port: who may speak at all, bodies read within limits, and the two paths for
//! supervisors. What is JSON-RPC goes on to the library.

use super::ServerShared;
use super::conn::Conn;
use super::layer::{Caller, GuardLayer, busy};
use super::quota::Share;
use crate::api::NodeApi;
use crate::error::{ApiError, ErrorKind};
use crate::limits::{MAX_BATCH_CALLS, MAX_BODY_BYTES};
use crate::types::Health;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use futures::StreamExt;
use jsonrpsee::core::JsonRawValue;
use jsonrpsee::server::{Methods, StopHandle, TowerServiceBuilder, http::is_json, ws::is_upgrade_request};
use jsonrpsee::types::{ErrorObjectOwned, Id, InvalidRequest, Notification, ResponsePayload};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::json;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use subtle::ConstantTimeEq;
use tokio::time::timeout;
use tower::Service;
use tower::layer::util::{Identity, Stack};

/// Bytes of a body that cost its client one unit.
const BYTES_PER_COST: usize = 16 * 1024;
/// How long the node may take to say how it is.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(5);

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
        .fallback(async || plain_error(StatusCode::NOT_FOUND, "not_found", NOT_HERE))
        .layer(from_fn_with_state(site.clone(), admit))
        .with_state(site)
}

const NOT_HERE: &str = "nothing is here: POST JSON-RPC to /, open a WebSocket on /, or GET /health or /ready";

/// `{error: {code, message}}`, for what is not JSON-RPC.
fn plain_error(status: StatusCode, code: &str, message: &str) -> Response {
    (status, axum::Json(json!({"error": {"code": code, "message": message}}))).into_response()
}

/// A JSON-RPC error that belongs to no request.
fn rpc_error(status: StatusCode, error: ApiError) -> Response {
    let payload = ResponsePayload::<()>::error(ErrorObjectOwned::from(error));
    (status, axum::Json(jsonrpsee::types::Response::new(payload, Id::Null))).into_response()
}

/// Refuses what a browser sends on behalf of a foreign page: a name that was rebound to this address, or an
/// Origin that is not ours.
async fn admit<A: NodeApi>(State(site): State<Arc<Site<A>>>, request: Request, next: Next) -> Response {
    let host = host_of(request.uri(), request.headers());
    if !host.as_ref().is_some_and(|host| site.shared.is_our_host(host.host())) {
        let message = "this Host is not allowed; use an IP address or localhost, or allow it with --rpc-host";
        return plain_error(StatusCode::FORBIDDEN, "host_not_allowed", message);
    }
    if let Some(origin) = request.headers().get(ORIGIN) {
        let origin = origin.to_str().unwrap_or_default();
        let same = host.is_some_and(|host| is_same_origin(origin, &host));
        if !same && !site.shared.allowed_origins.iter().any(|allowed| allowed == origin) {
            let message = "a page of another origin may not use this node; allow it with --rpc-origin";
            return plain_error(StatusCode::FORBIDDEN, "origin_not_allowed", message);
        }
    }
    next.run(request).await
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
    let conn = request.extensions().get::<Arc<Conn>>().expect("the accept loop names every connection");
    let conn = conn.clone();
    let websocket = is_upgrade_request(&request);
    let trusted = site.shared.is_trusted(request.headers());
    let caller = Caller { conn, trusted, websocket };
    request.extensions_mut().insert(caller.clone());
    if websocket {
        return forward(&site, &site.websocket, request).await;
    }
    match *request.method() {
        Method::POST => {}
        Method::GET | Method::HEAD => return plain_error(StatusCode::NOT_FOUND, "not_found", NOT_HERE),
        _ => return plain_error(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", NOT_HERE),
    }
    if !is_json(request.headers().get(CONTENT_TYPE)) {
        let message = "the content type must be application/json";
        let error = ApiError::new(ErrorKind::InvalidRequest, "bad_content_type", message);
        let error = error.hint("send the header content-type: application/json");
        return rpc_error(StatusCode::UNSUPPORTED_MEDIA_TYPE, error);
    }
    let mut held = Share::new(&site.shared.memory);
    let (parts, body) = request.into_parts();
    let body = match timeout(site.shared.body_timeout, read_body(body, &mut held)).await {
        Ok(Ok(body)) => body,
        Ok(Err(refusal)) => return refusal,
        Err(_) => return rpc_error(StatusCode::REQUEST_TIMEOUT, slow_body(site.shared.body_timeout)),
    };
    let cost = u32::try_from(body.len() / BYTES_PER_COST).unwrap_or(u32::MAX);
    let looked = site.shared.charge(&caller, cost).and_then(|()| check_shape(&body));
    if let Err(error) = looked {
        // Garbage costs as much as a call, or it would be free.
        let charged = site.shared.charge(&caller, 1);
        return rpc_error(StatusCode::OK, charged.err().unwrap_or(error));
    }
    forward(&site, &site.http, Request::from_parts(parts, Body::from(body))).await
}

async fn forward<A>(site: &Site<A>, to: &RpcBuilder, request: Request) -> Response {
    let mut service = to.clone().build(site.methods.clone(), site.stop.clone());
    match service.call(request).await {
        Ok(response) => response.map(Body::new),
        Err(error) => plain_error(StatusCode::INTERNAL_SERVER_ERROR, "internal", &error.to_string()),
    }
}

fn slow_body(limit: Duration) -> ApiError {
    let message = format!("the body took longer than {} s", limit.as_secs());
    ApiError::new(ErrorKind::InvalidRequest, "body_timeout", message)
}

/// Reads a body, counting what it holds as it grows.
async fn read_body(body: Body, held: &mut Share) -> Result<Vec<u8>, Response> {
    let most = usize::try_from(MAX_BODY_BYTES).unwrap_or(usize::MAX);
    let mut stream = body.into_data_stream();
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.next().await {
        let chunk =
            chunk.map_err(|_| plain_error(StatusCode::BAD_REQUEST, "bad_body", "the body broke off"))?;
        if bytes.len() + chunk.len() > most {
            let message = format!("the body is over {most} bytes");
            let error = ApiError::new(ErrorKind::TooLarge, "body_too_large", message);
            let error = error.hint("split it into several requests").value("max", most);
            return Err(rpc_error(StatusCode::PAYLOAD_TOO_LARGE, error));
        }
        if !held.grow(chunk.len()) {
            return Err(rpc_error(StatusCode::SERVICE_UNAVAILABLE, busy()));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// One request or a batch within its limit. The library would first gather a batch of any length, and takes
/// an object without an id for broken JSON.
fn check_shape(body: &[u8]) -> Result<(), ApiError> {
    let invalid = || {
        ApiError::new(ErrorKind::InvalidRequest, "invalid_request", "not a JSON-RPC request")
            .hint(r#"send {"jsonrpc":"2.0","id":1,"method":..,"params":[..]}, or an array of such"#)
    };
    let mut from = serde_json::Deserializer::from_slice(body);
    let batch = from.deserialize_any(CountCalls).and_then(|batch| from.end().map(|()| batch));
    let batch = batch.map_err(|error| match error.is_data() {
        true => invalid(),
        false => ApiError::new(ErrorKind::Parse, "parse_error", format!("the body is not JSON: {error}")),
    })?;
    let Some(calls) = batch else {
        let has_id = serde_json::from_slice::<InvalidRequest<'_>>(body).is_ok();
        let notifies = || serde_json::from_slice::<Notification<'_, Option<&JsonRawValue>>>(body).is_ok();
        let names_id = serde_json::from_slice::<AnyId>(body).is_ok_and(|object| object.id.is_some());
        return if has_id || (notifies() && !names_id) { Ok(()) } else { Err(invalid()) };
    };
    if calls <= MAX_BATCH_CALLS {
        return Ok(());
    }
    let message = format!("a batch of more than {MAX_BATCH_CALLS} calls");
    let error = ApiError::new(ErrorKind::TooLarge, "batch_too_large", message);
    Err(error.hint("split it into several requests").value("max", MAX_BATCH_CALLS))
}

/// Whether there is an `id` of any form: the library takes a call with a broken one for a notification.
#[derive(Deserialize)]
struct AnyId {
    id: Option<IgnoredAny>,
}

/// Counts the entries of a batch without keeping them; nothing for an object.
struct CountCalls;

impl<'de> Visitor<'de> for CountCalls {
    type Value = Option<u32>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or an array")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Option<u32>, A::Error> {
        while from.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Option<u32>, A::Error> {
        let mut calls = 0u32;
        while from.next_element::<IgnoredAny>()?.is_some() {
            calls = calls.saturating_add(1);
        }
        Ok(Some(calls))
    }
}

async fn ask_health<A: NodeApi>(site: &Site<A>) -> Result<Health, Response> {
    timeout(HEALTH_TIMEOUT, site.api.health()).await.map_err(|_| {
        let message = format!("the node does not answer within {} s", HEALTH_TIMEOUT.as_secs());
        plain_error(StatusCode::SERVICE_UNAVAILABLE, "unresponsive", &message)
    })
}

/// 200 while the node answers.
async fn health<A: NodeApi>(State(site): State<Arc<Site<A>>>) -> Response {
    ask_health(&site).await.map_or_else(|refusal| refusal, |health| axum::Json(health).into_response())
}

/// 200 while the node is at the best chain, else 503 with the reason.
async fn ready<A: NodeApi>(State(site): State<Arc<Site<A>>>) -> Response {
    match ask_health(&site).await {
        Ok(health) if health.ready => axum::Json(health).into_response(),
        Ok(health) => (StatusCode::SERVICE_UNAVAILABLE, axum::Json(health)).into_response(),
        Err(refusal) => refusal,
    }
}
