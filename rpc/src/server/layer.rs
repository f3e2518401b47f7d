//! What stands before every call: its turn on the connection, the token, the budget, room for the answer.
//!
//! Batches are taken apart here, for the library's own batch would go past this layer.

use super::ServerShared;
use super::conn::Conn;
use crate::args::Args;
use crate::error::{ApiError, ErrorKind};
use crate::limits::MAX_ANSWER_BYTES;
use crate::methods::{self, Form, HEAVY_COST};
use jsonrpsee::core::JsonRawValue;
use jsonrpsee::core::middleware::{Batch, BatchEntry, Notification, RpcServiceT};
use jsonrpsee::core::server::{BatchResponseBuilder, MethodResponse};
use jsonrpsee::server::middleware::rpc::RpcService;
use jsonrpsee::types::{ErrorObjectOwned, Extensions, Id, Request};
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;
use tower::Layer;

/// Who makes a call, kept in the request's extensions.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) conn: Arc<Conn>,
    /// Whether the token was shown.
    pub(crate) trusted: bool,
    /// Whether the call came over WebSocket.
    pub(crate) websocket: bool,
}

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
        if caller.trusted { Ok(()) } else { self.quotas.charge(caller.conn.ip, cost, Instant::now()) }
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
        if self.memory.is_full() {
            return Err(busy());
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
    async fn one(&self, mut request: Request<'_>) -> MethodResponse {
        let caller = caller_of(&request.extensions);
        if let Err(error) = self.shared.admit(&caller, &mut request) {
            return refuse(request.id, error);
        }
        let heavy = methods::find(&request.method).is_some_and(|method| method.cost >= HEAVY_COST);
        let _turn = match heavy {
            true => Some(self.shared.heavy.acquire().await.expect("turns are never closed")),
            false => None,
        };
        let answer = self.inner.call(request).await;
        caller.conn.owe(answer.as_json().get().len());
        answer
    }

    /// A batch, one call after the other.
    async fn many(&self, batch: Batch<'_>) -> MethodResponse {
        let most = usize::try_from(MAX_ANSWER_BYTES).unwrap_or(usize::MAX);
        let mut answers = BatchResponseBuilder::new_with_limit(most);
        let mut silent = false;
        for entry in batch {
            let answer = match entry {
                Ok(BatchEntry::Call(request)) => self.one(request).await,
                Ok(BatchEntry::Notification(_)) => MethodResponse::notification(),
                Err(error) => {
                    let (error, id) = error.into_parts();
                    MethodResponse::error(id, error)
                }
            };
            // The answer to a subscription went out by itself when it was accepted.
            if answer.is_notification() || answer.is_subscription() {
                silent = true;
            } else if let Err(too_large) = answers.append(answer) {
                return too_large;
            }
        }
        if answers.is_empty() && silent {
            return MethodResponse::notification();
        }
        MethodResponse::from_batch(answers.finish())
    }
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
            this.one(request).await
        }
    }

    fn batch<'a>(&self, batch: Batch<'a>) -> impl Future<Output = MethodResponse> + Send + 'a {
        let this = self.clone();
        async move {
            // Every entry has the same caller; one that is no request at all has none.
            let caller = batch.iter().flatten().next().map(|entry| caller_of(entry.extensions()));
            let _turn = match &caller {
                Some(caller) => Some(caller.conn.turn().await),
                None => None,
            };
            this.many(batch).await
        }
    }

    fn notification<'a>(
        &self,
        notification: Notification<'a>,
    ) -> impl Future<Output = MethodResponse> + Send + 'a {
        self.inner.notification(notification)
    }
}
