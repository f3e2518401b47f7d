//! Blocks leave a data directory and enter another, and what cannot be is refused with its exit code.

use super::{export, import, verify};
use crate::cli::{DataArgs, ExportArgs, FormatArgs, ImportArgs, PlaceArgs};
use std::fs;
use std::path::Path;

fn data(dir: &Path) -> DataArgs {
    let place = PlaceArgs { chain: Some("dev".to_owned()), data_dir: Some(dir.to_owned()) };
    DataArgs { place, format: FormatArgs { json: true } }
}

#[test]
fn a_directory_without_data_is_not_made() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("none");
    let file = dir.path().join("blocks");
    let failure = export(ExportArgs { file: file.clone(), data: data(&missing) }).unwrap_err();
    assert_eq!(failure.code(), 5);
    assert_eq!(verify(data(&missing)).unwrap_err().code(), 5);
    assert!(!missing.exists() && !file.exists());
}

#[test]
fn an_empty_chain_goes_out_and_in_again() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second, file) = (dir.path().join("a"), dir.path().join("b"), dir.path().join("blocks"));
    fs::create_dir(&first).unwrap();
    export(ExportArgs { file: file.clone(), data: data(&first) }).unwrap();
    assert_eq!(fs::metadata(&file).unwrap().len(), 0);
    let again = export(ExportArgs { file: file.clone(), data: data(&first) }).unwrap_err();
    assert!(again.message().contains("is left as it is"));
    import(ImportArgs { file, data: data(&second) }).unwrap();
    verify(data(&second)).unwrap();
}

#[test]
fn garbage_and_missing_files_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("garbage");
    fs::write(&file, b"\xff\xff\xff\xffgarbage").unwrap();
    let import = |file: &Path| {
        let args = ImportArgs { file: file.to_owned(), data: data(&dir.path().join("a")) };
        super::import(args).unwrap_err()
    };
    assert_eq!(import(&file).code(), 1);
    let missing = import(&dir.path().join("none"));
    assert_eq!((missing.code(), missing.message().starts_with("there is no file")), (2, true));
    let folder = import(dir.path());
    assert_eq!((folder.code(), folder.message().contains("is a folder")), (2, true));
    fs::write(&file, [9, 0]).unwrap();
    let short = import(&file);
    assert_eq!((short.code(), short.message().contains("ends in the middle of block 1")), (1, true));
    assert!(!dir.path().join("a").exists(), "nothing was imported, and nothing is left");
}
