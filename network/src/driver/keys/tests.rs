//! The key file is made once, kept private, and never written over.

use super::*;

#[test]
fn a_key_is_made_once_and_then_reloaded() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("peer.key");
    let made = load_or_create_key(&path).unwrap();
    let bytes = fs::read(&path).unwrap();
    let loaded = load_or_create_key(&path).unwrap();
    assert_eq!(made.public(), loaded.public());
    assert_eq!(fs::read(&path).unwrap(), bytes);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "no file is left beside it");
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("peer.key");
    // What an interrupted start left behind neither stops the next one nor lends it its mode.
    fs::write(path.with_extension("key.new"), b"half").unwrap();
    load_or_create_key(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_damaged_file_is_named_with_the_fix_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("peer.key");
    let whole = Keypair::generate_ed25519().to_protobuf_encoding().unwrap();
    for damaged in [b"".to_vec(), b"not a key".to_vec(), whole[..40].to_vec(), vec![8; 100_000]] {
        fs::write(&path, &damaged).unwrap();
        let error = load_or_create_key(&path).unwrap_err();
        assert!(matches!(error, KeyError::Damaged { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains("peer.key") && text.contains("move it away"), "{text}");
        assert_eq!(fs::read(&path).unwrap(), damaged);
    }
}

#[test]
fn a_missing_directory_is_an_error_that_names_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let error = load_or_create_key(&directory.path().join("no/peer.key")).unwrap_err();
    assert!(matches!(error, KeyError::Write { .. }), "{error}");
    assert!(error.to_string().contains("peer.key"));
}
