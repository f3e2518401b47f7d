//! The token file: its bytes, its mode, and what is refused.

use super::{CookieError, create_cookie, read_cookie};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A folder of its own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("starling-cookie-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("rpc.cookie")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

#[test]
fn a_cookie_is_64_digits_and_a_newline_for_its_owner_alone() {
    let folder = Folder::new();
    let path = folder.file();
    let token = create_cookie(&path, [0xab; 32]).unwrap();
    assert_eq!(token, "ab".repeat(32));
    assert_eq!(fs::read_to_string(&path).unwrap(), format!("{token}\n"));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(read_cookie(&path).unwrap(), token);
}

#[test]
fn a_new_cookie_replaces_an_old_one_and_left_overs() {
    let folder = Folder::new();
    let path = folder.file();
    fs::write(&path, "old").unwrap();
    fs::write(folder.0.join("rpc.cookie.new"), "left over").unwrap();
    let token = create_cookie(&path, [1; 32]).unwrap();
    assert_eq!(read_cookie(&path).unwrap(), token);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 1);
}

#[test]
fn errors_name_the_file() {
    let folder = Folder::new();
    let path = folder.file();
    assert!(matches!(read_cookie(&path), Err(CookieError::Read { .. })));
    for bad in
        ["", "\n", &"a".repeat(64), &format!("{}\n", "A".repeat(64)), &format!("{}\n\n", "a".repeat(64))]
    {
        fs::write(&path, bad).unwrap();
        assert!(matches!(read_cookie(&path), Err(CookieError::Malformed(_))), "{bad:?}");
    }
    let nowhere = Path::new("/nowhere/at/all/rpc.cookie");
    let error = create_cookie(nowhere, [0; 32]).unwrap_err();
    assert!(error.to_string().contains("/nowhere/at/all/rpc.cookie"), "{error}");
}
