//! The fuzz target of this crate, for a moment on stable (`fuzz/README.md`).

#[path = "../../fuzz/entries/messages.rs"]
mod messages;
#[path = "../../fuzz/entries/smoke.rs"]
mod smoke;

#[test]
fn whatever_strangers_send_is_answered_or_refused() {
    smoke::run("messages", 20_000, messages::run);
}
