//! Blocks leave a data directory and enter another, and what cannot be is refused with its exit code.

use super::{export, import, verify};
use crate::cli::{ExportArgs, FormatArgs, ImportArgs, PlaceArgs, VerifyArgs};
use std::fs;
use std::path::Path;

fn place(dir: &Path) -> PlaceArgs {
    PlaceArgs { chain: Some("dev".to_owned()), data_dir: Some(dir.to_owned()) }
}

const FORMAT: FormatArgs = FormatArgs { json: true };

#[test]
fn a_directory_without_data_is_not_made() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("none");
    let file = dir.path().join("blocks");
    let failure =
        export(ExportArgs { file: file.clone(), place: place(&missing), format: FORMAT }).unwrap_err();
    assert_eq!(failure.code(), 5);
    assert_eq!(verify(VerifyArgs { place: place(&missing), format: FORMAT }).unwrap_err().code(), 5);
    assert!(!missing.exists() && !file.exists());
}

#[test]
fn an_empty_chain_goes_out_and_in_again() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second, file) = (dir.path().join("a"), dir.path().join("b"), dir.path().join("blocks"));
    fs::create_dir(&first).unwrap();
    export(ExportArgs { file: file.clone(), place: place(&first), format: FORMAT }).unwrap();
    assert_eq!(fs::metadata(&file).unwrap().len(), 0);
    let again = export(ExportArgs { file: file.clone(), place: place(&first), format: FORMAT }).unwrap_err();
    assert!(again.message().contains("is left as it is"));
    import(ImportArgs { file, place: place(&second), format: FORMAT }).unwrap();
    verify(VerifyArgs { place: place(&second), format: FORMAT }).unwrap();
}

#[test]
fn garbage_and_missing_files_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("garbage");
    fs::write(&file, b"\xff\xff\xff\xffgarbage").unwrap();
    let import = |file: &Path| {
        let args = ImportArgs { file: file.to_owned(), place: place(&dir.path().join("a")), format: FORMAT };
        super::import(args).unwrap_err()
    };
    assert_eq!(import(&file).code(), 1);
    let missing = import(&dir.path().join("none"));
    assert_eq!((missing.code(), missing.message().starts_with("there is no file")), (2, true));
}
