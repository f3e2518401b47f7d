//! What is counted: calls by method, and those that came to nothing.

use crate::methods::METHODS;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The name under which calls of methods that do not exist are counted.
const UNKNOWN: &str = "unknown";

/// Calls of one method since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MethodCount {
    /// Its name; `unknown` for all that do not exist.
    pub method: &'static str,
    /// Calls.
    pub calls: u64,
    /// Of these, those that were answered with an error.
    pub errors: u64,
}

#[derive(Debug, Default)]
struct Counter {
    calls: AtomicU64,
    errors: AtomicU64,
}

/// Counters of all methods.
#[derive(Debug)]
pub(crate) struct Counts(BTreeMap<&'static str, Counter>);

impl Counts {
    pub(crate) fn new() -> Self {
        let names = METHODS.iter().map(|method| method.name).chain([UNKNOWN]);
        Self(names.map(|name| (name, Counter::default())).collect())
    }

    /// A call was answered.
    pub(crate) fn note(&self, method: Option<&'static str>, failed: bool) {
        if let Some(counter) = self.0.get(method.unwrap_or(UNKNOWN)) {
            counter.calls.fetch_add(1, Relaxed);
            counter.errors.fetch_add(u64::from(failed), Relaxed);
        }
    }

    /// What was counted so far.
    pub(crate) fn all(&self) -> Vec<MethodCount> {
        let count = |(method, counter): (&&'static str, &Counter)| MethodCount {
            method,
            calls: counter.calls.load(Relaxed),
            errors: counter.errors.load(Relaxed),
        };
        self.0.iter().map(count).collect()
    }
}
