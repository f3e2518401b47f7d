//! A chain file is written once, is accepted by what reads it, and wrong choices are named.

use super::new;
use crate::cli::{FormatArgs, NewChainArgs};
use crate::config::load_chain;
use std::path::Path;

fn args(file: &Path) -> NewChainArgs {
    NewChainArgs {
        file: file.to_owned(),
        name: None,
        interval: 5,
        bits: None,
        pow: "sha256d".to_owned(),
        prefund: vec![("dstar1qrs4efcu4vcpmcj2c6ka8xxjg5k8ujnupcf9t5dg".to_owned(), "1000.5".to_owned())],
        format: FormatArgs { json: true },
    }
}

#[test]
fn what_is_written_can_be_loaded_and_is_never_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("lab-1.toml");
    new(args(&path)).unwrap();
    let chain = load_chain(path.to_str().unwrap()).unwrap();
    assert_eq!((chain.name.as_str(), chain.params.interval, chain.accounts.len()), ("lab-1", 5, 1));
    let again = new(NewChainArgs { interval: 7, ..args(&path) }).unwrap_err();
    assert!(again.message().contains("is left as it is"));
    assert_eq!(load_chain(path.to_str().unwrap()).unwrap().genesis_id(), chain.genesis_id());
}

#[test]
fn wrong_choices_are_named_and_nothing_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("lab.toml");
    let good = || args(&path);
    let prefund = |address: &str| vec![(address.to_owned(), "1".to_owned())];
    for (wrong, said) in [
        (NewChainArgs { name: Some("testnet".to_owned()), ..good() }, "is a chain that exists"),
        (NewChainArgs { name: Some("My Lab".to_owned()), ..good() }, "is not allowed"),
        (NewChainArgs { interval: 0, ..good() }, "interval = 0"),
        (NewChainArgs { bits: Some("xyz".to_owned()), ..good() }, "8 lower-case hex digits"),
        (NewChainArgs { pow: "scrypt".to_owned(), ..good() }, "is unknown"),
        (NewChainArgs { prefund: prefund("dstar1qqq"), ..good() }, "typing error"),
    ] {
        let failure = new(wrong).unwrap_err();
        assert_eq!(failure.code(), 2);
        assert!(failure.message().contains(said), "{} does not say {said}", failure.message());
    }
    assert!(!path.exists());
}
