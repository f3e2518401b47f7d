//! Signatures made on purpose: whatever is in a batch, four verdicts agree. Ours on the batch, with keys
//! known and without; one by one; the library's own batch behind our rules on bytes; and the rule spelled
//! out, point by point, as the specification has it.

use std::sync::LazyLock;

use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
use curve25519_dalek::edwards::CompressedEdwardsY;
use curve25519_dalek::traits::IsIdentity;
use curve25519_dalek::{EdwardsPoint, Scalar};
use getrandom::rand_core::UnwrapErr;
use sha2::{Digest, Sha512};
use starling_consensus::{BatchError, KnownKeys, SignatureCheck, check_encoding, verify, verify_batch};

/// Bytes of `input` that make one signature.
const RECIPE_BYTES: usize = 5;
/// Signatures made of one input, at most: their batch has every size on both sides of the library's steps.
const MOST_SIGNATURES: usize = 130;
/// `L`, little-endian.
const GROUP_ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// Keys that all inputs share, so few that they keep leaving.
static KNOWN: LazyLock<KnownKeys> = LazyLock::new(|| KnownKeys::new(150_000));

/// Makes signatures after the recipes in `input` and holds the verdicts against each other.
pub(crate) fn run(input: &[u8]) {
    let checks = craft(input);
    let one_by_one = checks
        .iter()
        .enumerate()
        .try_for_each(|(index, check)| verify(check).map_err(|error| BatchError { index, error }));
    assert_eq!(verify_batch(&checks, &KnownKeys::none()), one_by_one, "without keys");
    assert_eq!(verify_batch(&checks, &KNOWN), one_by_one, "with keys");
    let own = KnownKeys::new(1 << 20);
    for _ in 0..2 {
        assert_eq!(verify_batch(&checks, &own), one_by_one, "with its own keys");
    }
    assert_eq!(by_zebra(&checks), one_by_one.is_ok(), "the library's batch");
    for check in &checks {
        assert_eq!(as_written(check), verify(check).is_ok(), "{check:?}");
    }
}

/// The library's batch, behind our rules on bytes.
fn by_zebra(checks: &[SignatureCheck]) -> bool {
    let mut batch = ed25519_zebra::batch::Verifier::new();
    for check in checks {
        let signature = ed25519_zebra::Signature::from_bytes(&check.signature);
        batch.queue((check.key.into(), signature, &check.message));
    }
    checks.iter().all(|check| check_encoding(&check.key, &check.signature).is_ok())
        && batch.verify(UnwrapErr(getrandom::SysRng)).is_ok()
}

/// The rule as the specification has it (consensus: Signatures), with nothing clever.
fn as_written(check: &SignatureCheck) -> bool {
    let (nonce, scalar) = halves(&check.signature);
    let canonical = |bytes: &[u8; 32]| {
        let point = CompressedEdwardsY(*bytes).decompress();
        point.filter(|point| point.compress().as_bytes() == bytes)
    };
    let Some(scalar) = Scalar::from_canonical_bytes(scalar).into_option() else { return false };
    let (Some(key), Some(nonce_point)) = (canonical(&check.key), canonical(&nonce)) else { return false };
    let left = ED25519_BASEPOINT_POINT * scalar;
    let right = nonce_point + key * challenge(&nonce, &check.key, &check.message);
    !key.is_small_order() && (left - right).mul_by_cofactor().is_identity()
}

/// R and S.
fn halves(signature: &[u8; 64]) -> ([u8; 32], [u8; 32]) {
    let (nonce, scalar) = signature.split_at(32);
    (nonce.try_into().expect("half of it"), scalar.try_into().expect("half of it"))
}

fn whole(nonce: [u8; 32], scalar: [u8; 32]) -> [u8; 64] {
    [nonce, scalar].concat().try_into().expect("two halves")
}

fn challenge(nonce: &[u8; 32], key: &[u8; 32], message: &[u8; 32]) -> Scalar {
    let hash = Sha512::new().chain_update(nonce).chain_update(key).chain_update(message);
    Scalar::from_bytes_mod_order_wide(&hash.finalize().into())
}

/// A scalar for each number in each role.
fn secret(role: u8, number: [u8; 2]) -> Scalar {
    Scalar::from_bytes_mod_order_wide(
        &Sha512::new().chain_update([role]).chain_update(number).finalize().into(),
    )
}

fn torsion(number: u8) -> EdwardsPoint {
    EIGHT_TORSION[usize::from(number % 8)]
}

/// `p + number`, or as near to it as 255 bits allow, with a sign: no canonical encoding.
fn not_reduced(number: u8, sign: u8) -> [u8; 32] {
    let mut bytes = [0xff; 32];
    bytes[0] = 0xed + number % 19;
    bytes[31] = 0x7f | sign << 7;
    bytes
}

/// How one signature is made.
#[derive(Clone, Copy)]
struct Recipe {
    shape: u8,
    who: u8,
    torsion: u8,
    message: u8,
    tweak: u8,
}

fn craft(input: &[u8]) -> Vec<SignatureCheck> {
    let mut checks: Vec<SignatureCheck> = Vec::new();
    let (recipes, _) = input.as_chunks::<RECIPE_BYTES>();
    for &[shape, who, torsion, message, tweak] in recipes.iter().take(MOST_SIGNATURES) {
        let check = Recipe { shape, who, torsion, message, tweak }.follow(&mut checks);
        checks.push(check);
    }
    checks
}

