//! SHA-256 as Starling uses it: plain, double, tagged, from a midstate, and two hashes into one
