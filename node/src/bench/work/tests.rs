//! Work ends where it is asked to.

use super::*;

#[test]
fn steps_and_readers_end_when_asked() {
    let work = Work::default();
    let step = work.step("measuring", 3);
    step.did(1).unwrap();
    step.is_at(2);
    let mut bytes = [0; 2];
    let mut reader = work.reader(&b"abcd"[..]);
    assert_eq!((reader.read(&mut bytes).unwrap(), &bytes), (2, b"ab"));
    work.stopped.store(true, Ordering::Relaxed);
    assert_eq!(step.did(1).unwrap_err().code(), code::INTERRUPTED);
    assert!(reader.read(&mut bytes).is_err());
    assert!(work.go_on().is_err());
}
