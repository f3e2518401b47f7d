//! A block's body from a stranger: whatever decodes has that one encoding.

use starling_primitives::{decode_body, encode_body, tx_root};

/// Decodes `input` as a body: four bytes of the count that its header would state, then the body.
pub(crate) fn run(input: &[u8]) {
    let Some((count, body)) = input.split_first_chunk::<4>() else { return };
    let count = u32::from_le_bytes(*count);
    let Ok(txs) = decode_body(body, count) else { return };
    assert_eq!(u32::try_from(txs.len()), Ok(count));
    assert_eq!(encode_body(&txs), body);
    let _ = tx_root(txs.iter().map(|tx| tx.wtxid()));
}
