//! Tests of networks and of what can be dialled.

use super::*;

fn at(ip: &str) -> Multiaddr {
    let family = if ip.contains(':') { "ip6" } else { "ip4" };
    format!("/{family}/{ip}/tcp/7333").parse().unwrap()
}

#[test]
fn an_address_counts_for_its_network() {
    let cases = [
        ("203.0.113.7", "203.0/16"),
        ("8.8.4.4", "8.8/16"),
        ("::ffff:8.8.4.4", "8.8/16"),
        ("::ffff:0:8.8.4.4", "8.8/16"),
        ("2002:808:404::1", "8.8/16"),
        ("64:ff9b::8.8.4.4", "8.8/16"),
        // Teredo turns the bits of the client's address.
        ("2001:0:4136:e378:8000:63bf:f7f7:fbfb", "8.8/16"),
        ("2001:db8:1::1", "2001:db8/32"),
        ("2a00:1450:4001::5", "2a00:1450/32"),
        ("127.0.0.1", "local"),
        ("10.1.2.3", "local"),
        ("172.31.0.1", "local"),
        ("192.168.9.9", "local"),
        ("169.254.1.1", "local"),
        ("100.127.255.255", "local"),
        ("0.0.0.0", "local"),
        ("::", "local"),
        ("::1", "local"),
        ("fd00::1", "local"),
        ("fe80::1", "local"),
        ("fec0::1", "local"),
        ("::ffff:192.168.1.1", "local"),
        ("64:ff9b::10.0.0.1", "local"),
    ];
    for (ip, group) in cases {
        assert_eq!(Group::of(&at(ip)).to_string(), group, "{ip}");
    }
}

#[test]
fn names_are_groups_of_their_own() {
    let of = |text: &str| Group::of(&text.parse().unwrap());
    assert_eq!(of("/dns4/seed.example/tcp/1"), of("/dns/SEED.example/udp/2/quic-v1"));
    assert_ne!(of("/dns4/seed.example/tcp/1"), of("/dns4/other.example/tcp/1"));
    assert!(of("/dnsaddr/seed.example").to_string().starts_with("name-"));
    assert_eq!(of("/memory/5"), Group::Local);
    assert_eq!(Group::of(&Multiaddr::empty()), Group::Local);
}

#[test]
fn only_global_ips_are_public() {
    let global = [
        "1.1.1.1",
        "100.63.255.255",
        "100.128.0.1",
        "172.32.0.1",
        "192.0.1.1",
        "198.20.0.1",
        "203.0.112.1",
        "223.255.255.1",
        "2a00:1450::1",
        "2001:470::1",
        "2620:fe::fe",
        "64:ff9b::8.8.8.8",
        "2002:808:808::1",
    ];
    let special = [
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "127.0.0.1",
        "169.254.0.1",
        "172.16.0.1",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.0.1",
        "198.18.0.1",
        "198.19.255.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::8.8.8.8",
        "::ffff:8.8.8.8",
        "::ffff:0:8.8.8.8",
        "64:ff9b::192.168.0.1",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:2::1",
        "2001:20::1",
        "2001:db8::1",
        "2002:c0a8:1::1",
        "3fff::1",
        "4000::1",
        "5f00::1",
        "fc00::1",
        "fd12::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ];
    global.iter().for_each(|ip| assert!(is_public(&at(ip)), "{ip}"));
    special.iter().for_each(|ip| assert!(!is_public(&at(ip)), "{ip}"));
}

#[test]
fn a_house_may_dial_its_own_network() {
    let one = ["127.0.0.1", "10.0.0.1", "203.0.113.1", "::1", "fd00::1", "2001:db8::1", "::ffff:10.0.0.1"];
    let none = ["0.0.0.0", "224.0.0.1", "255.255.255.255", "::", "ff02::1", "::ffff:0.0.0.0"];
    one.iter().for_each(|ip| assert!(is_dialable(&at(ip)), "{ip}"));
    none.iter().for_each(|ip| assert!(!is_dialable(&at(ip)), "{ip}"));
}

#[test]
fn only_tcp_and_quic_can_be_dialled() {
    let id = "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN";
    let good = ["/ip4/1.1.1.1/tcp/1", "/ip4/1.1.1.1/udp/1/quic-v1", "/ip6/2a00::1/tcp/65535"];
    for address in good {
        for text in [address.to_owned(), format!("{address}/p2p/{id}")] {
            let address = text.parse().unwrap();
            assert!(is_public(&address) && is_dialable(&address), "{text}");
        }
    }
    let bad = [
        "/ip4/1.1.1.1".to_owned(),
        "/ip4/1.1.1.1/tcp/0".to_owned(),
        "/ip4/1.1.1.1/udp/1".to_owned(),
        "/ip4/1.1.1.1/udp/0/quic-v1".to_owned(),
        "/ip4/1.1.1.1/udp/1/quic".to_owned(),
        "/ip4/1.1.1.1/tcp/1/ws".to_owned(),
        "/ip4/1.1.1.1/tcp/1/tcp/2".to_owned(),
        "/ip4/1.1.1.1/ip4/1.1.1.1/tcp/1".to_owned(),
        "/dns4/seed.example/tcp/1".to_owned(),
        "/memory/1".to_owned(),
        format!("/ip4/1.1.1.1/tcp/1/p2p/{id}/p2p-circuit"),
        format!("/ip4/1.1.1.1/tcp/1/p2p/{id}/p2p-circuit/p2p/{id}"),
        format!("/ip4/1.1.1.1/tcp/1/p2p/{id}/p2p/{id}"),
        format!("/p2p/{id}"),
    ];
    for text in bad {
        let address = text.parse().unwrap();
        assert!(!is_public(&address) && !is_dialable(&address), "{text}");
    }
    assert!(!is_dialable(&Multiaddr::empty()));
}

#[test]
fn groups_survive_their_bytes() {
    for group in [Group::Local, Group::V4([8, 9]), Group::V6([1, 2, 3, 4]), Group::Name(u64::MAX)] {
        assert_eq!(Group::from_bytes(group.to_bytes()), Some(group));
    }
    assert_eq!(Group::from_bytes([0, 1, 0, 0, 0, 0, 0, 0, 0]), None);
    assert_eq!(Group::from_bytes([4; GROUP_BYTES]), None);
}
