//! The binary: command line, configuration, the core, assembly of all other crates
