//! What the merged values mean.

use super::{Config, Key, Value, keys};
use crate::failure::{Failure, Outcome};
use starling_network::Multiaddr;
use starling_node::{Budget, StorageOptions};
use starling_primitives::Address;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU16;
use std::time::Duration;
use tracing_subscriber::EnvFilter;

/// What libraries may write: of what strangers do, nothing.
const QUIET: &str = "warn,libp2p_gossipsub=error,libp2p_autonat=error,libp2p_relay=error,libp2p_kad=error,\
                     libp2p_dcutr=error,libp2p_identify=error";
/// The longest `--link-delay`.
const LONGEST_DELAY: Duration = Duration::from_secs(10);

/// How logs are written.
#[derive(Debug)]
pub(crate) struct LogOptions {
    /// What is written.
    pub(crate) filter: EnvFilter,
    /// One JSON object a line, rather than text for people.
    pub(crate) json: bool,
}

impl Config {
    fn text(&self, key: &'static Key) -> &str {
        match self.given(key) {
            Some((Value::Text(text), _)) => text,
            _ => key.default,
        }
    }

    fn list(&self, key: &'static Key) -> Option<Vec<String>> {
        match self.given(key) {
            Some((Value::List(texts), _)) => Some(texts.clone()),
            _ => None,
        }
    }

    fn flag(&self, key: &'static Key) -> bool {
        matches!(self.given(key), Some((Value::Flag(true), _)))
    }

    /// Multiaddrs to listen on, if anyone gave some.
    pub(crate) fn listen(&self) -> Option<Vec<String>> {
        self.list(&keys::LISTEN)
    }

    /// Multiaddrs to listen on, on the network's own port unless others were given.
    pub(crate) fn listen_or_default(&self) -> Vec<String> {
        self.listen().unwrap_or_else(|| keys::LISTEN.default.split(", ").map(str::to_owned).collect())
    }

    /// Multiaddrs to begin with, the chain's own not among them.
    pub(crate) fn bootstrap(&self) -> Vec<String> {
        self.list(&keys::BOOTSTRAP).unwrap_or_default()
    }

    /// Host names and origins that JSON-RPC allows besides its own.
    pub(crate) fn rpc_allowed(&self) -> (Vec<String>, Vec<String>) {
        let list = |key| self.list(key).unwrap_or_default();
        (list(&keys::RPC_HOST), list(&keys::RPC_ORIGIN))
    }

    /// Where JSON-RPC is served.
    ///
    /// # Errors
    /// Not an address and a port. The only name is `localhost`: what another stands for may change.
    pub(crate) fn rpc(&self) -> Outcome<SocketAddr> {
        self.socket(&keys::RPC, self.text(&keys::RPC), "127.0.0.1:8645")
    }

    /// Where metrics are served, if anyone wants them.
    ///
    /// # Errors
    /// As for [`Config::rpc`].
    pub(crate) fn metrics(&self) -> Outcome<Option<SocketAddr>> {
        let given = self.given(&keys::METRICS).is_some();
        given.then(|| self.socket(&keys::METRICS, self.text(&keys::METRICS), "127.0.0.1:9645")).transpose()
    }

    fn socket(&self, key: &'static Key, text: &str, like: &str) -> Outcome<SocketAddr> {
        let local = || {
            let port = text.strip_prefix("localhost:")?.parse().ok()?;
            Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
        };
        let address = text.parse().ok().or_else(local);
        address.ok_or_else(|| self.wrong(key, format!("{text:?} is not an address and a port, like {like}")))
    }

    /// Whether the node mines.
    pub(crate) fn mine(&self) -> bool {
        self.flag(&keys::MINE)
    }

    /// Whether work is handed out without peers.
    pub(crate) fn mine_alone(&self) -> bool {
        self.flag(&keys::MINE_ALONE)
    }

    /// Whether peers are searched on the local network: not those of a chain for everybody.
    pub(crate) fn mdns(&self) -> bool {
        !self.flag(&keys::NO_MDNS) && self.discovery() && !self.chain().is_public()
    }

    /// Bytes a second that may be sent to peers; as many as the line takes if none.
    ///
    /// # Errors
    /// Not such a size.
    pub(crate) fn upload_limit(&self) -> Outcome<Option<u64>> {
        let text = self.text(&keys::UPLOAD_LIMIT);
        if text == "none" {
            return Ok(None);
        }
        let text = text.strip_suffix("/s").unwrap_or(text);
        let least = "32KiB a second are the least: a quiet chain takes as much";
        match size(text) {
            Some(..LEAST_UPLOAD) => Err(self.wrong(&keys::UPLOAD_LIMIT, least.to_owned())),
            Some(limit) => Ok(Some(limit)),
            None => {
                let form = "a whole number with KiB, MiB, GiB or TiB behind, like 500KiB or 2MiB, or none";
                Err(self.wrong(&keys::UPLOAD_LIMIT, format!("{text:?} is not {form}")))
            }
        }
    }

