//! What exists on a Starling chain and the bytes of it
