//! What can happen to a world, by name.

use super::world::Settings;
use std::time::Duration;

/// What a run is like.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// Its name.
    pub name: &'static str,
    /// What it is, for people.
    pub about: &'static str,
    /// Nodes, unless said otherwise.
    pub nodes: u16,
    /// How long things happen.
    pub lasts: Duration,
    /// The world's measures.
    pub settings: Settings,
    /// Seconds between two blocks.
    pub interval: u32,
    /// Mean time between two payments; none are made without one.
    pub payments: Option<Duration>,
    /// Payments that all nodes have before each block; those are made at even intervals then.
    pub filled: usize,
    /// Mean time between two crashes.
    pub crashes: Option<Duration>,
    /// Mean time between two connections that break.
    pub breaks: Option<Duration>,
    /// When the world is divided, and for how long.
    pub division: Option<(Duration, Duration)>,
    /// By how many seconds clocks are wrong at the most.
    pub skew: u32,
    /// All begin with the first node alone, which dies then.
    pub first_dies: Option<Duration>,
}

const WORLD: Settings = Settings {
    latency: (Duration::from_millis(20), Duration::from_millis(150)),
    rate: 20_000_000,
    rate_of_each: false,
    loss: 0.0,
    silent: 0.0,
    discovery: true,
};

const QUIET: Scenario = Scenario {
    name: "calm",
    about: "nothing goes wrong",
    nodes: 10,
    lasts: Duration::from_secs(600),
    settings: WORLD,
    interval: 10,
    payments: Some(Duration::from_millis(500)),
    filled: 0,
    crashes: None,
    breaks: None,
    division: None,
    skew: 0,
    first_dies: None,
};

/// All that can be asked for.
pub const SCENARIOS: [Scenario; 11] = [
    QUIET,
    Scenario {
        name: "mixed",
        about: "crashes, connections that break, a divided world, lost packets, wrong clocks",
        settings: Settings { loss: 0.01, silent: 0.1, ..WORLD },
        crashes: Some(Duration::from_secs(60)),
        breaks: Some(Duration::from_secs(20)),
        division: Some((Duration::from_secs(200), Duration::from_secs(100))),
        skew: 5,
        ..QUIET
    },
    Scenario {
        name: "division",
        about: "two parts that mine apart for ten minutes, and meet",
        lasts: Duration::from_secs(900),
        division: Some((Duration::from_secs(120), Duration::from_secs(600))),
        ..QUIET
    },
    Scenario {
        name: "division-1000",
        about: "two parts that mine more than a thousand blocks each apart, and meet",
        lasts: Duration::from_secs(2_700),
        interval: 1,
        division: Some((Duration::from_secs(60), Duration::from_secs(2_400))),
        ..QUIET
    },
    Scenario {
        name: "division-9500",
        about: "two parts that mine nearly as many blocks apart as can be undone, and meet",
        lasts: Duration::from_secs(19_200),
        interval: 1,
        division: Some((Duration::from_secs(60), Duration::from_secs(19_000))),
        ..QUIET
    },
    Scenario {
        name: "crashes",
        about: "every ten seconds a node dies or its power fails, and it starts from its disk",
        crashes: Some(Duration::from_secs(10)),
        ..QUIET
    },
    Scenario {
        name: "silent",
        about: "one node in five passes nothing on",
        nodes: 50,
        lasts: Duration::from_secs(600),
        settings: Settings { silent: 0.2, ..WORLD },
        ..QUIET
    },
    Scenario {
        name: "found",
        about: "all know one node, which dies; they find each other, are divided for ten minutes, and meet",
        nodes: 20,
        lasts: Duration::from_secs(900),
        interval: 20,
        division: Some((Duration::from_secs(180), Duration::from_secs(600))),
        first_dies: Some(Duration::from_secs(60)),
        ..QUIET
    },
    Scenario {
        name: "spread",
        about: "blocks with announcements of 64 KiB, of payments that all have; one node in five is silent",
        nodes: 50,
        lasts: Duration::from_secs(40),
        settings: Settings { silent: 0.2, discovery: false, ..WORLD },
        payments: None,
        filled: 2_040,
        ..QUIET
    },
    Scenario {
        name: "spread-all",
        about: "as `spread`, and nobody is silent",
        nodes: 50,
        lasts: Duration::from_secs(40),
        settings: Settings { discovery: false, ..WORLD },
        payments: None,
        filled: 2_040,
        ..QUIET
    },
    Scenario {
        name: "spread-links",
        about: "as `spread`, and it is each link that has 20 Mbit/s, not all of a node together",
        nodes: 50,
        lasts: Duration::from_secs(40),
        settings: Settings { silent: 0.2, discovery: false, rate_of_each: true, ..WORLD },
        payments: None,
        filled: 2_040,
        ..QUIET
    },
];
