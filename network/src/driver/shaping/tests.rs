//! Tests of the line's limit.

use super::*;
use futures::AsyncWriteExt;
use futures::io::Cursor;

const SECOND: Duration = Duration::from_secs(1);

/// Sends as much as is permitted for so long, in writes of `piece` bytes; how much that was.
fn send_for(line: &Uplink, from: Instant, time: Duration, piece: usize) -> u64 {
    let (mut now, before) = (from, line.sent());
    // A line that let all pass would never let the time go on.
    while now < from + time && line.sent() < before + 4_000_000_000 {
        match line.permit(piece, now) {
            Ok(bytes) => line.note(bytes, now),
            Err(wait) => now += wait,
        }
    }
    line.sent() - before
}

#[test]
fn a_limit_is_kept_whatever_the_pieces_are() {
    let now = Instant::now();
    for limit in [32 << 10, 1 << 20, 100 << 20] {
        for piece in [1, 100, 4_096, 1 << 20] {
            if piece == 1 && limit > 1 << 20 {
                continue;
            }
            let line = Uplink::new(Some(limit), now);
            let first = send_for(&line, now, SECOND * 10, piece);
            let burst = (limit / 10).max(LEAST_BURST);
            assert!(first <= 10 * limit + burst, "{first} of {limit} in pieces of {piece}");
            assert!(first >= 9 * limit, "{first} of {limit} in pieces of {piece}");
        }
    }
}

#[test]
fn what_was_not_used_is_not_saved_up() {
    let now = Instant::now();
    let line = Uplink::new(Some(1 << 20), now);
    let later = now + SECOND * 3_600;
    let sent = send_for(&line, later, SECOND, 4_096);
    assert!(sent < (1 << 20) + (1 << 18), "{sent}");
}

#[test]
fn without_a_limit_everything_passes_and_is_counted() {
    let now = Instant::now();
    let line = Uplink::new(None, now);
    assert_eq!(line.permit(usize::MAX, now), Ok(usize::MAX));
    line.note(7, now);
    assert_eq!(line.sent(), 7);
}

#[tokio::test]
async fn streams_share_the_line_and_lose_nothing() {
    let line = Arc::new(Uplink::new(Some(400 << 10), Instant::now()));
    let begun = Instant::now();
    let write = |seed: u8| {
        let line = Arc::clone(&line);
        async move {
            let bytes: Vec<u8> = (0..100_000_u32).map(|n| n.to_le_bytes()[0] ^ seed).collect();
            let mut stream = Stream { inner: Cursor::new(Vec::new()), line, pause: None, delay: None };
            stream.write_all(&bytes).await.unwrap();
            assert_eq!(stream.inner.into_inner(), bytes);
        }
    };
    futures::future::join3(write(1), write(2), write(3)).await;
    let took = begun.elapsed().as_secs_f64();
    assert_eq!(line.sent(), 300_000);
    assert!(300_000.0 / took <= 1.1 * f64::from(400 << 10) + f64::from(40 << 10) / took, "{took} s");
}
