//! The rules of a Starling chain as pure functions, the header tree and fork choice
