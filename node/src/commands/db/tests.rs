//! A database is shown, checked and compacted; without one nothing is made.

use super::db;
use crate::cli::{DataArgs, DbCommand, FormatArgs, ImportArgs, PlaceArgs, StorageArgs};
use std::fs;
use std::path::Path;

fn data(dir: &Path, json: bool) -> DataArgs {
    let place = PlaceArgs { chain: Some("dev".to_owned()), data_dir: Some(dir.to_owned()) };
    DataArgs { place, format: FormatArgs { json } }
}

fn all(dir: &Path, json: bool) -> [DbCommand; 3] {
    [
        DbCommand::Stats(data(dir, json)),
        DbCommand::Check(data(dir, json)),
        DbCommand::Compact(data(dir, json)),
    ]
}

#[test]
fn a_directory_without_a_database_gets_none() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("none");
    let empty = dir.path().join("empty");
    fs::create_dir(&empty).unwrap();
    for place in [&missing, &empty] {
        for command in all(place, false) {
            let failure = db(command).unwrap_err();
            assert_eq!((failure.code(), failure.message().contains("there is no data")), (5, true));
        }
    }
    assert!(!missing.exists() && fs::read_dir(&empty).unwrap().next().is_none());
}

#[test]
fn a_database_that_has_lost_its_manifest_is_damaged_and_stays_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("db")).unwrap();
    fs::write(dir.path().join("db/000008.sst"), "a table").unwrap();
    for command in all(dir.path(), false) {
        let failure = db(command).unwrap_err();
        assert_eq!((failure.code(), failure.message().contains("CURRENT is missing")), (5, true));
    }
    assert_eq!(fs::read_dir(dir.path().join("db")).unwrap().count(), 1);
}

#[test]
fn a_sound_database_is_shown_checked_and_compacted() {
    let dir = tempfile::tempdir().unwrap();
    let (place, file) = (dir.path().join("a"), dir.path().join("blocks"));
    fs::write(&file, "").unwrap();
    crate::commands::chain::chain(crate::cli::ChainCommand::Import(ImportArgs {
        file,
        data: data(&place, true),
        storage: StorageArgs::default(),
    }))
    .unwrap();
    for json in [false, true] {
        for command in all(&place, json) {
            db(command).unwrap();
        }
    }
}
