//! Peers: pure protocol machines and one libp2p driver
