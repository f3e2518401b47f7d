//! Frames of the request protocols: `len:u32 | message`, the cap checked before anything is allocated
//! (formats: On the wire).

use super::message::{Protocol, RequestFailure};
use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use libp2p::StreamProtocol;
use libp2p::core::upgrade::NegotiationError;
use libp2p::request_response::{Codec, OutboundFailure};
use starling_primitives::limits;
use std::io;
use std::time::Duration;

/// Bytes allocated on a peer's word alone, and read at a time.
const STEP_BYTES: usize = 64 * 1024;
/// What has arrived lets so many times as much be allocated: moved seldom, and most of it not touched yet.
const GROWTH: usize = 16;
/// How long a question may take to arrive: half of one holds a place and memory.
const QUESTION_WITHIN: Duration = Duration::from_secs(15);
/// Bytes of a hash.
const HASH: u32 = 32;
/// Bytes of the `result` that opens an answer.
const RESULT: u32 = 1;
/// Bytes of an answer that says nothing more than its `result`, with room for `retry_after_ms`.
const BARE_ANSWER_BYTES: u32 = 8;
/// Bytes after which `bodies/1` stops adding bodies; the one that crosses it is sent whole.
const BODIES_STOP_BYTES: u32 = 4 * 1024 * 1024;
/// Bytes of a `push/1` question.
const PUSH_BYTES: u32 = 320 * 1024;
/// Bytes of a `compact/1` question: 8,192 short ids and a header fit.
const COMPACT_BYTES: u32 = 64 * 1024;
/// Bytes of an encoded transaction at the most (formats: Transaction).
const MAX_TX_BYTES: u32 = 16_384;

const _: () = assert!(MAX_TX_BYTES as usize == limits::MAX_TX_BYTES);

/// Caps of one protocol, bytes of the message without its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frames {
    /// Of a question.
    pub(super) question_max: u32,
    /// Of an answer.
    pub(super) answer_max: u32,
}

impl Protocol {
    /// The caps on a chain with this `max_body_bytes`. They follow from the greatest counts formats.md
    /// allows.
    pub(super) fn frames(self, max_body_bytes: u32) -> Frames {
        let (question_max, answer_max) = match self {
            Self::Status => (1024, 1024),
            Self::Headers => (2 + 1 + 64 * HASH, 1024 * 1024),
            Self::Bodies => {
                (1 + 16 * HASH, max_body_bytes.saturating_add(BODIES_STOP_BYTES + RESULT + 16 * 5))
            }
            // An id takes 32 bytes and stands for at least 171 of the body: less than a fifth of it.
            Self::BlockIds => (HASH, (max_body_bytes / 5).max(1024)),
            Self::BlockTxs => (HASH + 2 + 4 * 65_535, max_body_bytes.saturating_add(64 * 1024)),
            Self::Announce => (2 + 256 * HASH, BARE_ANSWER_BYTES),
            Self::Pool => (HASH + 2, 64 * 1024),
            Self::Txs => (2 + 256 * HASH, RESULT + 256 * (2 + MAX_TX_BYTES)),
            Self::Push => (PUSH_BYTES, BARE_ANSWER_BYTES),
            Self::Compact => (COMPACT_BYTES, BARE_ANSWER_BYTES),
            Self::SendCompact => (1, BARE_ANSWER_BYTES),
            Self::Peers => (1, 32 * 1024),
        };
        Frames { question_max, answer_max }
    }

    /// How long a request may take from the first byte of the question to the last of the answer. Long
    /// answers get the longest patience of the sync (64 s): it has its own, shorter timers.
    #[must_use]
    pub fn timeout(self) -> Duration {
        Duration::from_secs(match self {
            Self::Headers | Self::BlockIds => 30,
            Self::Bodies | Self::BlockTxs | Self::Txs => 64,
            _ => 15,
        })
    }
}

