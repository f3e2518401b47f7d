//! The rules on a signature's bytes (consensus: Signatures), asked before any work on the curve.

use ed25519_zebra::Signature;

use super::SignatureError;

/// `L = 2^252 + 27742317777372353535851937790883648493`, the order of the base point, little-endian.
const GROUP_ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// `p = 2^255 - 19`, the order of the field, little-endian.
const FIELD_ORDER: [u8; 32] = number(0xed, 0xff, 0x7f);

/// The bit of an encoding's last byte that carries the sign of x; the 255 bits below it are y.
const SIGN: u8 = 0x80;

/// The two encodings of x = 0 with the sign set: y = 1 and y = -1. Decoders read them as if it were not.
const SIGNED_ZEROS: [[u8; 32]; 2] = [number(0x01, 0x00, SIGN), number(0xec, 0xff, 0xff)];

/// The canonical encodings of the eight points whose order divides the cofactor 8.
const SMALL_ORDER: [[u8; 32]; 8] = [
    // Order 1, the neutral element: y = 1.
    number(0x01, 0x00, 0x00),
    // Order 2: y = -1.
    number(0xec, 0xff, 0x7f),
    // Order 4: y = 0.
    number(0x00, 0x00, 0x00),
    number(0x00, 0x00, SIGN),
    // Order 8: two values of y, one the negative of the other.
    signed(ORDER_EIGHT, 0),
    signed(ORDER_EIGHT, SIGN),
    signed(MINUS_ORDER_EIGHT, 0),
    signed(MINUS_ORDER_EIGHT, SIGN),
];

const ORDER_EIGHT: [u8; 32] = [
    0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5,
    0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
];

const MINUS_ORDER_EIGHT: [u8; 32] = [
    0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a,
    0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
];

/// 32 bytes that are alike but for the first and the last.
const fn number(first: u8, middle: u8, last: u8) -> [u8; 32] {
    let mut bytes = [middle; 32];
    bytes[0] = first;
    bytes[31] = last;
    bytes
}

const fn signed(mut encoding: [u8; 32], sign: u8) -> [u8; 32] {
    encoding[31] |= sign;
    encoding
}

/// Checks the bytes of a key (A) and a signature (R, S) by the rules that need no curve: `S < L`; A canonical
/// and not of small order; R canonical. Whether A and R are points at all is asked when they are decoded.
///
/// # Errors
///
/// The first rule broken, in the order of [`SignatureError`].
pub fn check_encoding(key: &[u8; 32], signature: &[u8; 64]) -> Result<(), SignatureError> {
    let signature = Signature::from_bytes(signature);
    let (nonce, scalar) = (*signature.r_bytes(), *signature.s_bytes());
    if !is_below(&scalar, &GROUP_ORDER) {
        return Err(SignatureError::ScalarNotReduced { scalar });
    }
    if !is_canonical(key) {
        return Err(SignatureError::KeyNotCanonical { key: *key });
    }
    if SMALL_ORDER.contains(key) {
        return Err(SignatureError::KeySmallOrder { key: *key });
    }
    if !is_canonical(&nonce) {
        return Err(SignatureError::NonceNotCanonical { nonce });
    }
    Ok(())
}

/// Whether encoding the point that these bytes decode to, if any, gives the same bytes.
fn is_canonical(encoding: &[u8; 32]) -> bool {
    let mut y = *encoding;
    y[31] &= !SIGN;
    is_below(&y, &FIELD_ORDER) && !SIGNED_ZEROS.contains(encoding)
}

/// Compares two little-endian numbers.
fn is_below(number: &[u8; 32], bound: &[u8; 32]) -> bool {
    number.iter().rev().lt(bound.iter().rev())
}

#[cfg(test)]
mod tests;
