//! `starling db`: care for the database of a stopped node.

use super::offline::{Stop, existing, family_bar, record_bar};
use crate::cli::{DataArgs, DbCommand};
use crate::failure::{Failure, Outcome};
use crate::output;
use serde_json::{Value, json};
use starling_ledger::{CheckReport, CompactedFamily, DbStats, FamilyStats, UpkeepStep};
use starling_node::{check_db, compact_db, db_stats};
use std::time::Instant;

/// What becomes of a damaged database.
const HINT: &str = "move its folder db away, and sync again or import an export";

/// Shows, checks and compacts a database.
pub(super) fn db(command: DbCommand) -> Outcome<()> {
    match command {
        DbCommand::Stats(args) => stats(args),
        DbCommand::Check(args) => check(args),
        DbCommand::Compact(args) => compact(args),
    }
}

fn stats(args: DataArgs) -> Outcome<()> {
    let config = existing(args.place)?;
    let chain = config.chain();
    let stats = db_stats(chain, config.data_dir()?)?;
    if args.format.json {
        return output::json(&described(&stats, &chain.name));
    }
    let DbStats { schema, tip, lowest_undo, families, disk, left_log_bytes } = stats;
    let undo = lowest_undo
        .map_or_else(|| "no block".to_owned(), |lowest| format!("blocks {lowest} to {}", tip.height));
    output::fields(&[
        ("chain", chain.name.clone()),
        ("layout", schema.to_string()),
        ("tip", format!("{} at height {}", tip.id, tip.height)),
        ("can be undone", undo),
        ("tables", output::bytes(disk.sst)),
        ("blobs", output::bytes(disk.blob)),
        ("log", format!("{}; the node had left {}", output::bytes(disk.log), output::bytes(left_log_bytes))),
        ("other files", output::bytes(disk.other)),
        ("on disk", output::bytes(disk.total())),
    ])?;
    let row = |family: &FamilyStats| {
        let bytes = [family.sst_bytes, family.blob_bytes, family.garbage_bytes].map(output::bytes);
        [vec![family.name.to_owned(), family.keys.to_string()], bytes.to_vec()].concat()
    };
    let rows: Vec<Vec<String>> = families.iter().map(row).collect();
    output::table(&["family", "records, about", "tables", "blobs", "garbage in blobs"], &rows)
}

fn described(stats: &DbStats, chain: &str) -> Value {
    let family = |family: &FamilyStats| {
        let FamilyStats { name, keys, sst_bytes, blob_bytes, garbage_bytes } = family;
        json!({"name": name, "keys": keys, "sst_bytes": sst_bytes, "blob_bytes": blob_bytes,
               "garbage_bytes": garbage_bytes})
    };
    let disk = &stats.disk;
    json!({
        "chain": chain,
        "schema": stats.schema,
        "height": stats.tip.height,
        "tip": stats.tip.id.to_string(),
        "lowest_undo": stats.lowest_undo,
        "families": stats.families.iter().map(family).collect::<Vec<_>>(),
        "sst_bytes": disk.sst,
        "blob_bytes": disk.blob,
        "log_bytes": disk.log,
        "left_log_bytes": stats.left_log_bytes,
        "other_bytes": disk.other,
        "total_bytes": disk.total(),
    })
}

fn check(args: DataArgs) -> Outcome<()> {
    let config = existing(args.place)?;
    let (started, stop, bar) = (Instant::now(), Stop::on_interrupt()?, record_bar());
    let mut progress = |step: UpkeepStep| {
        bar.set_length(step.total);
        bar.set_position(step.done);
        bar.set_message(step.family);
        stop.flow()
    };
    let report = check_db(config.chain(), config.data_dir()?, &mut progress);
    bar.finish_and_clear();
    let interrupted = || Failure::interrupted("the check was interrupted; nothing has changed");
    let report = report?.ok_or_else(interrupted)?;
    let seconds = started.elapsed().as_secs_f64();
    let records: u64 = report.records.iter().map(|(_, count)| count).sum();
    if args.format.json {
        output::json(&reported(&report, seconds))?;
    } else if report.damage_count == 0 {
        let (families, height) = (report.records.len(), report.height);
        let what = format!("all {records} records in {families} families up to height {height} hold");
        output::line(&format!("{what}, checked in {seconds:.1} s"))?;
    } else {
        print(&report)?;
    }
    match report.damage_count {
        0 => Ok(()),
        1 => Err(Failure::data_dir(format!("the database is damaged in one place; {HINT}"))),
        count => Err(Failure::data_dir(format!("the database is damaged in {count} places; {HINT}"))),
    }
}

fn reported(report: &CheckReport, seconds: f64) -> Value {
    let damage = report.damage.iter();
    let damage =
        damage.map(|damage| json!({"family": damage.family, "key": damage.key, "what": damage.what}));
    json!({
        "ok": report.damage_count == 0,
        "height": report.height,
        "bodies_from": report.bodies_from,
        "records": report.records.iter().copied().collect::<std::collections::BTreeMap<_, _>>(),
        "damage": damage.collect::<Vec<_>>(),
        "damage_count": report.damage_count,
        "seconds": seconds,
    })
}

fn print(report: &CheckReport) -> Outcome<()> {
    for damage in &report.damage {
        let key = if damage.key.is_empty() { "" } else { &format!(" {}", damage.key) };
        output::line(&output::printable(&format!("{}{key}: {}", damage.family, damage.what)))?;
    }
    let listed = u64::try_from(report.damage.len()).unwrap_or(u64::MAX);
    match report.damage_count.saturating_sub(listed) {
        0 => Ok(()),
        rest => output::line(&format!("and {rest} more")),
    }
}

fn compact(args: DataArgs) -> Outcome<()> {
    let config = existing(args.place)?;
    let (started, stop, bar) = (Instant::now(), Stop::on_interrupt()?, family_bar());
    let mut progress = |step: UpkeepStep| {
        bar.set_length(step.total);
        bar.set_position(step.done);
        bar.set_message(step.family);
        stop.flow()
    };
    let families = compact_db(config.chain(), config.data_dir()?, &mut progress);
    bar.finish_and_clear();
    let interrupted = || Failure::interrupted("the compaction was interrupted; what is done stays done");
    let families = families?.ok_or_else(interrupted)?;
    let seconds = started.elapsed().as_secs_f64();
    let sum = |of: fn(&CompactedFamily) -> u64| families.iter().map(of).sum::<u64>();
    let (before, after) = (sum(|family| family.before), sum(|family| family.after));
    if args.format.json {
        let family = |family: &CompactedFamily| {
            let CompactedFamily { name, before, after } = family;
            json!({"name": name, "before_bytes": before, "after_bytes": after})
        };
        let families: Vec<Value> = families.iter().map(family).collect();
        return output::json(
            &json!({"families": families, "before_bytes": before, "after_bytes": after, "seconds": seconds}),
        );
    }
    let row = |family: &CompactedFamily| {
        vec![family.name.to_owned(), output::bytes(family.before), output::bytes(family.after)]
    };
    output::table(&["family", "before", "after"], &families.iter().map(row).collect::<Vec<_>>())?;
    let (before, after) = (output::bytes(before), output::bytes(after));
    output::line(&format!("{before} became {after} in {seconds:.1} s"))
}

#[cfg(test)]
mod tests;
