//! Limits of the formats, in one place (formats: Transaction, Body, Block).

/// Bytes of an encoded transaction at the most.
pub const MAX_TX_BYTES: usize = 16_384;
/// Bytes of the smallest transaction: one output, no memo, one key.
pub const MIN_TX_BYTES: usize = 169;
/// Bytes that precede each transaction in a body: its length.
pub const TX_LEN_BYTES: usize = 2;
/// Outputs of one transfer at the most.
pub const MAX_OUTPUTS: usize = 255;
/// Bytes of a memo at the most.
pub const MAX_MEMO_BYTES: usize = 128;
/// Keys of one policy at the most.
pub const MAX_KEYS: usize = 16;
/// Bytes of an encoded header at the most.
pub const MAX_HEADER_BYTES: usize = 400;
/// Bytes of the coinbase script at the most (as in Bitcoin).
pub const MAX_SCRIPT_BYTES: usize = 100;
/// Bytes of the coinbase script at the least (as in Bitcoin).
pub const MIN_SCRIPT_BYTES: usize = 2;
/// Bytes of extra at the most, whatever the height: the height's push takes at least one of the script's.
pub const MAX_EXTRA_BYTES: usize = MAX_SCRIPT_BYTES - 1;
/// Bytes of a state value at the most.
pub const MAX_STATE_VALUE_BYTES: usize = 1_024;

const _: () = assert!(MAX_TX_BYTES <= u16::MAX as usize);
