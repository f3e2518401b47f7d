//! Frames round-trip, keep their caps, and hold what formats.md allows.

use super::*;
use futures::executor::block_on;
use futures::io::Cursor;

fn written(message: &[u8], max: u32) -> io::Result<Vec<u8>> {
    let mut out = Cursor::new(Vec::new());
    block_on(write_frame(&mut out, message, max))?;
    Ok(out.into_inner())
}

fn read(bytes: &[u8], max: u32) -> io::Result<Vec<u8>> {
    block_on(read_frame(&mut Cursor::new(bytes), max))?.map_err(io::Error::other)
}

#[test]
fn a_frame_is_its_length_and_its_message() {
    let frame = written(b"abc", 3).unwrap();
    assert_eq!(frame, [3, 0, 0, 0, b'a', b'b', b'c']);
    assert_eq!(read(&frame, 3).unwrap(), b"abc");
    assert_eq!(read(&[0; 4], 0).unwrap(), b"");
}

#[test]
fn a_message_over_the_cap_is_refused_on_both_ends() {
    assert!(TooLarge::is_cause_of(&written(b"abcd", 3).unwrap_err()));
    assert!(TooLarge::is_cause_of(&read(&[4, 0, 0, 0, 1, 2, 3, 4], 3).unwrap_err()));
    assert!(TooLarge::is_cause_of(&read(&[0xff; 4], u32::MAX - 1).unwrap_err()));
}

#[tokio::test]
async fn a_question_over_its_cap_is_told_of_and_an_answer_over_it_is_an_error() {
    let mut frames = Frames { question_max: 3, answer_max: 3 };
    let (name, bytes) = (StreamProtocol::new("/any"), [4, 0, 0, 0, 1, 2, 3, 4]);
    let asked = frames.read_request(&name, &mut Cursor::new(&bytes[..])).await;
    assert_eq!(asked.unwrap(), Err(TooLarge { bytes: 4, max: 3 }));
    let answer = frames.read_response(&name, &mut Cursor::new(&bytes[..])).await;
    assert!(TooLarge::is_cause_of(&answer.unwrap_err()));
}

#[test]
fn a_cut_frame_is_an_early_end() {
    for bytes in [&[][..], &[3, 0, 0], &[3, 0, 0, 0], &[3, 0, 0, 0, 1, 2]] {
        let error = read(bytes, 1024).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{bytes:?}");
    }
    // A great length on its word alone costs no memory and ends the same way.
    let error = read(&[0, 0, 0, 0xf0, 1], u32::MAX).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
}

#[test]
fn a_long_message_is_put_together_from_what_arrives() {
    let long: Vec<u8> = (0..3 * GROWTH * STEP_BYTES + 5).map(|at| at.to_le_bytes()[1]).collect();
    let max = u32::try_from(long.len()).unwrap();
    for len in [STEP_BYTES - 1, STEP_BYTES, STEP_BYTES + 1, (GROWTH + 1) * STEP_BYTES + 1, long.len()] {
        let frame = written(&long[..len], max).unwrap();
        let message = read(&frame, max).unwrap();
        assert!(message == long[..len] && message.capacity() == len, "{len}");
        let cut = read(&frame[..frame.len() - 1], max).unwrap_err();
        assert_eq!(cut.kind(), io::ErrorKind::UnexpectedEof, "{len}");
    }
}

#[test]
fn the_caps_hold_the_greatest_messages_of_the_format() {
    let body = 4 * 1024 * 1024;
    let frames = |protocol: Protocol| protocol.frames(body);
    assert!(frames(Protocol::Headers).answer_max >= 1 + 2 + 2_000 * (2 + 400));
    assert!(frames(Protocol::Bodies).answer_max >= 1 + 4 * 1024 * 1024 + body + 16 * 5);
    assert!(frames(Protocol::BlockIds).answer_max >= 1 + 4 + body / 171 * 32);
    assert!(frames(Protocol::BlockTxs).answer_max >= 1 + 2 + body);
    assert!(frames(Protocol::Pool).answer_max >= 1 + 32 + 2 + 2_000 * 32);
    assert!(frames(Protocol::Push).question_max >= 1 + 2 + 400 + 8_192 * 32);
    // The smallest bodies leave room for the fixed part; the greatest do not overflow.
    assert!(Protocol::BlockIds.frames(171).answer_max >= 1 + 4 + 32);
    assert_eq!(Protocol::Bodies.frames(u32::MAX).answer_max, u32::MAX);
}
