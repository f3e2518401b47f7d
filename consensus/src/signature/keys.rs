//! Public keys that were points: whoever pays again need not be decoded again.

use curve25519_dalek::EdwardsPoint;

use super::generations::Generations;

/// The points of keys that signed lately, for [`verify_batch`](super::verify_batch): decoding a key is a
/// third of what its signature costs. Bounded, and shared by all threads. A key that nobody signed by in a
/// while leaves; none enters but with a valid signature.
#[derive(Debug)]
pub struct KnownKeys(Generations<[u8; 32], EdwardsPoint>);

impl KnownKeys {
    /// Keeps keys in at most `max_bytes`, between 220 and 450 bytes each; below about 105,000 bytes none.
    #[must_use]
    pub fn new(max_bytes: usize) -> Self {
        Self(Generations::new(max_bytes))
    }

    /// Keeps no keys: each signature pays for its own.
    #[must_use]
    pub fn none() -> Self {
        Self::new(0)
    }

    /// Keys at this moment.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none at this moment.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Keys at most.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.0.capacity()
    }

    /// Bytes taken at this moment.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.0.bytes()
    }

    pub(super) fn get(&self, key: &[u8; 32]) -> Option<EdwardsPoint> {
        self.0.get(key)
    }

    /// Takes in a key with the point that it decodes to.
    pub(super) fn insert(&self, key: [u8; 32], point: EdwardsPoint) {
        self.0.insert(key, point);
    }
}

#[cfg(test)]
mod tests;
