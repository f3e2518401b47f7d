//! Network namespaces: each node on a machine of its own, as far as the kernel can tell, on lines of a given
//! rate; and a network that can be divided.
//!
//! Each namespace has two interfaces: one for peers, on one of two bridges, shaped by `tbf`; one for the
//! test, on a third bridge that is never divided.

use crate::Node;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU8, Ordering};

/// Towns of this process: each has names and addresses of its own.
static TOWNS: AtomicU8 = AtomicU8::new(0);

/// Namespaces, and the bridges between them. They are gone when this is dropped.
pub struct Town {
    /// What the names of its parts begin with.
    name: String,
    /// The second number of its addresses.
    net: u8,
    houses: u8,
}

fn ip(args: &[&str]) -> Result<(), String> {
    run("ip", args)
}

fn run(program: &str, args: &[&str]) -> Result<(), String> {
    let said = |output: Output| String::from_utf8_lossy(&output.stderr).trim().to_owned();
    match Command::new(program).args(args).output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!("{program} {}: {}", args.join(" "), said(output))),
        Err(error) => Err(format!("{program}: {error}")),
    }
}

/// Makes a namespace a router of the kind that homes have, between its lines `i` and `o`.
fn route(name: &str) -> Result<(), String> {
    let forward = "echo 1 > /proc/sys/net/ipv4/ip_forward";
    ip(&["netns", "exec", name, "sh", "-c", forward])?;
    let rules = "table ip home { \
        chain out { type nat hook postrouting priority 100; oifname \"o\" masquerade; }; \
        chain door { type filter hook input priority 0; iifname \"o\" ct state new drop; }; \
        chain in { type filter hook forward priority 0; iifname \"o\" ct state new drop; }; }";
    ip(&["netns", "exec", name, "sh", "-c", &format!("echo '{rules}' | nft -f -")])
}

impl Town {
    /// Whether this machine lets us build towns, with `routers` or without: each kind of part is tried once.
    /// Where it does, a town that cannot be built is a mistake of ours.
    ///
    /// # Errors
    /// Why not.
    pub fn allowed(routers: bool) -> Result<(), String> {
        let name = format!("sp{}{}", std::process::id() % 1_000, TOWNS.fetch_add(1, Ordering::Relaxed));
        let (bridge, line) = (format!("{name}b"), format!("{name}o"));
        let parts = || {
            ip(&["netns", "add", &name])?;
            ip(&["link", "add", &bridge, "type", "bridge"])?;
            ip(&["address", "add", "10.99.255.254/32", "dev", &bridge])?;
            ip(&["link", "add", &line, "type", "veth", "peer", "name", "p", "netns", &name])?;
            ip(&["link", "set", &line, "master", &bridge, "up"])?;
            let shape = ["root", "tbf", "rate", "1mbit", "burst", "64kb", "latency", "400ms"];
            ip(&[&["netns", "exec", &name, "tc", "qdisc", "add", "dev", "p"][..], &shape].concat())?;
            if routers { route(&name) } else { Ok(()) }
        };
        let tried = parts();
        drop(ip(&["netns", "del", &name]));
        drop(ip(&["link", "del", &bridge]));
        tried
    }

    /// So many houses on lines of so many megabits a second.
    ///
    /// # Panics
    /// When it cannot be built; [`Town::allowed`] says whether this machine is to blame.
    #[must_use]
    pub fn new(houses: u8, megabits: u32) -> Self {
        Self::plan(houses, megabits).expect("a town can be built where each of its parts can")
    }

    fn plan(houses: u8, megabits: u32) -> Result<Self, String> {
        let number = std::process::id() % 1_000;
        let net = u8::try_from(number % 100).unwrap_or_default() + 100;
        let count = TOWNS.fetch_add(1, Ordering::Relaxed);
        let net = net.wrapping_add(count);
        let town = Self { name: format!("st{number}{count}"), net, houses };
        for bridge in ["a", "b", "c"] {
            let bridge = town.bridge(bridge);
            ip(&["link", "add", &bridge, "type", "bridge"])?;
            ip(&["link", "set", &bridge, "up"])?;
        }
        ip(&["address", "add", &format!("10.{net}.255.254/16"), "dev", &town.bridge("c")])?;
        for house in 1..=houses {
            town.build(house, megabits)?;
        }
        Ok(town)
    }

    fn bridge(&self, which: &str) -> String {
        format!("{}{which}", self.name)
    }

    fn house(&self, house: u8) -> String {
        format!("{}h{house}", self.name)
    }

    fn line(&self, house: u8, kind: &str) -> String {
        format!("{}{kind}{house}", self.name)
    }

    /// Where a house is reached by peers, and by the test.
    fn addresses(&self, house: u8) -> (String, String) {
        (
            format!("10.{}.1.{house}", self.net.wrapping_add(100) % 99 + 1),
            format!("10.{}.2.{house}", self.net),
        )
    }

