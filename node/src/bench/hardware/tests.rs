//! What the system tells.

use super::*;

#[test]
fn the_machine_and_the_process_are_known() {
    let here = Hardware::here(Some(&std::env::temp_dir()));
    assert!(here.cores > 0 && !here.cpu.is_empty() && !here.kernel.is_empty());
    assert_eq!(here.json()["sha256"], Kernel::fastest().name());
    if cfg!(target_os = "linux") {
        assert!(here.memory.is_some_and(|bytes| bytes > 1 << 28));
        assert!(peak_bytes("self").is_some_and(|bytes| bytes > 1 << 20));
        assert!(here.disk.is_some_and(|kind| !kind.is_empty()));
        assert_eq!(file_system(Path::new("/proc/self")).as_deref(), Some("proc"));
    }
    assert_eq!(value("/proc/self/there-is-no-such-file", "VmHWM"), None);
}
