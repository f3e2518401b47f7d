//! Zstandard (RFC 8878) around a stream of blocks: written where the file's name asks for it, and read
//! wherever it is found.

use crate::failure::{Failure, Outcome};
use starling_node::NodeError;
use std::io::{self, BufRead, Cursor, ErrorKind, Read, Write};
use std::path::Path;
use zstd::stream::{read::Decoder, write::Encoder};

/// How the name of a compressed file ends.
const EXTENSION: &str = "zst";
/// Endings that promise another compression, which a careless user would believe.
const OTHERS: [&str; 8] = ["7z", "br", "bz2", "gz", "lz4", "xz", "zip", "zstd"];
/// The bytes with which a frame begins. As the length of a block they would be 4 GB, so no uncompressed file
/// begins with them.
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Most of a block is keys and signatures, which a higher level makes no smaller.
const LEVEL: i32 = 3;
/// Window up to which frames are decoded, in bytes as a power of two: the 8 MiB that the RFC asks of decoders
/// and encoders for the sake of each other. It bounds what a hostile file takes in memory.
const MAX_WINDOW_LOG: u32 = 23;

/// Whether a file of this name is to be compressed.
///
/// # Errors
/// The name promises a compression that there is not.
pub(super) fn is_asked(file: &Path) -> Outcome<bool> {
    let Some(extension) = file.extension().map(|extension| extension.to_string_lossy().to_lowercase()) else {
        return Ok(false);
    };
    if OTHERS.contains(&extension.as_str()) {
        let hint = format!("end the name in .{EXTENSION}, or in what promises no compression");
        return Err(Failure::usage(format!("{}: no .{extension} is written; {hint}", file.display())));
    }
    Ok(extension == EXTENSION)
}

/// What `work` writes arrives in `out` as one frame, with a checksum at its end.
pub(super) fn write<T>(
    out: impl Write,
    work: impl FnOnce(&mut dyn Write) -> Result<T, NodeError>,
) -> Result<T, NodeError> {
    let mut encoder = Encoder::new(out, LEVEL).map_err(NodeError::Stream)?;
    encoder.include_checksum(true).map_err(NodeError::Stream)?;
    let done = work(&mut encoder)?;
    encoder.finish().and_then(|mut out| out.flush()).map_err(NodeError::Stream)?;
    Ok(done)
}

/// The blocks of an input, whether it is compressed or not.
///
/// # Errors
/// The input cannot be read.
pub(super) fn read<'a>(mut input: impl BufRead + 'a) -> io::Result<Box<dyn Read + 'a>> {
    let first: Vec<u8> = input.by_ref().bytes().take(MAGIC.len()).collect::<io::Result<_>>()?;
    let is_compressed = first == MAGIC;
    let whole = Cursor::new(first).chain(input);
    if !is_compressed {
        return Ok(Box::new(whole));
    }
    let mut decoder = Decoder::with_buffer(whole)?;
    decoder.window_log_max(MAX_WINDOW_LOG)?;
    Ok(Box::new(Decompressed(decoder)))
}

/// A decoder that says what is wrong with the file.
struct Decompressed<R: BufRead>(Decoder<'static, R>);

impl<R: BufRead> Read for Decompressed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(explained)
    }
}

/// Errors of the system stay as they are.
fn explained(error: io::Error) -> io::Error {
    if error.raw_os_error().is_some() {
        return error;
    }
    let text = error.to_string();
    let what = if error.kind() == ErrorKind::UnexpectedEof {
        "the compressed file is cut short: get it again, and import the rest with the same command".to_owned()
    } else if text.contains("too much memory") {
        let most = 1u32 << (MAX_WINDOW_LOG - 20);
        format!("the file is compressed with a window over {most} MiB; compress it again, without --long")
    } else {
        format!("the compressed file is damaged: {text}; get it again, and import the rest")
    };
    io::Error::new(error.kind(), what)
}

#[cfg(test)]
mod tests;
