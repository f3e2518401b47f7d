//! A header from a stranger: whatever decodes has that one encoding.

use starling_primitives::{Header, PowKind};

/// Decodes `input` as a header, encodes it again and derives what is derived from headers.
pub(crate) fn run(input: &[u8]) {
    let Ok(header) = Header::decode(input) else { return };
    assert_eq!(header.encode(), input);
    let work = header.work();
    assert_eq!(header.id(), work.id());
    let _ = (header.coinbase().root(), work.bits.target(), work.pow_hash(PowKind::Sha256d));
    let again = Header::new(*work, header.extra().as_bytes(), *header.content());
    assert_eq!(again.as_ref(), Ok(&header), "built again from its parts");
}
