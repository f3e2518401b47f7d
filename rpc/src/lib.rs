//! JSON-RPC: typed API, JSON types, server and client