impl Recipe {
    /// A signature that may be wrong, or make an earlier one wrong.
    fn follow(self, earlier: &mut [SignatureCheck]) -> SignatureCheck {
        let which = usize::from(self.tweak) % earlier.len().max(1);
        match (self.shape % 32, earlier.get_mut(which)) {
            (16 | 17, Some(earlier)) => *earlier,
            (18, Some(earlier)) => flipped(*earlier, self.who, self.message),
            (19, Some(earlier)) => self.cancelling(earlier),
            (20, Some(earlier)) => SignatureCheck { message: self.text(), ..*earlier },
            (21, _) => flipped(self.signed(), self.message, self.tweak),
            (22, _) => self.not_below_order(),
            (23 | 24, _) => self.with_nonce(torsion(self.tweak), Scalar::ZERO),
            (25, _) => self.for_anybody(torsion(self.tweak).compress().to_bytes()),
            (26, _) => self.for_anybody(not_reduced(self.tweak, self.torsion)),
            (27, _) => self.for_anybody(self.sign_on_zero()),
            (28, _) => self.nonce_encoded(not_reduced(self.tweak, self.torsion)),
            (29, _) => self.nonce_encoded(self.sign_on_zero()),
            (30, _) => SignatureCheck { key: [self.tweak; 32], ..self.signed() },
            _ => self.signed(),
        }
    }

    fn text(self) -> [u8; 32] {
        let mut text = [self.message; 32];
        text[0] = self.who;
        text
    }

    /// A valid signature, with torsion in its key and in its R.
    fn signed(self) -> SignatureCheck {
        let nonce = secret(1, [self.who, self.message]);
        self.with_nonce(ED25519_BASEPOINT_POINT * nonce + torsion(self.torsion >> 4), nonce)
    }

    /// A valid one with this R, `nonce` times the base point but for torsion.
    fn with_nonce(self, point: EdwardsPoint, nonce: Scalar) -> SignatureCheck {
        let scalar = secret(0, [self.who % 16, 0]);
        let key = (ED25519_BASEPOINT_POINT * scalar + torsion(self.torsion)).compress().to_bytes();
        let (point, message) = (point.compress().to_bytes(), self.text());
        let answer = nonce + challenge(&point, &key, &message) * scalar;
        SignatureCheck { key, signature: whole(point, answer.to_bytes()), message }
    }

    /// Under a key of small order the equation needs no secret.
    fn for_anybody(self, key: [u8; 32]) -> SignatureCheck {
        let nonce = secret(1, [self.who, self.message]);
        let point = (ED25519_BASEPOINT_POINT * nonce).compress().to_bytes();
        SignatureCheck { key, signature: whole(point, nonce.to_bytes()), message: self.text() }
    }

    /// As valid as one with these bytes for R can be: where they are of small order, the equation holds.
    fn nonce_encoded(self, nonce: [u8; 32]) -> SignatureCheck {
        let scalar = secret(0, [self.who % 16, 0]);
        let key = (ED25519_BASEPOINT_POINT * scalar).compress().to_bytes();
        let answer = challenge(&nonce, &key, &self.text()) * scalar;
        SignatureCheck { key, signature: whole(nonce, answer.to_bytes()), message: self.text() }
    }

    /// x = 0 with its sign set.
    fn sign_on_zero(self) -> [u8; 32] {
        let mut bytes = if self.tweak.is_multiple_of(2) {
            EdwardsPoint::default().compress().to_bytes()
        } else {
            EIGHT_TORSION[4].compress().to_bytes()
        };
        bytes[31] |= 0x80;
        bytes
    }

    /// S + L is the same scalar and another encoding.
    fn not_below_order(self) -> SignatureCheck {
        let mut check = self.signed();
        let mut carry = 0;
        for (byte, more) in check.signature[32..].iter_mut().zip(GROUP_ORDER) {
            let sum = u16::from(*byte) + u16::from(more) + carry;
            [*byte, _] = sum.to_le_bytes();
            carry = sum >> 8;
        }
        check
    }

    /// What is added to S here is taken from another's: without coefficients the two would make up for each
    /// other.
    fn cancelling(self, other: &mut SignatureCheck) -> SignatureCheck {
        let mut check = self.signed();
        let amount = Scalar::from(u64::from(self.message) + 1);
        for (check, amount) in [(&mut check, amount), (other, -amount)] {
            let (nonce, scalar) = halves(&check.signature);
            let changed = Scalar::from_bytes_mod_order(scalar) + amount;
            check.signature = whole(nonce, changed.to_bytes());
        }
        check
    }
}

/// With one of its 1,024 bits flipped.
fn flipped(mut check: SignatureCheck, place: u8, bit: u8) -> SignatureCheck {
    let mask = 1 << (bit % 8);
    match usize::from(place % 128) {
        place @ 0..32 => check.key[place] ^= mask,
        place @ 32..96 => check.signature[place - 32] ^= mask,
        place => check.message[place - 96] ^= mask,
    }
    check
}
