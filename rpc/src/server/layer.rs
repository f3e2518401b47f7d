//! What stands before every call: its turn on the connection, the token, the budget, room for the answer.
//!
//! Batches are taken apart here, for the library's own batch would go past this layer.

use super::conn::Conn;
use super::shape::invalid_request;
use super::{MAX_SUBSCRIPTIONS, ServerShared};
use crate::args::Args;
use crate::error::{ApiError, ErrorKind};
use crate::limits::MAX_ANSWER_BYTES;
use crate::methods::{self, Form, HEAVY_COST};
use jsonrpsee::core::JsonRawValue;
use jsonrpsee::core::middleware::{Batch, BatchEntry, Notification, RpcServiceT};
use jsonrpsee::core::server::{BatchResponseBuilder, MethodResponse};
use jsonrpsee::server::middleware::rpc::RpcService;
use jsonrpsee::types::error::{OVERSIZED_RESPONSE_CODE, TOO_MANY_SUBSCRIPTIONS_CODE};
use jsonrpsee::types::{ErrorObjectOwned, Extensions, Id, Request};
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;
use tower::Layer;

/// Bytes of an answer that cost its client one unit more: large ones take work to make.
const ANSWER_BYTES_PER_COST: usize = 8 * 1024;

/// Who makes a call, kept in the request's extensions.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) conn: Arc<Conn>,
    /// Whether the token was shown.
    pub(crate) trusted: bool,
    /// Whether the call came over WebSocket.
    pub(crate) websocket: bool,
}

/// Marks an answer that is none: nothing of what came had an id.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Silent;

/// Puts [`Guard`] before the library's service.
#[derive(Clone)]
pub(crate) struct GuardLayer(pub(crate) Arc<ServerShared>);

impl Layer<RpcService> for GuardLayer {
    type Service = Guard;

    fn layer(&self, inner: RpcService) -> Guard {
        Guard { inner, shared: self.0.clone() }
    }
}

/// The library's service behind our checks.
#[derive(Clone)]
pub(crate) struct Guard {
    inner: RpcService,
    shared: Arc<ServerShared>,
}

impl ServerShared {
    /// Takes a call's cost from its client's budget; the operator has none.
    pub(crate) fn charge(&self, caller: &Caller, cost: u32) -> Result<(), ApiError> {
        if caller.trusted { Ok(()) } else { self.quotas.charge(caller.conn.client, cost, Instant::now()) }
    }

    /// Takes from its client's budget what an answer of this size has cost more.
    fn spend(&self, caller: &Caller, bytes: usize) {
        let cost = u32::try_from(bytes / ANSWER_BYTES_PER_COST).unwrap_or(u32::MAX);
        if cost > 0 && !caller.trusted {
            self.quotas.spend(caller.conn.client, cost, Instant::now());
        }
    }

    /// Whether this call may be made.
    fn admit(&self, caller: &Caller, request: &mut Request<'_>) -> Result<(), ApiError> {
        let name = request.method.as_ref();
        let Some(method) = methods::find(name) else {
            self.charge(caller, 1)?;
            return Err(methods::unknown(name));
        };
        self.charge(caller, method.cost)?;
        if method.token && !caller.trusted {
            let message = format!("{name} needs the node's token");
            let error = ApiError::new(ErrorKind::Unauthorized, "unauthorized", message);
            return Err(error.hint(&self.token_hint));
        }
        if method.form != Form::Call && !caller.websocket {
            let message = format!("{name} works over WebSocket only");
            let error = ApiError::new(ErrorKind::Unavailable, "needs_websocket", message);
            return Err(error.hint("connect to ws:// at the same address and port"));
        }
        if method.form == Form::Unsubscribe {
            // The library reads the id by position only, and answers false to anything else.
            let args = Args::parse(method, request.params.as_deref().map(JsonRawValue::get))?;
            request.params = JsonRawValue::from_string(args.by_position()).ok().map(Cow::Owned);
        }
        Ok(())
    }
}

impl Guard {
    /// One call, alone or of a batch.
    async fn one(&self, request: Request<'_>) -> MethodResponse {
        let method = methods::find(&request.method).map(|method| method.name);
        let answer = self.answer(request).await;
        self.shared.counts.note(method, answer.as_error_code().is_some());
        answer
    }

