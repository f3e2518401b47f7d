//! Where the node listens, and where others reach it.

use super::lock;
use starling_network::{Multiaddr, NetEvent, Reachability};
use std::sync::{Arc, Mutex};
use tokio::sync::mpsc;

/// Addresses of this node.
#[derive(Debug, Default)]
pub(in crate::shell) struct Places {
    /// Those it listens on, in the order in which they became known.
    pub(in crate::shell) listen: Vec<Multiaddr>,
    /// Whether others can dial it, and where.
    pub(in crate::shell) reach: Reachability,
}

/// Notes what the network says of them, and passes every event on.
pub(super) fn watch_places(
    mut events: mpsc::Receiver<NetEvent>,
    places: Arc<Mutex<Places>>,
) -> mpsc::Receiver<NetEvent> {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        while let Some(event) = events.recv().await {
            match &event {
                NetEvent::Listening(address) => lock(&places).listen.push(address.clone()),
                NetEvent::Reachable(reach) => lock(&places).reach.clone_from(reach),
                _ => {}
            }
            if sender.send(event).await.is_err() {
                break;
            }
        }
    });
    receiver
}