    /// How much later what peers send is delivered.
    ///
    /// # Errors
    /// A chain for everybody, or more than ten seconds.
    pub(crate) fn link_delay(&self) -> Outcome<Duration> {
        let millis = match self.given(&keys::LINK_DELAY) {
            Some((Value::Number(number), _)) => *number,
            _ => 0,
        };
        let delay = Duration::from_millis(millis);
        if delay > LONGEST_DELAY {
            return Err(self.wrong(&keys::LINK_DELAY, "10000, ten seconds, are the most".to_owned()));
        }
        if !delay.is_zero() && self.chain().is_public() {
            let why = "others would wait for this node; try a network out on a chain of your own".to_owned();
            return Err(self.wrong(&keys::LINK_DELAY, why));
        }
        Ok(delay)
    }

    /// Whether peers are looked for that nobody named.
    pub(crate) fn discovery(&self) -> bool {
        !self.flag(&keys::NO_DISCOVERY)
    }

    /// Whether the node finds out if others can reach it, and helps it: not where it is to keep to itself.
    pub(crate) fn nat(&self) -> bool {
        !self.flag(&keys::NO_NAT) && self.discovery()
    }

    /// Who is paid, as it was given.
    pub(crate) fn payout_text(&self) -> Option<&str> {
        match self.given(&keys::PAYOUT) {
            Some((Value::Text(text), _)) => Some(text),
            _ => None,
        }
    }

    /// Who is paid, on this chain.
    ///
    /// # Errors
    /// Not an address of this chain.
    pub(crate) fn payout(&self) -> Outcome<Option<Address>> {
        let read = |text| Address::from_text(text, &self.chain().params.prefix);
        self.payout_text().map(read).transpose().map_err(|error| self.wrong(&keys::PAYOUT, error))
    }

    /// Who is paid, when the node mines.
    ///
    /// # Errors
    /// Mining without a payout, or a payout that is no address of this chain.
    pub(crate) fn mining_payout(&self) -> Outcome<Option<Address>> {
        let payout = self.payout()?;
        if self.mine() && payout.is_none() {
            let place = self.place_of(&keys::MINE);
            return Err(Failure::usage(format!("{place} needs --payout ADDRESS, which the rewards go to")));
        }
        Ok(payout.filter(|_| self.mine()))
    }

    /// Threads that mine, if anyone said how many.
    ///
    /// # Errors
    /// None, or more than any machine has.
    pub(crate) fn threads(&self) -> Outcome<Option<NonZeroU16>> {
        let Some((Value::Number(number), _)) = self.given(&keys::THREADS) else { return Ok(None) };
        let most = starling_rpc::MAX_MINING_THREADS;
        let fits = u16::try_from(*number).ok().and_then(NonZeroU16::new);
        let fits = fits.filter(|threads| u32::from(threads.get()) <= most);
        let wrong = || self.wrong(&keys::THREADS, format!("{number} is not 1 to {most}"));
        fits.map(Some).ok_or_else(wrong)
    }

    /// Memory, and what is kept of a chain.
    ///
    /// # Errors
    /// A size that is none or too small, or too few blocks to keep.
    pub(crate) fn storage(&self) -> Outcome<StorageOptions> {
        let text = self.text(&keys::MEMORY);
        let wrong = || self.wrong(&keys::MEMORY, format!("{text:?} is no size from 128MiB on, like 1GiB"));
        let budget = size(text).and_then(Budget::new).ok_or_else(wrong)?;
        let prune = match self.given(&keys::PRUNE) {
            Some((Value::Number(number), _)) => Some(*number),
            _ => None,
        };
        let fits = |number: u64| u32::try_from(number).ok().filter(|number| *number >= LEAST_KEPT_BLOCKS);
        let few = |number| self.wrong(&keys::PRUNE, format!("{number} is not from {LEAST_KEPT_BLOCKS} on"));
        let prune = prune.map(|number| fits(number).ok_or_else(|| few(number))).transpose()?;
        let address_index = !self.flag(&keys::NO_ADDRESS_INDEX);
        Ok(StorageOptions { budget, prune, address_index })
    }

