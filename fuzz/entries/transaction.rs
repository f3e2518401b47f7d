//! A transaction from a stranger: whatever decodes has that one encoding.

use starling_primitives::Transaction;

/// Decodes `input` as a transaction, and builds it again from its parts.
pub(crate) fn run(input: &[u8]) {
    let Ok(tx) = Transaction::decode(input) else { return };
    assert_eq!(tx.bytes(), input, "the bytes kept");
    let again = tx.unsigned().with_auth(tx.auth()).expect("its parts were together before");
    assert_eq!(again.bytes(), input, "built again from its parts");
    assert_eq!(again, tx);
    let _ = (tx.sender(), tx.spent());
}
