//! Streams count, and end when they are told to.

use super::Stream;
use crate::commands::offline::{Stop, byte_bar};
use std::io::{Read, Write};

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
    stop.set();
    assert!(reader.read_exact(&mut [0; 8]).is_err());
    assert!(writer.write_all(&[0; 8]).is_err());
}
