//! Waiting: for a condition, and for an answer.

use std::future::Future;
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// How long anything may take that should take seconds, on a machine that is busy with other tests.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Time between two looks at a condition.
const LOOK_EVERY: Duration = Duration::from_millis(30);

/// Looks again and again until the condition gives a value; its errors say what it sees instead.
///
/// # Panics
/// When [`PATIENCE`] is over: with what was waited for, and what was seen last.
pub fn until<T>(what: &str, mut condition: impl FnMut() -> Result<T, String>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match condition() {
            Ok(value) => return value,
            Err(seen) if Instant::now() > deadline => {
                panic!("waited {} s until {what}; last seen: {seen}", PATIENCE.as_secs())
            }
            Err(_) => std::thread::sleep(LOOK_EVERY),
        }
    }
}

/// Waits for an answer, from a test that is not asynchronous itself.
///
/// # Panics
/// When the system gives no threads to wait on.
pub fn wait<T>(answer: impl Future<Output = T>) -> T {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    let start = || Runtime::new().expect("the system gives threads");
    RUNTIME.get_or_init(start).block_on(answer)
}
