//! `starling chain export`, `import` and `verify`: work on a data directory whose node is stopped.

use super::compress;
use super::stream::Stream;
use crate::cli::{ExportArgs, ImportArgs, VerifyArgs};
use crate::commands::configure;
use crate::commands::offline::{Stop, block_bar, byte_bar, existing};
use crate::config::Config;
use crate::failure::{Failure, Outcome, say};
use crate::files::NewFile;
use crate::output;
use serde_json::{Value, json};
use starling_ledger::VerifyError;
use starling_node::{
    ImportOptions, ImportSummary, NodeError, export_chain, import_chain, verify_stored_chain,
};
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
    let compressed = !piped && compress::is_asked(&args.file)?;
    let config = existing(args.data.place)?;
    let (started, stop) = (Instant::now(), Stop::on_interrupt()?);
    let name = if piped { "stdout".to_owned() } else { args.file.display().to_string() };
    let blocks = if piped {
        export_to(&config, (&name, io::stdout().lock()), compressed, &stop)?
    } else {
        let mut file = NewFile::create(&args.file)?;
        let blocks = export_to(&config, (&name, &mut file), compressed, &stop)?;
        file.finish()?;
        blocks
    };
    let seconds = started.elapsed().as_secs_f64();
    let text = format!("{blocks} blocks written to {name} in {seconds:.1} s");
    // Stdout is the blocks' own when they are piped.
    if piped {
        say(&text);
        return Ok(());
    }
    result(args.data.format.json, json!({"file": name, "blocks": blocks, "seconds": seconds}), &text)
}

fn export_to(
    config: &Config,
    (name, out): (&str, impl Write),
    compressed: bool,
    stop: &Stop,
) -> Outcome<u32> {
    let bar = block_bar();
    let stream = Stream { inner: out, stop: stop.clone(), bar: None };
    let mut out = BufWriter::with_capacity(BUFFER_BYTES, stream);
    let mut progress = |done: u32, total: u32| {
        bar.set_length(total.into());
        bar.set_position(done.into());
    };
    let dir = config.data_dir()?;
    let mut work = |out: &mut dyn Write| export_chain(config.chain(), dir, out, &mut progress);
    let blocks = if compressed { compress::write(&mut out, work) } else { work(&mut out) };
    bar.finish_and_clear();
    // Whatever is left in the buffer was flushed, or belongs to a file that is given up.
    let (_, _) = out.into_parts();
    blocks.map_err(|error| match &error {
        NodeError::Stream(gone) if gone.kind() == io::ErrorKind::BrokenPipe => Failure::reader_gone(),
        NodeError::Stream(full) if full.kind() == io::ErrorKind::StorageFull => {
            Failure::failed(format!("{name}: No space left on device; free some, or name a file elsewhere"))
        }
        _ => ended(stop, error, "the export was interrupted; nothing is left of it"),
    })
}

/// Checks and stores the blocks of a file, or of stdin.
pub(super) fn import(args: ImportArgs) -> Outcome<()> {
    let config = configure(args.data.place.layer_with(args.storage))?;
    let options = ImportOptions { storage: config.storage()?, signatures: None };
    let (input, total) = source(&args.file)?;
    let (started, stop, bar) = (Instant::now(), Stop::on_interrupt()?, byte_bar(total));
    let stream = Stream { inner: input, stop: stop.clone(), bar: Some(bar.clone()) };
    let input = compress::read(BufReader::with_capacity(BUFFER_BYTES, stream)).map_err(NodeError::Stream);
    let mut progress = |height: u32| {
        bar.set_message(format!("height {height}"));
        stop.flow()
    };
    let (chain, dir) = (config.chain(), config.data_dir()?);
    let summary = input.and_then(|mut input| import_chain(chain, dir, &options, &mut input, &mut progress));
    bar.finish_and_clear();
    let interrupted = "the import was interrupted; what was imported stays, and the same command goes on";
    let summary = summary.map_err(|error| ended(&stop, error, interrupted))?;
    let ImportSummary { read, blocks, txs, height, disk_bytes } = summary;
    let seconds = started.elapsed().as_secs_f64();
    let text = if read == 0 {
        format!("there is no block in {}; the tip is at height {height}", args.file.display())
    } else {
        format!(
            "{blocks} new blocks with {txs} transactions in {seconds:.1} s; the tip is at height {height}"
        )
    };
    let value = json!({
        "read": read, "blocks": blocks, "txs": txs, "height": height, "disk_bytes": disk_bytes,
        "seconds": seconds,
    });
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
pub(super) fn verify(args: VerifyArgs) -> Outcome<()> {
    let config = existing(args.data.place)?;
    let (started, stop, bar, from) = (Instant::now(), Stop::on_interrupt()?, block_bar(), args.from);
    let mut progress = |done: u32, total: u32| {
        bar.set_length(total.into());
        bar.set_position(done.into());
        stop.flow()
    };
    let height = verify_stored_chain(config.chain(), config.data_dir()?, from, &mut progress);
    bar.finish_and_clear();
    let height = height.map_err(|error| match &error {
        NodeError::Verify(verify) if matches!(**verify, VerifyError::AboveTip { .. }) => {
            Failure::usage(error)
        }
        _ => ended(&stop, error, "the check was interrupted; nothing has changed"),
    })?;
    let seconds = started.elapsed().as_secs_f64();
    let blocks = if from <= 1 { "every block".to_owned() } else { format!("every block from height {from}") };
    result(
        args.data.format.json,
        json!({"ok": true, "from": from, "height": height, "seconds": seconds}),
        &format!("{blocks} up to height {height} holds, checked in {seconds:.1} s"),
    )
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