    /// The URL of the node to ask.
    pub(crate) fn node(&self) -> &str {
        self.text(&keys::NODE)
    }

    /// How logs are written. A level alone is that of Starling's own crates; its libraries tell their
    /// warnings.
    ///
    /// # Errors
    /// An unknown level or format.
    pub(crate) fn log(&self) -> Outcome<LogOptions> {
        let level = self.text(&keys::LOG_LEVEL);
        let directives = match level {
            "off" | "error" => level.to_owned(),
            "warn" | "info" | "debug" | "trace" => format!("{QUIET},starling={level}"),
            _ if level.contains([',', '=']) => level.to_owned(),
            _ => {
                let hint = "is no level; use off, error, warn, info, debug, trace or directives";
                return Err(self.wrong(&keys::LOG_LEVEL, format!("{level:?} {hint}")));
            }
        };
        let filter = EnvFilter::try_new(directives).map_err(|error| self.wrong(&keys::LOG_LEVEL, error))?;
        let format = self.text(&keys::LOG_FORMAT);
        let json = match format {
            "human" => false,
            "json" => true,
            _ => return Err(self.wrong(&keys::LOG_FORMAT, format!("{format:?} is neither human nor json"))),
        };
        Ok(LogOptions { filter, json })
    }

    fn check_addresses(&self, key: &'static Key, fits: fn(&Multiaddr) -> bool, form: &str) -> Outcome<()> {
        let wrong = |text: &&String| !text.parse::<Multiaddr>().is_ok_and(|address| fits(&address));
        match self.list(key).unwrap_or_default().iter().find(wrong) {
            Some(text) => {
                let why = format!("{text:?} is no multiaddr of an address and a port, like {form}");
                Err(self.wrong(key, why))
            }
            None => Ok(()),
        }
    }

    /// Asks the addresses of peers what they mean.
    ///
    /// # Errors
    /// The first that is wrong.
    pub(crate) fn check_peers(&self) -> Outcome<()> {
        let form = "/ip4/192.0.2.1/tcp/8644 or /ip4/192.0.2.1/udp/8644/quic-v1";
        self.check_addresses(&keys::LISTEN, can_be_listened_on, form)?;
        let form = format!("{form}, or with a whole /p2p/PEER_ID behind");
        self.check_addresses(&keys::BOOTSTRAP, can_be_dialled, &form)
    }

    /// Asks every value what it means.
    ///
    /// # Errors
    /// The first that is wrong.
    pub(crate) fn check(&self) -> Outcome<()> {
        self.check_peers()?;
        self.rpc()?;
        self.mining_payout()?;
        self.threads()?;
        self.storage()?;
        self.upload_limit()?;
        self.link_delay()?;
        self.metrics()?;
        self.log()?;
        starling_rpc::Client::new(self.node(), None).map_err(|error| self.wrong(&keys::NODE, error))?;
        self.data_dir().map(|_| ())
    }
}

/// Blocks that a pruned node keeps at the least: a reorganisation needs them.
const LEAST_KEPT_BLOCKS: u32 = 128;
/// The slowest line on which a node can keep up with a quiet chain, bytes a second.
const LEAST_UPLOAD: u64 = 32 << 10;

/// Bytes, from a number with or without a unit: KiB, MiB, GiB or TiB, which K, M, G and T stand for as well.
fn size(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let shift = match unit.trim_start().to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kib" => 10,
        "m" | "mib" => 20,
        "g" | "gib" => 30,
        "t" | "tib" => 40,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(1 << shift)
}

/// The protocols of a multiaddr, without the peer's name at its end.
fn protocols(address: &Multiaddr) -> Vec<&'static str> {
    let mut names: Vec<_> = address.protocol_stack().collect();
    names.pop_if(|name| *name == "p2p");
    names
}

fn can_be_listened_on(address: &Multiaddr) -> bool {
    matches!(protocols(address)[..], ["ip4" | "ip6", "tcp"] | ["ip4" | "ip6", "udp", "quic-v1"])
}

fn can_be_dialled(address: &Multiaddr) -> bool {
    let is_host = |name: &str| matches!(name, "ip4" | "ip6" | "dns" | "dns4" | "dns6");
    let has_port = !address.to_string().contains("/tcp/0") && !address.to_string().contains("/udp/0");
    match protocols(address)[..] {
        [host, "tcp"] | [host, "udp", "quic-v1"] => is_host(host) && has_port,
        // The name's own records have the addresses.
        ["dnsaddr"] => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
