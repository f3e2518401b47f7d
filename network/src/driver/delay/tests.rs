//! Late, whole, in order, and never too much of it.

use super::*;
use futures::future::poll_fn;

/// A line that has so many bytes at once, and then ends.
struct Line {
    left: usize,
    next: u8,
    taken: usize,
}

impl AsyncRead for Line {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, to: &mut [u8]) -> Poll<io::Result<usize>> {
        let count = self.left.min(to.len());
        for byte in &mut to[..count] {
            *byte = self.next;
            self.next = self.next.wrapping_add(1);
        }
        self.left -= count;
        self.taken += count;
        Poll::Ready(Ok(count))
    }
}

#[tokio::test]
async fn everything_comes_later_and_in_order() {
    let by = Duration::from_millis(20);
    let (mut delay, mut line) = (Delay::by(by).unwrap(), Line { left: 40_000, next: 0, taken: 0 });
    let (begun, mut got) = (Instant::now(), Vec::new());
    loop {
        let mut buffer = [0; 777];
        let count = poll_fn(|cx| delay.poll_read(Pin::new(&mut line), cx, &mut buffer)).await.unwrap();
        assert!(begun.elapsed() >= by);
        if count == 0 {
            break;
        }
        got.extend_from_slice(&buffer[..count]);
    }
    let sent: Vec<u8> = (0..40_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    assert_eq!(got, sent);
    let mut buffer = [0; 1];
    let again = poll_fn(|cx| delay.poll_read(Pin::new(&mut line), cx, &mut buffer)).await.unwrap();
    assert_eq!(again, 0, "and the end stays the end");
}

#[tokio::test]
async fn what_waits_is_bounded() {
    let mut delay = Delay::by(Duration::from_millis(20)).unwrap();
    let mut line = Line { left: 10 * MOST, next: 0, taken: 0 };
    let mut buffer = [0; 16];
    assert_eq!(poll_fn(|cx| delay.poll_read(Pin::new(&mut line), cx, &mut buffer)).await.unwrap(), 16);
    assert!(line.taken <= MOST + PIECE, "{} bytes were taken", line.taken);
    assert!(Delay::by(Duration::ZERO).is_none());
}
