//! DNS seeds: names whose records have the addresses of nodes. They are asked when nobody else knows any.
//!
//! A seed publishes multiaddrs with peer ids as TXT records of `_dnsaddr.NAME`, each `dnsaddr=MULTIADDR`
//! (the libp2p addressing specification); or, more simply, the IP addresses of nodes that listen on the
//! usual port.

use hickory_resolver::TokioResolver;
use hickory_resolver::proto::rr::RData;
use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;
use tokio::task::JoinSet;

/// The port of nodes that a seed names by their IP addresses.
const USUAL_PORT: u16 = 8644;
/// Look-ups at a time.
const MAX_LOOKUPS: usize = 16;
/// Addresses of one name that are used.
const MAX_ADDRESSES: usize = 256;
/// What opens a TXT record with an address.
const PREFIX: &[u8] = b"dnsaddr=";

/// The look-ups on their way.
#[derive(Default)]
pub(super) struct Seeds {
    running: JoinSet<Vec<Multiaddr>>,
}

impl Seeds {
    /// Looks a name up, by the name servers of the system.
    pub(super) fn look_up(&mut self, name: String) {
        if self.running.len() >= MAX_LOOKUPS {
            return;
        }
        let resolver = TokioResolver::builder_tokio().and_then(|builder| builder.build());
        match resolver {
            Ok(resolver) => drop(self.running.spawn(async move { found_at(&resolver, &name).await })),
            Err(error) => tracing::warn!(%error, name, "no DNS: this seed cannot be asked"),
        }
    }

    /// The addresses of the next name that was found; it waits for ever while there is none.
    pub(super) async fn next(&mut self) -> Vec<Multiaddr> {
        loop {
            match self.running.join_next().await {
                Some(Ok(addresses)) if !addresses.is_empty() => return addresses,
                Some(_) => {}
                None => std::future::pending().await,
            }
        }
    }
}

/// What the records of a name say.
async fn found_at(resolver: &TokioResolver, name: &str) -> Vec<Multiaddr> {
    let mut addresses = Vec::new();
    if let Ok(records) = resolver.txt_lookup(format!("_dnsaddr.{name}")).await {
        for record in records.answers() {
            if let RData::TXT(text) = &record.data {
                addresses.extend(address_in(&text.txt_data));
            }
        }
    }
    if addresses.is_empty() {
        match resolver.lookup_ip(name).await {
            Ok(found) => {
                addresses.extend(found.iter().map(|ip| Multiaddr::from(ip).with(Protocol::Tcp(USUAL_PORT))))
            }
            Err(error) => tracing::info!(%error, name, "a DNS seed was not found"),
        }
    }
    addresses.truncate(MAX_ADDRESSES);
    tracing::debug!(name, found = addresses.len(), "asked a DNS seed");
    addresses
}

/// The address in one TXT record, whose text may be in several pieces.
fn address_in(pieces: &[Box<[u8]>]) -> Option<Multiaddr> {
    let text = pieces.concat();
    std::str::from_utf8(text.strip_prefix(PREFIX)?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests;
