//! Catching up: headers first, from one peer at a time, then bodies from many at once (network design: Sync).
//!
//! - [`headers`]: which peer is asked for headers, and when another is asked as well
//! - [`bodies`]: which peer is asked for which bodies, and what happens when one holds up the rest
//!
//! Both are told by the core what is right; neither knows a rule.

mod bodies;
mod headers;

pub(crate) use bodies::Bodies;
pub(crate) use headers::Headers;
