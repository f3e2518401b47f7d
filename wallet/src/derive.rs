//! Keys from a seed: SLIP-0010 for Ed25519, where every step is hardened.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha512;
use thiserror::Error;
use zeroize::{Zeroize, Zeroizing};

/// The highest account index: the top bit says that a step is hardened.
pub const MAX_ACCOUNT: u32 = HARDENED - 1;

const HARDENED: u32 = 1 << 31;
/// BIP 44's purpose.
const PURPOSE: u32 = 44;
/// Coin type of every test network (SLIP-0044).
const COIN_TYPE: u32 = 1;

/// An account that the wallet cannot have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AccountError {
    /// Over [`MAX_ACCOUNT`].
    #[error("account {0} does not exist; the highest is {MAX_ACCOUNT}")]
    TooHigh(u32),
    /// A wallet of one key has no other account.
    #[error("account {0} does not exist; a wallet of a single key has account 0 alone")]
    SingleKey(u32),
}

/// A private key and the chain code to go on from.
struct Node {
    key: Zeroizing<[u8; 32]>,
    chain: Zeroizing<[u8; 32]>,
}

/// The private key at `m/44'/1'/account'/0'`.
pub(crate) fn account_key(seed: &[u8; 64], account: u32) -> Result<Zeroizing<[u8; 32]>, AccountError> {
    if account > MAX_ACCOUNT {
        return Err(AccountError::TooHigh(account));
    }
    Ok(walk(seed, &[PURPOSE, COIN_TYPE, account, 0]).key)
}

/// Follows a path of hardened steps from the master node; indices are below 2^31.
fn walk(seed: &[u8], path: &[u32]) -> Node {
    let master = Node::new(b"ed25519 seed", &[seed]);
    path.iter().fold(master, |node, &index| node.child(index))
}

impl Node {
    fn child(&self, index: u32) -> Self {
        let index = (index | HARDENED).to_be_bytes();
        Self::new(self.chain.as_slice(), &[&[0], self.key.as_slice(), &index])
    }

    fn new(mac_key: &[u8], parts: &[&[u8]]) -> Self {
        let mut mac = Hmac::<Sha512>::new_from_slice(mac_key).expect("HMAC takes a key of any length");
        for part in parts {
            mac.update(part);
        }
        let mut hash = mac.finalize().into_bytes();
        let (mut key, mut chain) = (Zeroizing::new([0; 32]), Zeroizing::new([0; 32]));
        key.copy_from_slice(&hash[..32]);
        chain.copy_from_slice(&hash[32..]);
        hash.as_mut_slice().zeroize();
        Self { key, chain }
    }
}

#[cfg(test)]
mod tests;
