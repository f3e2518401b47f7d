//! Blocks leave a data directory and enter another, and what cannot be is refused with its exit code.

use super::{existing, export, export_to, import, verify};
use crate::cli::{DataArgs, ExportArgs, FormatArgs, ImportArgs, PlaceArgs, StorageArgs, VerifyArgs};
use crate::commands::offline::Stop;
use crate::files::NewFile;
use std::fs;
use std::path::Path;

fn data(dir: &Path) -> DataArgs {
    let place = PlaceArgs { chain: Some("dev".to_owned()), data_dir: Some(dir.to_owned()) };
    DataArgs { place, format: FormatArgs { json: true } }
}

fn check(dir: &Path, from: u32) -> VerifyArgs {
    VerifyArgs { from, data: data(dir) }
}

#[test]
fn a_directory_without_data_is_not_made_nor_filled() {
    let dir = tempfile::tempdir().unwrap();
    let (missing, empty, file) =
        (dir.path().join("none"), dir.path().join("empty"), dir.path().join("blocks"));
    fs::create_dir(&empty).unwrap();
    for place in [&missing, &empty] {
        let failure = export(ExportArgs { file: file.clone(), data: data(place) }).unwrap_err();
        assert_eq!(failure.code(), 5);
        assert_eq!(verify(check(place, 0)).unwrap_err().code(), 5);
    }
    assert!(!missing.exists() && !file.exists() && fs::read_dir(&empty).unwrap().next().is_none());
}

#[test]
fn an_empty_chain_goes_out_and_in_again() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second, nothing) = (dir.path().join("a"), dir.path().join("b"), dir.path().join("nothing"));
    fs::write(&nothing, "").unwrap();
    import(ImportArgs { file: nothing, data: data(&first), storage: StorageArgs::default() }).unwrap();
    for name in ["blocks", "blocks.zst"] {
        let file = dir.path().join(name);
        export(ExportArgs { file: file.clone(), data: data(&first) }).unwrap();
        let again = export(ExportArgs { file: file.clone(), data: data(&first) }).unwrap_err();
        assert!(again.message().contains("is left as it is"));
        import(ImportArgs { file, data: data(&second), storage: StorageArgs::default() }).unwrap();
    }
    assert_eq!(fs::metadata(dir.path().join("blocks")).unwrap().len(), 0);
    verify(check(&second, 0)).unwrap();
    let above = verify(check(&second, 1)).unwrap_err();
    assert_eq!((above.code(), above.message().contains("ends at height 0")), (2, true));
}

#[test]
fn an_interrupted_export_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (first, out, nothing) = (dir.path().join("a"), dir.path().join("out"), dir.path().join("nothing"));
    fs::write(&nothing, "").unwrap();
    fs::create_dir(&out).unwrap();
    import(ImportArgs { file: nothing, data: data(&first), storage: StorageArgs::default() }).unwrap();
    let (config, stop) = (existing(data(&first).place).unwrap(), Stop::default());
    stop.set();
    let mut file = NewFile::create(&out.join("blocks.zst")).unwrap();
    assert_eq!(export_to(&config, ("a file", &mut file), true, &stop).unwrap_err().code(), 130);
    drop(file);
    assert!(fs::read_dir(&out).unwrap().next().is_none());
}

#[test]
fn garbage_and_missing_files_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("garbage");
    fs::write(&file, b"\xff\xff\xff\xffgarbage").unwrap();
    let import = |file: &Path| {
        let args = ImportArgs {
            file: file.to_owned(),
            data: data(&dir.path().join("a")),
            storage: StorageArgs::default(),
        };
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