    async fn answer(&self, mut request: Request<'_>) -> MethodResponse {
        let caller = caller_of(&request.extensions);
        if let Err(error) = self.shared.admit(&caller, &mut request) {
            return refuse(request.id, error);
        }
        let heavy = methods::find(&request.method).is_some_and(|method| method.cost >= HEAVY_COST);
        let _turn = match heavy {
            true => Some(self.shared.heavy.acquire().await.expect("turns are never closed")),
            false => None,
        };
        // Asked after the wait: calls that waited together must not all be answered into the same room.
        if caller.conn.is_out_of_memory() {
            return refuse(request.id, busy());
        }
        let id = request.id.clone();
        let answer = self.inner.call(request).await;
        self.shared.spend(&caller, answer.as_json().get().len());
        match answer.as_error_code() {
            Some(OVERSIZED_RESPONSE_CODE) => refuse(id, answer_too_large()),
            Some(TOO_MANY_SUBSCRIPTIONS_CODE) => refuse(id, too_many_subscriptions()),
            _ => answer,
        }
    }

    /// A batch, one call after the other; `conn` is that of its requests, if it holds any.
    async fn many(&self, batch: Batch<'_>, conn: Option<&Conn>) -> MethodResponse {
        if batch.is_empty() {
            return refuse(Id::Null, invalid_request());
        }
        let most = usize::try_from(MAX_ANSWER_BYTES).unwrap_or(usize::MAX);
        let mut answers = BatchResponseBuilder::new_with_limit(most);
        let mut owed = 0;
        for entry in batch {
            let answer = match entry {
                Ok(BatchEntry::Call(request)) => self.one(request).await,
                Ok(BatchEntry::Notification(_)) => continue,
                Err(error) => refuse(error.into_parts().1, invalid_request()),
            };
            owed += conn.map_or(0, |conn| owe(conn, &answer));
            // The answer to a subscription went out by itself when it was accepted.
            if !answer.is_subscription() && answers.append(answer).is_err() {
                // What was made so far is not written.
                conn.inspect(|conn| conn.settle(owed));
                return refuse(Id::Null, answer_too_large());
            }
        }
        if answers.is_empty() { silence() } else { MethodResponse::from_batch(answers.finish()) }
    }
}

/// Counts an answer that is about to be written, and says how many bytes it has.
fn owe(conn: &Conn, answer: &MethodResponse) -> usize {
    let bytes = if answer.is_subscription() { 0 } else { answer.as_json().get().len() };
    conn.owe(bytes);
    bytes
}

/// What is not answered.
fn silence() -> MethodResponse {
    let mut nothing = MethodResponse::notification();
    nothing.extensions_mut().insert(Silent);
    nothing
}

fn answer_too_large() -> ApiError {
    let message = format!("the answer would be over {MAX_ANSWER_BYTES} bytes");
    ApiError::new(ErrorKind::TooLarge, "answer_too_large", message)
        .hint("ask for less at once: fewer calls in a batch, shorter pages")
        .value("max", MAX_ANSWER_BYTES)
}

fn too_many_subscriptions() -> ApiError {
    let message = format!("this connection has {MAX_SUBSCRIPTIONS} subscriptions already");
    ApiError::new(ErrorKind::Unavailable, "too_many_subscriptions", message)
        .hint("end one with its unsubscribe method, or open another connection")
        .value("max", MAX_SUBSCRIPTIONS)
}

/// There is no room for another body or answer.
pub(crate) fn busy() -> ApiError {
    let message = "the node holds as many requests and answers as it may";
    ApiError::new(ErrorKind::Busy, "busy", message)
        .hint("try again in a second")
        .value("retry_after_ms", 1_000)
}

fn refuse(id: Id<'_>, error: ApiError) -> MethodResponse {
    MethodResponse::error(id, ErrorObjectOwned::from(error))
}

/// The caller that the HTTP side has put into the request.
fn caller_of(extensions: &Extensions) -> Caller {
    extensions.get::<Caller>().expect("the HTTP side names every caller").clone()
}

impl RpcServiceT for Guard {
    type MethodResponse = MethodResponse;
    type NotificationResponse = MethodResponse;
    type BatchResponse = MethodResponse;

    fn call<'a>(&self, request: Request<'a>) -> impl Future<Output = MethodResponse> + Send + 'a {
        let this = self.clone();
        async move {
            let caller = caller_of(&request.extensions);
            let _turn = caller.conn.turn().await;
            let answer = this.one(request).await;
            owe(&caller.conn, &answer);
            answer
        }
    }

    fn batch<'a>(&self, batch: Batch<'a>) -> impl Future<Output = MethodResponse> + Send + 'a {
        let this = self.clone();
        async move {
            // Every entry has the same caller; one that is no request at all has none.
            let caller = batch.iter().flatten().next().map(|entry| caller_of(entry.extensions()));
            let conn = caller.as_ref().map(|caller| &*caller.conn);
            let _turn = match conn {
                Some(conn) => Some(conn.turn().await),
                None => None,
            };
            this.many(batch, conn).await
        }
    }

    fn notification<'a>(
        &self,
        _notification: Notification<'a>,
    ) -> impl Future<Output = MethodResponse> + Send + 'a {
        std::future::ready(silence())
    }
}
