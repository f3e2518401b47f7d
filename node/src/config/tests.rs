//! Which layer wins, what is refused and in which words, and what the values come to mean.

use super::{Config, Layer, Origin, Sources, Value, commented, did_you_mean, environment, file, keys};
use crate::failure::{Failure, code};
use starling_genesis::{Chain, NewChain};
use std::ffi::OsString;
use std::path::Path;

fn layer(entries: &[(&'static str, &str)]) -> Layer {
    entries.iter().map(|&(name, value)| (name, Value::Text(value.to_owned()))).collect()
}

fn variables(entries: &[(&str, &str)]) -> Result<Layer, Failure> {
    environment::read(entries.iter().map(|&(name, value)| (OsString::from(name), OsString::from(value))))
}

/// A configuration from a directory with this file and these flags and variables.
fn load(file: &str, env: &[(&str, &str)], flags: &[(&'static str, &str)]) -> Result<Config, Failure> {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("starling.toml"), file).unwrap();
    let mut flags = layer(flags);
    flags.insert("chain", Value::Text("dev".to_owned()));
    flags.insert("data_dir", Value::Text(dir.path().to_str().unwrap().to_owned()));
    Config::load(Sources { environment: variables(env)?, flags })
}

fn refusal(file: &str, env: &[(&str, &str)], flags: &[(&'static str, &str)]) -> String {
    let failure = load(file, env, flags).and_then(|config| config.check()).unwrap_err();
    assert_eq!(failure.code(), code::USAGE);
    failure.message()
}

fn write_chain(path: &Path) -> Chain {
    let new = NewChain {
        name: "lab".to_owned(),
        interval: 12,
        bits: None,
        pow: "sha256d".to_owned(),
        time: 1_800_000_000,
        prefund: Vec::new(),
    };
    let (file, chain) = Chain::create(new).unwrap();
    std::fs::write(path, toml::to_string(&file).unwrap()).unwrap();
    chain
}

#[test]
fn flags_go_before_the_environment_and_that_before_the_file() {
    let file = "rpc = \"127.0.0.1:1\"\nnode = \"http://a\"\nlog_level = \"warn\"\nmine_alone = true\n";
    let env = [("STARLING_RPC", "127.0.0.1:2"), ("STARLING_NODE", "http://b"), ("HOME", "/nowhere")];
    let config = load(file, &env, &[("rpc", "127.0.0.1:3")]).unwrap();
    assert_eq!(config.rpc().unwrap().port(), 3);
    assert_eq!(config.given(&keys::RPC).unwrap().1, &Origin::Flag);
    assert_eq!(config.node(), "http://b");
    assert_eq!(config.given(&keys::NODE).unwrap().1, &Origin::Environment);
    let origin = config.given(&keys::LOG_LEVEL).unwrap().1;
    assert!(matches!(origin, Origin::File(path) if path.ends_with("starling.toml")));
    assert!(config.mine_alone());
    assert!(config.given(&keys::PAYOUT).is_none());
    assert!(config.mdns() && !config.mine());
}

#[test]
fn nothing_given_leaves_the_defaults() {
    let config = load("", &[], &[]).unwrap();
    assert_eq!(config.rpc().unwrap().to_string(), "127.0.0.1:8645");
    assert_eq!(config.node(), "http://127.0.0.1:8645");
    assert_eq!(config.threads().unwrap(), None);
    assert!(config.listen().is_none() && config.bootstrap().is_empty());
    assert_eq!(config.listen_or_default(), ["/ip4/0.0.0.0/tcp/8644", "/ip4/0.0.0.0/udp/8644/quic-v1"]);
    assert!(load("listen = []\n", &[], &[]).unwrap().listen_or_default().is_empty());
    assert!(!config.log().unwrap().json);
    assert_eq!(config.chain().name, "dev");
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest_one() {
    let text = refusal("thread = 2\n", &[], &[]);
    assert!(text.contains("starling.toml: unknown key \"thread\"; did you mean \"threads\"?"), "{text}");
    let text = refusal("", &[("STARLING_LISTN", "x")], &[]);
    assert!(text.contains("STARLING_LISTN is no setting; did you mean \"STARLING_LISTEN\"?"), "{text}");
    assert!(variables(&[("STARLING_rpc", "127.0.0.1:1")]).is_err());
    assert!(refusal("rcp = \"x\"\n", &[], &[]).contains("unknown key \"rcp\"; did you mean \"rpc\"?"));
    assert_eq!(did_you_mean("zzzz", ["rpc", "mine"]), "");
}

#[test]
fn values_of_the_wrong_kind_are_refused_where_they_stand() {
    for (file, said) in [
        ("threads = \"2\"\n", "threads must be a number, like: threads = 1"),
        ("threads = -1\n", "threads must be a number"),
        ("listen = \"/ip4/0.0.0.0/tcp/1\"\n", "listen must be an array of texts"),
        ("listen = [1]\n", "listen must be an array of texts"),
        ("mine = 1\n", "mine must be true or false"),
        ("[rpc]\nport = 1\n", "rpc must be a text"),
        ("data_dir = \"/x\"\n", "data_dir cannot stand in the file"),
        ("\nrpc = \n", "line 2: "),
    ] {
        let text = refusal(file, &[], &[]);
        assert!(text.contains(said), "{file:?} was refused with {text:?}");
    }
    assert!(
        refusal("", &[("STARLING_MINE", "yes")], &[]).contains("STARLING_MINE: \"yes\" is not true or false")
    );
    assert!(refusal("", &[("STARLING_THREADS", "x")], &[]).contains("\"x\" is not a number"));
}

#[test]
fn values_without_meaning_are_refused_where_they_stand() {
    let text = refusal("rpc = \"8645\"\n", &[], &[]);
    assert!(text.contains("rpc in ") && text.contains("\"8645\" is not an address and a port"), "{text}");
    assert!(refusal("", &[("STARLING_RPC", "x")], &[]).starts_with("STARLING_RPC: \"x\""));
    assert!(refusal("", &[], &[("rpc", "x")]).starts_with("--rpc: \"x\""));
    assert!(refusal("threads = 0\n", &[], &[]).contains("0 is not 1 to 1024"));
    assert!(refusal("threads = 70000\n", &[], &[]).contains("70000 is not 1 to 1024"));
    assert!(refusal("", &[], &[("log_level", "loud")]).contains("\"loud\" is no level"));
    assert!(refusal("", &[], &[("log_level", "info,x=loud")]).starts_with("--log-level: "));
    assert!(refusal("", &[], &[("log_format", "xml")]).contains("neither human nor json"));
    assert!(refusal("", &[], &[("node", "127.0.0.1:1")]).contains("is no node URL"));
    assert!(refusal("listen = [\"/ip4/x\"]\n", &[], &[]).contains("\"/ip4/x\" is no multiaddr"));
    assert!(
        refusal("", &[("STARLING_BOOTSTRAP", "1.2.3.4")], &[]).starts_with("STARLING_BOOTSTRAP: \"1.2.3.4\"")
    );
    assert!(refusal("mine = true\n", &[], &[]).contains("needs --payout ADDRESS"));
    assert!(
        refusal("", &[], &[("payout", "tstar1qqnl937pazlccsw4zz7q024uck0yzuns8yap0gr9")])
            .contains("another chain")
    );
}

#[test]
fn addresses_of_peers_have_ports() {
    let said = |key: &str, address: &str| refusal(&format!("{key} = [\"{address}\"]\n"), &[], &[]);
    let peer = "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN";
    for address in ["", "/ip4/127.0.0.1", "/memory/1", "/ip4/127.0.0.1/tcp/1/ws", "/ip4/127.0.0.1/udp/1"] {
        for key in ["listen", "bootstrap"] {
            assert!(said(key, address).contains("is no multiaddr of an address and a port"), "{address}");
        }
    }
    said("listen", "/dns4/node.example/tcp/8644");
    for address in ["/ip4/192.0.2.1/tcp/0", "/ip4/192.0.2.1/udp/0/quic-v1", &format!("/p2p/{peer}")] {
        said("bootstrap", address);
    }
    let file = format!(
        "listen = [\"/ip4/127.0.0.1/tcp/0\", \"/ip6/::1/udp/0/quic-v1\"]\n\
         bootstrap = [\"/dns4/node.example/tcp/8644/p2p/{peer}\", \"/dnsaddr/node.example\", \
         \"/ip4/192.0.2.1/udp/8644/quic-v1\"]\n"
    );
    load(&file, &[], &[]).unwrap().check().unwrap();
}

#[test]
fn rpc_is_at_an_address_or_at_localhost() {
    let at = |text| load("", &[], &[("rpc", text)]).unwrap().rpc();
    assert_eq!(at("localhost:0").unwrap().to_string(), "127.0.0.1:0");
    assert_eq!(at("[::1]:8645").unwrap().to_string(), "[::1]:8645");
    for text in ["localhost", "localhost:65536", "node.example:8645", ":8645", ""] {
        assert!(at(text).unwrap_err().message().contains("like 127.0.0.1:8645"), "{text}");
    }
}

#[test]
fn what_a_file_says_is_repeated_in_part() {
    let long = "x".repeat(100_000);
    assert!(refusal(&format!("{long} = 1\n"), &[], &[]).len() < 1_000);
    assert!(refusal(&format!("rpc = {long}\n"), &[], &[]).len() < 1_000);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("chain.toml");
    for text in [format!("name = {long}"), format!("{long} = 1"), format!("name = \"{long}\"")] {
        std::fs::write(&path, text).unwrap();
        let said = super::load_chain(path.to_str().unwrap()).unwrap_err().message();
        assert!(said.len() < 1_000, "{} bytes", said.len());
    }
}

#[test]
fn lists_and_flags_come_from_the_environment_too() {
    let env = [("STARLING_LISTEN", "/ip4/127.0.0.1/tcp/1, /ip4/127.0.0.1/tcp/2"), ("STARLING_NO_MDNS", "1")];
    let config = load("no_mdns = false\n", &env, &[]).unwrap();
    assert_eq!(config.listen_or_default(), ["/ip4/127.0.0.1/tcp/1", "/ip4/127.0.0.1/tcp/2"]);
    assert!(!config.mdns());
}

#[test]
fn a_node_that_mines_has_a_payout() {
    let address = Chain::dev().accounts[3].0;
    let text = address.to_text(&Chain::dev().params.prefix);
    let config = load("mine = true\n", &[], &[("payout", &text)]).unwrap();
    assert_eq!(config.mining_payout().unwrap(), Some(address));
    let idle = load("", &[], &[("payout", &text)]).unwrap();
    assert_eq!(idle.mining_payout().unwrap(), None);
    idle.check().unwrap();
}

#[test]
fn the_file_of_a_given_directory_names_the_chain() {
    let dir = tempfile::tempdir().unwrap();
    let chain = write_chain(&dir.path().join("lab.toml"));
    std::fs::write(dir.path().join("starling.toml"), "chain = \"lab.toml\"\n").unwrap();
    let flags = layer(&[("data_dir", dir.path().to_str().unwrap())]);
    let config = Config::load(Sources { environment: Layer::new(), flags: flags.clone() }).unwrap();
    assert_eq!(config.chain().genesis_id(), chain.genesis_id());
    assert_eq!(config.data_dir().unwrap(), dir.path());
    let environment = layer(&[("chain", "dev")]);
    assert_eq!(Config::load(Sources { environment, flags }).unwrap().chain().name, "dev");
}

#[test]
fn a_chain_that_cannot_be_loaded_is_refused_with_its_place() {
    let flags = layer(&[("chain", "no-such-file.toml"), ("data_dir", "/nonexistent")]);
    let failure = Config::load(Sources { environment: Layer::new(), flags }).unwrap_err();
    assert_eq!(failure.code(), code::USAGE);
    assert!(failure.message().starts_with("--chain: there is no chain file \"no-such-file.toml\""));
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("garbage.toml");
    for garbage in [&b"\xff\xfe"[..], b"name = ", b"name = \"x\"\n"] {
        std::fs::write(&path, garbage).unwrap();
        assert_eq!(super::load_chain(path.to_str().unwrap()).unwrap_err().code(), code::USAGE);
    }
}

#[test]
fn the_commented_file_changes_nothing_and_uncommented_is_right() {
    let (_, empty) = read_text(&commented());
    assert!(empty.is_empty());
    let uncommented: String = commented()
        .lines()
        .map(|line| {
            line.strip_prefix("# ").filter(|rest| keys::KEYS.iter().any(|key| starts(rest, key.name)))
        })
        .map(|line| line.unwrap_or_default().to_owned() + "\n")
        .collect();
    let (_, full) = read_text(&uncommented);
    assert_eq!(full.len(), keys::KEYS.len() - 1);
}

fn starts(line: &str, name: &str) -> bool {
    line.strip_prefix(name).is_some_and(|rest| rest.starts_with(" = "))
}

fn read_text(text: &str) -> (std::path::PathBuf, Layer) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("starling.toml"), text).unwrap();
    file::read(dir.path()).unwrap().unwrap()
}
