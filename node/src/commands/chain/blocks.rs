//! `starling chain export`, `import` and `verify`: work on a data directory whose node is stopped.

use super::super::configure;
use super::stream::{Stop, Stream, block_bar, byte_bar};
use crate::cli::{DataArgs, ExportArgs, ImportArgs, PlaceArgs};
use crate::config::Config;
use crate::failure::{Failure, Outcome, say};
use crate::files::NewFile;
use crate::output;
use serde_json::{Value, json};
use starling_node::{ImportSummary, NodeError, export_chain, import_chain, verify_stored_chain};
use std::fs::File;
use std::io::{self, BufReader, BufWriter, IsTerminal, Read, Write};
use std::path::Path;
use std::time::Instant;

/// The file that is stdin or stdout.
const DASH: &str = "-";
/// Bytes that are read or written at once.
const BUFFER_BYTES: usize = 1 << 20;

/// Writes all blocks of the chain into a new file, or to stdout.
pub(super) fn export(args: ExportArgs) -> Outcome<()> {
    let piped = args.file == Path::new(DASH);
    if piped && io::stdout().is_terminal() {
        return Err(Failure::usage("blocks are no text for a terminal; name a file, or pipe stdout"));
    }
    let config = existing(args.data.place)?;
    let (started, stop) = (Instant::now(), Stop::on_interrupt()?);
    let blocks = if piped {
        export_to(&config, io::stdout().lock(), &stop)?
    } else {
        let mut file = NewFile::create(&args.file)?;
        let blocks = export_to(&config, &mut file, &stop)?;
        file.finish()?;
        blocks
    };
    let name = if piped { "stdout".to_owned() } else { args.file.display().to_string() };
    let seconds = started.elapsed().as_secs_f64();
    let text = format!("{blocks} blocks written to {name} in {seconds:.1} s");
    // Stdout is the blocks' own when they are piped.
    if piped {
        say(&text);
        return Ok(());
    }
    result(args.data.format.json, json!({"file": name, "blocks": blocks, "seconds": seconds}), &text)
}

fn export_to(config: &Config, out: impl Write, stop: &Stop) -> Outcome<u32> {
    let bar = block_bar();
    let stream = Stream { inner: out, stop: stop.clone(), bar: None };
    let mut out = BufWriter::with_capacity(BUFFER_BYTES, stream);
    let mut progress = |done: u32, total: u32| {
        bar.set_length(total.into());
        bar.set_position(done.into());
    };
    let blocks = export_chain(config.chain(), config.data_dir()?, &mut out, &mut progress);
    bar.finish_and_clear();
    // Whatever is left in the buffer was flushed, or belongs to a file that is given up.
    let (_, _) = out.into_parts();
    blocks.map_err(|error| match &error {
        NodeError::Stream(gone) if gone.kind() == io::ErrorKind::BrokenPipe => Failure::reader_gone(),
        _ => ended(stop, error, "the export was interrupted; nothing is left of it"),
    })
}

/// Checks and stores the blocks of a file, or of stdin.
pub(super) fn import(args: ImportArgs) -> Outcome<()> {
    let config = configure(args.data.place.layer())?;
    let (input, total) = source(&args.file)?;
    let (started, stop, bar) = (Instant::now(), Stop::on_interrupt()?, byte_bar(total));
    let stream = Stream { inner: input, stop: stop.clone(), bar: Some(bar.clone()) };
    let mut input = BufReader::with_capacity(BUFFER_BYTES, stream);
    let mut progress = |height: u32| bar.set_message(format!("height {height}"));
    let summary = import_chain(config.chain(), config.data_dir()?, &mut input, &mut progress);
    bar.finish_and_clear();
    let interrupted = "the import was interrupted; what was imported stays, and the same command goes on";
    let summary = summary.map_err(|error| ended(&stop, error, interrupted))?;
    let ImportSummary { read, blocks, txs, height } = summary;
    let seconds = started.elapsed().as_secs_f64();
    let text = if read == 0 {
        format!("there is no block in {}; the tip is at height {height}", args.file.display())
    } else {
        format!(
            "{blocks} new blocks with {txs} transactions in {seconds:.1} s; the tip is at height {height}"
        )
    };
    let value = json!({"read": read, "blocks": blocks, "txs": txs, "height": height, "seconds": seconds});
    result(args.data.format.json, value, &text)
}

/// The file, or stdin, and its size where it has one.
fn source(path: &Path) -> Outcome<(Box<dyn Read>, Option<u64>)> {
    if path == Path::new(DASH) {
        return Ok((Box::new(io::stdin().lock()), None));
    }
    let file = File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Failure::usage(format!("there is no file {}", path.display())),
        _ => Failure::file(path, &error),
    })?;
    let metadata = file.metadata().map_err(|error| Failure::file(path, &error))?;
    if metadata.is_dir() {
        let hint = "name a file that `starling chain export` has written";
        return Err(Failure::usage(format!("{} is a folder; {hint}", path.display())));
    }
    Ok((Box::new(file), metadata.is_file().then_some(metadata.len())))
}

/// Executes the stored chain again.
pub(super) fn verify(args: DataArgs) -> Outcome<()> {
    let config = existing(args.place)?;
    let (started, bar) = (Instant::now(), block_bar());
    let mut progress = |done: u32, total: u32| {
        bar.set_length(total.into());
        bar.set_position(done.into());
    };
    let height = verify_stored_chain(config.chain(), config.data_dir()?, &mut progress);
    bar.finish_and_clear();
    let height = height?;
    let seconds = started.elapsed().as_secs_f64();
    result(
        args.format.json,
        json!({"ok": true, "height": height, "seconds": seconds}),
        &format!("every block up to height {height} holds, checked in {seconds:.1} s"),
    )
}

/// The configuration of a directory that has data: work that only reads must not make an empty one.
fn existing(place: PlaceArgs) -> Outcome<Config> {
    let config = configure(place.layer())?;
    let dir = config.data_dir()?;
    if !dir.is_dir() {
        let chain = &config.chain().name;
        let hint = "name the directory with --data-dir, or run the node first";
        return Err(Failure::data_dir(format!(
            "there is no data of chain {chain} in {}; {hint}",
            dir.display()
        )));
    }
    Ok(config)
}

/// Why the work ended: by Ctrl-C, whatever it looked like from inside.
fn ended(stop: &Stop, error: NodeError, interrupted: &str) -> Failure {
    if stop.is_set() { Failure::interrupted(interrupted) } else { error.into() }
}

fn result(json: bool, value: Value, text: &str) -> Outcome<()> {
    if json { output::json(&value) } else { output::line(text) }
}

#[cfg(test)]
mod tests;
