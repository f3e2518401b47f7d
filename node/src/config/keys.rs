//! The keys: flat, named like the long flags with `_` for `-`, the same in all layers.

/// What a value looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Any text.
    Text,
    /// Several texts: an array in the file, separated by commas in the environment.
    List,
    /// `true` or `false`.
    Flag,
    /// A count.
    Number,
}

/// One key.
#[derive(Debug)]
pub(crate) struct Key {
    /// Its name in the file.
    pub(crate) name: &'static str,
    /// What its value looks like.
    pub(crate) kind: Kind,
    /// What holds when nobody gives it, as people read it.
    pub(crate) default: &'static str,
    /// A value as the file may have it.
    pub(crate) example: &'static str,
    /// What it is, in a sentence.
    pub(crate) about: &'static str,
}

impl Key {
    /// Its name in the environment.
    pub(crate) fn variable(&self) -> String {
        format!("{}{}", super::environment::PREFIX, self.name.to_ascii_uppercase())
    }

    /// Its name on the command line.
    pub(crate) fn flag(&self) -> String {
        format!("--{}", self.name.replace('_', "-"))
    }
}

/// `--chain`.
pub(crate) static CHAIN: Key = Key {
    name: "chain",
    kind: Kind::Text,
    default: "testnet",
    example: "\"testnet\"",
    about: "The chain: \"testnet\", or the path of a chain file (relative to this file's folder).",
};
/// `--data-dir`.
pub(crate) static DATA_DIR: Key = Key {
    name: "data_dir",
    kind: Kind::Text,
    default: "$XDG_DATA_HOME/starling/<chain>",
    example: "",
    about: "Where blocks, keys and this file are; never in the file itself.",
};
/// `--listen`.
pub(crate) static LISTEN: Key = Key {
    name: "listen",
    kind: Kind::List,
    default: "/ip4/0.0.0.0/tcp/8644, /ip4/0.0.0.0/udp/8644/quic-v1",
    example: "[\"/ip4/0.0.0.0/tcp/8644\", \"/ip4/0.0.0.0/udp/8644/quic-v1\"]",
    about: "Multiaddrs to listen on for peers; port 0 is any free one.",
};
/// `--bootstrap`.
pub(crate) static BOOTSTRAP: Key = Key {
    name: "bootstrap",
    kind: Kind::List,
    default: "the chain's own",
    example: "[\"/ip4/192.0.2.7/tcp/8644\"]",
    about: "Multiaddrs of peers to begin with, besides the chain's own.",
};
/// `--rpc`.
pub(crate) static RPC: Key = Key {
    name: "rpc",
    kind: Kind::Text,
    default: "127.0.0.1:8645",
    example: "\"127.0.0.1:8645\"",
    about: "Address and port of JSON-RPC; port 0 is any free one.",
};
/// `--rpc-host`.
pub(crate) static RPC_HOST: Key = Key {
    name: "rpc_host",
    kind: Kind::List,
    default: "localhost and IP addresses",
    example: "[\"node.example\"]",
    about: "Host names under which JSON-RPC may be called, besides localhost and IP addresses.",
};
/// `--rpc-origin`.
pub(crate) static RPC_ORIGIN: Key = Key {
    name: "rpc_origin",
    kind: Kind::List,
    default: "none but the node's own",
    example: "[\"https://explorer.example\"]",
    about: "Origins whose pages may call JSON-RPC.",
};
/// `--metrics`.
pub(crate) static METRICS: Key = Key {
    name: "metrics",
    kind: Kind::Text,
    default: "nowhere",
    example: "\"127.0.0.1:9645\"",
    about: "Address and port where metrics are served, for Prometheus and others; port 0 is any free one.",
};
/// `--mine`.
pub(crate) static MINE: Key = Key {
    name: "mine",
    kind: Kind::Flag,
    default: "false",
    example: "true",
    about: "Whether the node mines; needs a payout.",
};
/// `--payout`.
pub(crate) static PAYOUT: Key = Key {
    name: "payout",
    kind: Kind::Text,
    default: "none",
    example: "\"tstar1q..\"",
    about: "Address that the miner's rewards go to.",
};
/// `--threads`.
pub(crate) static THREADS: Key = Key {
    name: "threads",
    kind: Kind::Number,
    default: "1 in a node, all processors in `starling mine`",
    example: "1",
    about: "Threads that mine.",
};
/// `--mine-alone`.
pub(crate) static MINE_ALONE: Key = Key {
    name: "mine_alone",
    kind: Kind::Flag,
    default: "false",
    example: "true",
    about: "Whether to hand out work without any peer, on the public network.",
};
/// `--memory`.
pub(crate) static MEMORY: Key = Key {
    name: "memory",
    kind: Kind::Text,
    default: "1GiB",
    example: "\"1GiB\"",
    about: "Memory that the process may use, caches and pools together: from 128MiB on.",
};
/// `--prune`.
pub(crate) static PRUNE: Key = Key {
    name: "prune",
    kind: Kind::Number,
    default: "all bodies are kept",
    example: "10000",
    about: "How many blocks' transactions are kept, from 128 on; headers and accounts all stay.",
};
/// `--no-address-index`.
pub(crate) static NO_ADDRESS_INDEX: Key = Key {
    name: "no_address_index",
    kind: Kind::Flag,
    default: "false",
    example: "true",
    about: "Whether to keep no record of what happened to each address; account_history is refused then.",
};
/// `--no-mdns`.
pub(crate) static NO_MDNS: Key = Key {
    name: "no_mdns",
    kind: Kind::Flag,
    default: "false",
    example: "true",
    about: "Whether to leave out the search for peers on the local network.",
};
/// `--no-discovery`.
pub(crate) static NO_DISCOVERY: Key = Key {
    name: "no_discovery",
    kind: Kind::Flag,
    default: "false",
    example: "true",
    about: "Whether to dial nobody but the bootstrap nodes and those added by hand.",
};
/// `--no-nat`.
pub(crate) static NO_NAT: Key = Key {
    name: "no_nat",
    kind: Kind::Flag,
    default: "false",
    example: "true",
    about: "Whether to leave out UPnP, tests of whether others can reach the node, and relays.",
};
/// `--upload-limit`.
pub(crate) static UPLOAD_LIMIT: Key = Key {
    name: "upload_limit",
    kind: Kind::Text,
    default: "none",
    example: "\"2MiB\"",
    about: "Bytes a second that may be sent to peers, from 32KiB on; \"none\" is as many as the line takes.",
};
/// `--link-delay`.
pub(crate) static LINK_DELAY: Key = Key {
    name: "link_delay",
    kind: Kind::Number,
    default: "0",
    example: "50",
    about: "Milliseconds by which what peers send is delivered later: to try a network out on one machine.",
};
/// `--log-level`.
pub(crate) static LOG_LEVEL: Key = Key {
    name: "log_level",
    kind: Kind::Text,
    default: "info",
    example: "\"info\"",
    about: "off, error, warn, info, debug, trace, or directives like \"info,starling_network=debug\".",
};
/// `--log-format`.
pub(crate) static LOG_FORMAT: Key = Key {
    name: "log_format",
    kind: Kind::Text,
    default: "human",
    example: "\"human\"",
    about: "\"human\" or \"json\".",
};
/// `--node`.
pub(crate) static NODE: Key = Key {
    name: "node",
    kind: Kind::Text,
    default: "http://127.0.0.1:8645",
    example: "\"http://127.0.0.1:8645\"",
    about: "The node that commands like `starling balance` ask.",
};
/// `--wallet-dir`.
pub(crate) static WALLET_DIR: Key = Key {
    name: "wallet_dir",
    kind: Kind::Text,
    default: "$XDG_DATA_HOME/starling/wallets",
    example: "\"/home/me/wallets\"",
    about: "Where wallets are, one NAME.json each.",
};

/// All of them, in the order in which they are shown.
pub(crate) static KEYS: [&Key; 24] = [
    &CHAIN,
    &DATA_DIR,
    &LISTEN,
    &BOOTSTRAP,
    &RPC,
    &RPC_HOST,
    &RPC_ORIGIN,
    &METRICS,
    &MINE,
    &PAYOUT,
    &THREADS,
    &MINE_ALONE,
    &MEMORY,
    &PRUNE,
    &NO_ADDRESS_INDEX,
    &NO_MDNS,
    &NO_DISCOVERY,
    &NO_NAT,
    &UPLOAD_LIMIT,
    &LINK_DELAY,
    &LOG_LEVEL,
    &LOG_FORMAT,
    &NODE,
    &WALLET_DIR,
];

/// The key with this name.
pub(crate) fn find(name: &str) -> Option<&'static Key> {
    KEYS.into_iter().find(|key| key.name == name)
}
