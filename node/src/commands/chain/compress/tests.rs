//! What is compressed comes back, by whatever name; what is not whole says so.

use super::{MAX_WINDOW_LOG, is_asked, read, write};
use starling_node::NodeError;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;
use zstd::stream::write::Encoder;

/// Bytes in which there is something to compress, and something not.
fn bytes() -> Vec<u8> {
    let noise = (0..100_000u32).map(|number| number.wrapping_mul(2_654_435_761).to_be_bytes()[0]);
    noise.chain(std::iter::repeat_n(7, 200_000)).collect()
}

fn compressed(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out, |out| out.write_all(bytes).and_then(|()| out.flush()).map_err(NodeError::Stream))
        .unwrap();
    out
}

fn back(input: &[u8]) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    read(BufReader::with_capacity(3, input))?.read_to_end(&mut out).map(|_| out)
}

fn refusal(input: &[u8]) -> String {
    back(input).unwrap_err().to_string()
}

#[test]
fn the_name_says_whether_to_compress() {
    for (name, asked) in
        [("a.zst", true), ("a.bin.ZST", true), ("zst", false), ("a.bin", false), ("a", false)]
    {
        assert_eq!(is_asked(Path::new(name)).unwrap(), asked, "{name}");
    }
    for name in ["a.gz", "a.zstd", "b.tar.XZ"] {
        let failure = is_asked(Path::new(name)).unwrap_err();
        assert_eq!((failure.code(), failure.message().contains("end the name in .zst")), (2, true), "{name}");
    }
}

#[test]
fn compressed_or_not_the_bytes_come_back() {
    let bytes = bytes();
    let small = compressed(&bytes);
    assert!(small.len() < bytes.len() / 2, "{}", small.len());
    assert_eq!(back(&small).unwrap(), bytes);
    let twice = [&small[..], &compressed(&[])].concat();
    assert_eq!(back(&twice).unwrap(), bytes, "frames one after another are one stream");
    for plain in [&bytes[..], &[], &[0x28, 0xb5], &[0x28, 0xb5, 0x2f, 0xfe, 1]] {
        assert_eq!(back(plain).unwrap(), plain);
    }
}

#[test]
fn what_is_cut_short_damaged_or_followed_by_something_else_is_refused() {
    let whole = compressed(&bytes());
    for end in [5, 6, whole.len() / 2, whole.len() - 1] {
        assert!(refusal(&whole[..end]).contains("cut short"), "{end}");
    }
    for at in [whole.len() / 3, whole.len() - 1] {
        let mut flipped = whole.clone();
        flipped[at] ^= 4;
        assert!(refusal(&flipped).contains("damaged"), "{at}: {}", refusal(&flipped));
    }
    assert!(refusal(&[&whole[..], b"more"].concat()).contains("damaged"));
}

#[test]
fn a_window_that_takes_much_memory_is_refused() {
    let with_window = |log: u32| {
        let mut encoder = Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(log).unwrap();
        encoder.write_all(&bytes()).unwrap();
        encoder.finish().unwrap()
    };
    assert_eq!(back(&with_window(MAX_WINDOW_LOG)).unwrap(), bytes());
    assert!(refusal(&with_window(MAX_WINDOW_LOG + 1)).contains("a window over 8 MiB"));
}

#[test]
fn errors_of_the_system_stay_as_they_are() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::from_raw_os_error(5))
        }
    }
    let whole = compressed(&bytes());
    let input = whole[..9].chain(Failing);
    let mut input = read(BufReader::new(input)).unwrap();
    assert_eq!(input.read_to_end(&mut Vec::new()).unwrap_err().raw_os_error(), Some(5));
    assert!(read(BufReader::new(Failing)).is_err());
}
