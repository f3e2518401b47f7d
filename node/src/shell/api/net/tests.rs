//! Which addresses are worth keeping.

use super::is_dialable;
use starling_network::Multiaddr;

const PEER: &str = "12D3KooWGzxzKZYveHXtpG6AsrUJBcWxHBFS2HsEoGTxrMLvKXtf";

fn taken(text: &str) -> bool {
    text.parse::<Multiaddr>().is_ok_and(|address| is_dialable(&address))
}

#[test]
fn a_peer_is_a_host_with_a_port_that_the_driver_dials() {
    let hosts = ["/ip4/192.0.2.1", "/ip6/2001:db8::1", "/dns/seed.example", "/dns4/a-b.example.", "/dns6/x"];
    for host in hosts {
        for port in ["/tcp/8644", "/udp/8644/quic-v1"] {
            assert!(taken(&format!("{host}{port}")), "{host}{port}");
            assert!(taken(&format!("{host}{port}/p2p/{PEER}")), "{host}{port}");
        }
    }
    assert!(taken("/dnsaddr/seed.example"));
    let relay = format!("/ip4/192.0.2.1/tcp/8644/p2p/{PEER}/p2p-circuit");
    assert!(taken(&format!("{relay}/p2p/{PEER}")), "over a relay");
    assert!(!taken(&relay), "nobody is named behind the relay");
}

#[test]
fn nothing_else_is_a_peer() {
    let cases = [
        "",
        "/",
        "192.0.2.1:8644",
        "/ip4/192.0.2.1",
        "/ip4/192.0.2.1/tcp/0",
        "/ip4/192.0.2.1/udp/0/quic-v1",
        "/ip4/192.0.2.1/udp/8644",
        "/ip4/192.0.2.1/udp/8644/quic",
        "/ip4/192.0.2.1/tcp/8644/ws",
        "/ip4/192.0.2.1/tcp/8644/wss",
        "/ip4/192.0.2.1/tcp/8644/tcp/8645",
        "/tcp/8644",
        "/memory/1",
        "/unix/tmp",
        "/dns4//tcp/8644",
        "/dns4/a..b/tcp/8644",
        "/dns4/a b/tcp/8644",
        "/p2p-circuit",
    ];
    for text in cases {
        assert!(!taken(text), "{text}");
    }
    assert!(!taken(&format!("/p2p/{PEER}")));
    assert!(!taken(&format!("/ip4/192.0.2.1/tcp/8644/p2p/{PEER}/p2p-circuit")));
    assert!(!taken(&format!("/dns4/{}/tcp/8644", "a".repeat(300))));
    assert!(!taken(&format!("/dns4/{}/tcp/8644", "a.".repeat(150))));
}
