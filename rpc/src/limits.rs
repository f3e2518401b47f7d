//! What a caller may ask for at the most, in one place. Limits of sockets are in the server's configuration.

use starling_primitives::limits::{MAX_HEADER_BYTES, MAX_SCRIPT_BYTES, MAX_TX_BYTES};

/// Bytes of an HTTP request body at the most: 16 MiB.
pub const MAX_BODY_BYTES: u32 = 16 * 1024 * 1024;
/// Bytes of a WebSocket message from a client at the most: 2 MiB, enough for 1,000 payments.
pub const MAX_MESSAGE_BYTES: u32 = 2 * 1024 * 1024;
/// Bytes of an answer at the most: 10 MiB.
pub const MAX_ANSWER_BYTES: u32 = 10 * 1024 * 1024;
/// Calls of one batch at the most.
pub const MAX_BATCH_CALLS: u32 = 1_000;
/// Transactions of one `tx_submit` at the most.
pub const MAX_SUBMITTED_TXS: usize = 1_000;
/// Headers of one `chain_getHeaders` at the most.
pub const MAX_HEADERS: u32 = 2_000;
/// Entries of one page at the most.
pub const MAX_PAGE_ENTRIES: u32 = 1_000;
/// Blocks of one `mining_generate` at the most.
pub const MAX_GENERATED_BLOCKS: u32 = 10_000;
/// Threads of the node's miner at the most.
pub const MAX_MINING_THREADS: u32 = 1_024;
/// Characters of a multiaddr at the most.
pub const MAX_MULTIADDR_CHARS: usize = 512;
/// Characters of a peer id at the most.
pub(crate) const MAX_PEER_ID_CHARS: usize = 128;
/// Seconds of a ban at the most: a year.
pub const MAX_BAN_SECONDS: u32 = 365 * 24 * 3_600;
/// Characters of a page's cursor at the most.
pub(crate) const MAX_CURSOR_CHARS: usize = 128;
/// Hex digits of a transaction at the most.
pub(crate) const MAX_TX_DIGITS: usize = 2 * MAX_TX_BYTES;
/// Hex digits of a header at the most.
pub(crate) const MAX_HEADER_DIGITS: usize = 2 * MAX_HEADER_BYTES;
/// Hex digits of a miner's extra bytes at the most.
pub(crate) const MAX_EXTRA_DIGITS: usize = 2 * MAX_SCRIPT_BYTES;
