//! The search for a nonce
