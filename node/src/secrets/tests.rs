//! Secrets from descriptors and files: bounded, text, without the line break at their end.

use super::{MAX_SECRET_BYTES, Purpose, from_fd, from_path, passphrase};
use crate::cli::PassphraseArgs;
use std::fs::File;
use std::io::{Seek, Write};
use std::os::fd::AsRawFd;

fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}

#[test]
fn a_descriptor_that_is_open_is_read() {
    let mut open: File = tempfile::tempfile().unwrap();
    open.write_all(b"open sesame\n").unwrap();
    open.rewind().unwrap();
    let fd = u32::try_from(open.as_raw_fd()).unwrap();
    assert_eq!(*from_fd(fd).unwrap(), "open sesame");
}

#[test]
fn a_descriptor_that_is_closed_is_named() {
    let failure = from_fd(987_654).unwrap_err();
    assert_eq!(failure.code(), 2);
    assert!(failure.message().contains("file descriptor 987654 is not open"), "{}", failure.message());
}

#[test]
fn one_line_break_at_the_end_is_no_part() {
    for (bytes, text) in [(&b"a\n"[..], "a"), (b"a\r\n", "a"), (b"a\n\n", "a\n"), (b" a ", " a "), (b"", "")]
    {
        assert_eq!(*from_path(file(bytes).path()).unwrap(), text);
    }
}

#[test]
fn too_much_and_no_text_are_refused() {
    let most = vec![b'a'; MAX_SECRET_BYTES];
    assert_eq!(from_path(file(&most).path()).unwrap().len(), MAX_SECRET_BYTES);
    let over = vec![b'a'; MAX_SECRET_BYTES + 1];
    assert!(from_path(file(&over).path()).unwrap_err().message().contains("at most 4096 bytes"));
    assert!(from_path(file(&[0xff]).path()).unwrap_err().message().contains("UTF-8"));
    let endless = from_path(std::path::Path::new("/dev/zero")).unwrap_err();
    assert_eq!(endless.code(), 2);
}

#[test]
fn a_new_wallet_has_a_passphrase_of_some_length() {
    let with = |text: &[u8], purpose| {
        let file = file(text);
        let args = PassphraseArgs { passphrase_fd: None, passphrase_file: Some(file.path().to_owned()) };
        passphrase(&args, "alice", purpose)
    };
    for short in [&b"\n"[..], b"x\n", b"1234567\n", "\u{e4}\u{e4}\u{e4}\u{e4}\n".as_bytes()] {
        let failure = with(short, Purpose::Close).unwrap_err();
        assert_eq!((failure.code(), failure.message().contains("8 characters or more")), (2, true));
    }
    assert_eq!(*with(b"12345678\n", Purpose::Close).unwrap(), "12345678");
    assert_eq!(*with(b"\n", Purpose::Open).unwrap(), "");
}
