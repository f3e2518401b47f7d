//! Streams count, and end when they are told to.

use super::{Stop, Stream, block_bar, byte_bar};
use std::io::{Read, Write};
use std::sync::atomic::Ordering;

#[test]
fn every_template_can_be_read() {
    block_bar().finish_and_clear();
    byte_bar(Some(10)).finish_and_clear();
    byte_bar(None).finish_and_clear();
}

#[test]
fn bytes_are_counted() {
    let bar = byte_bar(Some(5));
    let mut stream = Stream { inner: &b"hello"[..], stop: Stop::default(), bar: Some(bar.clone()) };
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert_eq!((text.as_str(), bar.position()), ("hello", 5));
}

#[test]
fn a_stop_ends_reading_and_writing() {
    let stop = Stop::default();
    let mut reader = Stream { inner: std::io::repeat(1), stop: stop.clone(), bar: None };
    let mut writer = Stream { inner: Vec::new(), stop: stop.clone(), bar: None };
    reader.read_exact(&mut [0; 8]).unwrap();
    writer.write_all(&[0; 8]).unwrap();
    stop.0.store(true, Ordering::Relaxed);
    assert!(reader.read_exact(&mut [0; 8]).is_err());
    assert!(writer.write_all(&[0; 8]).is_err());
}