    fn build(&self, house: u8, megabits: u32) -> Result<(), String> {
        let name = self.house(house);
        ip(&["netns", "add", &name])?;
        ip(&["netns", "exec", &name, "ip", "link", "set", "lo", "up"])?;
        let (peers, test) = self.addresses(house);
        for (kind, bridge, address) in [("p", "a", peers), ("q", "c", test)] {
            let outside = self.line(house, kind);
            let add = ["link", "add", &outside, "type", "veth", "peer", "name", kind, "netns", &name];
            ip(&add)?;
            ip(&["link", "set", &outside, "master", &self.bridge(bridge), "up"])?;
            ip(&["-n", &name, "address", "add", &format!("{address}/16"), "dev", kind])?;
            ip(&["-n", &name, "link", "set", "dev", kind, "up"])?;
        }
        let rate = format!("{megabits}mbit");
        let shape = ["root", "tbf", "rate", &rate, "burst", "64kb", "latency", "400ms"];
        let inside = [&["netns", "exec", &name, "tc", "qdisc", "add", "dev", "p"][..], &shape].concat();
        ip(&inside)?;
        run("tc", &[&["qdisc", "add", "dev", &self.line(house, "p")][..], &shape].concat())
    }

    /// Puts a house behind a router of its own, as homes have them: others see the router's address, and what
    /// they send uninvited is dropped.
    ///
    /// # Panics
    /// When it cannot be built.
    pub fn hide(&self, house: u8) {
        self.put_behind_router(house).expect("a router can be built where each of its parts can");
    }

    fn put_behind_router(&self, house: u8) -> Result<(), String> {
        let (name, router) = (self.house(house), self.router(house));
        let (outer, _) = self.addresses(house);
        let outside = self.line(house, "o");
        ip(&["link", "del", &self.line(house, "p")])?;
        ip(&["netns", "add", &router])?;
        ip(&["link", "add", &outside, "type", "veth", "peer", "name", "o", "netns", &router])?;
        ip(&["link", "set", &outside, "master", &self.bridge("a"), "up"])?;
        ip(&["link", "add", "i", "netns", &router, "type", "veth", "peer", "name", "p", "netns", &name])?;
        let inner = [(&router, "o", format!("{outer}/16")), (&router, "i", format!("192.168.{house}.1/24"))];
        let inner = inner.into_iter().chain([(&name, "p", format!("192.168.{house}.2/24"))]);
        for (place, line, address) in inner {
            ip(&["-n", place, "address", "add", &address, "dev", line])?;
            ip(&["-n", place, "link", "set", "dev", line, "up"])?;
        }
        ip(&["-n", &name, "route", "add", "default", "via", &format!("192.168.{house}.1")])?;
        route(&router)
    }

    fn router(&self, house: u8) -> String {
        format!("{}r{house}", self.name)
    }

    /// Starts a node in a house behind a router.
    ///
    /// # Panics
    /// When it does not get ready.
    #[must_use]
    pub fn hidden_node(&self, house: u8, chain: &Path, folder: &Path, flags: &[&str]) -> Node {
        self.node_at(house, &format!("/ip4/192.168.{house}.2/tcp/8644"), (chain, folder, flags))
    }

    /// Starts a node in a house.
    ///
    /// # Panics
    /// When it does not get ready.
    #[must_use]
    pub fn node(&self, house: u8, chain: &Path, folder: &Path, flags: &[&str]) -> Node {
        let listen = format!("/ip4/{}/tcp/8644", self.addresses(house).0);
        self.node_at(house, &listen, (chain, folder, flags))
    }

    fn node_at(&self, house: u8, listen: &str, (chain, folder, flags): (&Path, &Path, &[&str])) -> Node {
        let (_, test) = self.addresses(house);
        let within = ["ip", "netns", "exec", &self.house(house)].map(str::to_owned).to_vec();
        Node::within(within, (&format!("{test}:8645"), listen), chain, folder, flags)
    }

    /// Bytes that a house has sent to its peers, headers of all layers included.
    ///
    /// # Panics
    /// When the kernel does not tell.
    #[must_use]
    pub fn sent_by(&self, house: u8) -> u64 {
        let file = format!("/sys/class/net/{}/statistics/rx_bytes", self.line(house, "p"));
        let text = std::fs::read_to_string(&file).expect("each line has counters");
        text.trim().parse().expect("a number")
    }

    /// Houses whose numbers are even are cut off from the others.
    ///
    /// # Errors
    /// What the system said.
    pub fn divide(&self) -> Result<(), String> {
        self.even("b")
    }

    /// All are one town again.
    ///
    /// # Errors
    /// What the system said.
    pub fn unite(&self) -> Result<(), String> {
        self.even("a")
    }

    fn even(&self, bridge: &str) -> Result<(), String> {
        let bridge = self.bridge(bridge);
        (2..=self.houses)
            .step_by(2)
            .try_for_each(|house| ip(&["link", "set", &self.line(house, "p"), "master", &bridge]))
    }
}

impl Drop for Town {
    fn drop(&mut self) {
        for house in 1..=self.houses {
            // The interfaces go with it.
            drop(ip(&["netns", "del", &self.house(house)]));
            drop(ip(&["netns", "del", &self.router(house)]));
        }
        for bridge in ["a", "b", "c"] {
            drop(ip(&["link", "del", &self.bridge(bridge)]));
        }
    }
}
