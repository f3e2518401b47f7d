//! A binary that is missing or older than its sources is refused.

use super::*;
use std::fs::File;
use std::time::Duration;
use tempfile::TempDir;

/// A build: the binary, and two sources that are older.
struct Build {
    folder: TempDir,
}

impl Build {
    fn new() -> Self {
        let build = Self { folder: TempDir::new().unwrap() };
        let [lib, main] = ["the lib.rs", "main.rs"].map(|name| build.path(name));
        let escaped = lib.to_string_lossy().replace(' ', "\\ ");
        let list = format!("{}: {escaped} {}\n", build.path("starling").display(), main.display());
        fs::write(build.path("starling.d"), list).unwrap();
        build.written("the lib.rs", 1);
        build.written("main.rs", 2);
        build.written("starling", 3);
        build
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn written(&self, name: &str, hours: u64) {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(3_600 * hours);
        File::create(self.path(name)).unwrap().set_modified(time).unwrap();
    }

    fn refusal(&self) -> String {
        checked(self.path("starling")).unwrap_err()
    }
}

#[test]
fn a_binary_newer_than_its_sources_is_taken() {
    let build = Build::new();
    assert_eq!(checked(build.path("starling")), Ok(build.path("starling")));
}

#[test]
fn a_binary_older_than_a_source_is_refused() {
    for name in ["the lib.rs", "main.rs"] {
        let build = Build::new();
        build.written(name, 4);
        assert!(build.refusal().ends_with(&format!("starling is older than {}", build.path(name).display())));
    }
}

#[test]
fn what_is_missing_is_named() {
    for name in ["starling", "starling.d", "main.rs"] {
        let build = Build::new();
        fs::remove_file(build.path(name)).unwrap();
        assert!(build.refusal().starts_with(&build.path(name).display().to_string()));
    }
}