/// A question as it comes. One over its cap is no error of its stream: the library keeps those to itself, and
/// whoever sends one is to be known.
pub(super) type Asked = Result<Vec<u8>, TooLarge>;

/// A message over its protocol's cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("message of {bytes} bytes, at most {max} are allowed")]
pub(super) struct TooLarge {
    bytes: u64,
    max: u32,
}

impl TooLarge {
    /// Whether an error of a stream is this one.
    fn is_cause_of(error: &io::Error) -> bool {
        error.get_ref().is_some_and(|inner| inner.is::<Self>())
    }
}

/// What a failed request of ours is to the core.
pub(super) fn failure(error: &OutboundFailure) -> RequestFailure {
    match error {
        OutboundFailure::Timeout => RequestFailure::Timeout,
        OutboundFailure::UnsupportedProtocols => RequestFailure::Unsupported,
        OutboundFailure::ConnectionClosed | OutboundFailure::DialFailure => RequestFailure::Closed,
        OutboundFailure::Io(error) if TooLarge::is_cause_of(error) => RequestFailure::TooLarge,
        // Questions leave before the other side has said that it knows their protocol.
        OutboundFailure::Io(error) if is_unsupported(error) => RequestFailure::Unsupported,
        OutboundFailure::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => RequestFailure::Closed,
        OutboundFailure::Io(_) => RequestFailure::Other,
    }
}

fn is_unsupported(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| matches!(inner.downcast_ref(), Some(NegotiationError::Failed)))
}

/// The length of a message, if it is within its cap.
fn admit(bytes: u64, max: u32) -> Result<u32, TooLarge> {
    u32::try_from(bytes).ok().filter(|length| *length <= max).ok_or(TooLarge { bytes, max })
}

async fn read_frame<T: AsyncRead + Unpin + Send>(io: &mut T, max: u32) -> io::Result<Asked> {
    let mut length = [0; 4];
    io.read_exact(&mut length).await?;
    let length = match admit(u64::from(u32::from_le_bytes(length)), max) {
        Ok(length) => length,
        Err(error) => return Ok(Err(error)),
    };
    let length = usize::try_from(length).expect("a cap fits in a usize");
    let mut message = Vec::new();
    while message.len() < length {
        let (arrived, next) = (message.len(), length.min(message.len() + STEP_BYTES));
        if message.capacity() < next {
            message.reserve_exact(length.min(arrived * GROWTH + STEP_BYTES) - arrived);
        }
        message.resize(next, 0);
        io.read_exact(&mut message[arrived..]).await?;
    }
    Ok(Ok(message))
}

async fn write_frame<T: AsyncWrite + Unpin + Send>(io: &mut T, message: &[u8], max: u32) -> io::Result<()> {
    let bytes = u64::try_from(message.len()).unwrap_or(u64::MAX);
    let length = admit(bytes, max).map_err(io::Error::other)?;
    io.write_all(&length.to_le_bytes()).await?;
    io.write_all(message).await?;
    io.flush().await
}

impl Codec for Frames {
    type Protocol = StreamProtocol;
    type Request = Asked;
    type Response = Vec<u8>;

    async fn read_request<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Asked>
    where
        T: AsyncRead + Unpin + Send,
    {
        let question = read_frame(io, self.question_max);
        tokio::time::timeout(QUESTION_WITHIN, question).await.map_err(|_| io::ErrorKind::TimedOut)?
    }

    async fn read_response<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Vec<u8>>
    where
        T: AsyncRead + Unpin + Send,
    {
        read_frame(io, self.answer_max).await?.map_err(io::Error::other)
    }

    async fn write_request<T>(&mut self, _: &StreamProtocol, io: &mut T, question: Asked) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        write_frame(io, &question.map_err(io::Error::other)?, self.question_max).await
    }

    async fn write_response<T>(&mut self, _: &StreamProtocol, io: &mut T, message: Vec<u8>) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        write_frame(io, &message, self.answer_max).await
    }
}

#[cfg(test)]
mod tests;
