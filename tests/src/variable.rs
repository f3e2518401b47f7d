//! Numbers that the environment gives.

use std::str::FromStr;

/// What a variable of the environment says, if it is set.
///
/// # Panics
/// When it says something else: a run with another number than was asked for would deceive.
#[must_use]
pub fn variable<T: FromStr>(name: &str) -> Option<T> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} cannot be {text:?}")))
}
