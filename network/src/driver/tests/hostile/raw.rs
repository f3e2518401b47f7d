//! What a peer is made of that writes bytes as they are: shared by the driver's tests and the example `raw`,
//! which attacks whole nodes.

use futures::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use libp2p::request_response::{self, Codec, ProtocolSupport};
use libp2p::{StreamProtocol, Swarm, SwarmBuilder, noise, tcp, yamux};
use std::io;
use std::time::Duration;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) const GOSSIP: &str = "/meshsub/1.1.0";

/// Writes its bytes as they are and hopes for an end of the stream.
#[derive(Clone)]
pub(super) struct Raw {
    /// Whether it reads what it is sent.
    pub(super) reads: bool,
    /// Whether it writes a byte a second.
    pub(super) drips: bool,
    /// Called once a stream stands, before anything is written.
    pub(super) begun: fn(),
}

impl Default for Raw {
    fn default() -> Self {
        Self { reads: true, drips: false, begun: || {} }
    }
}

impl Codec for Raw {
    type Protocol = StreamProtocol;
    type Request = Vec<u8>;
    type Response = Vec<u8>;

    async fn read_request<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Vec<u8>>
    where
        T: AsyncRead + Unpin + Send,
    {
        // Gossip's stream from the other side: kept open, not answered.
        let mut all = Vec::new();
        io.read_to_end(&mut all).await.map(|_| all)
    }

    async fn read_response<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Vec<u8>>
    where
        T: AsyncRead + Unpin + Send,
    {
        if !self.reads {
            futures::future::pending::<()>().await;
        }
        let mut all = Vec::new();
        io.read_to_end(&mut all).await.map(|_| all)
    }

    async fn write_request<T>(&mut self, _: &StreamProtocol, io: &mut T, bytes: Vec<u8>) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        (self.begun)();
        if self.drips {
            for byte in bytes.chunks(1) {
                io.write_all(byte).await?;
                io.flush().await?;
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
        io.write_all(&bytes).await?;
        io.flush().await
    }

    async fn write_response<T>(&mut self, _: &StreamProtocol, _: &mut T, _: Vec<u8>) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        Ok(())
    }
}

/// A peer that speaks this protocol alone.
pub(super) fn swarm(protocol: &str, raw: Raw) -> Swarm<request_response::Behaviour<Raw>> {
    let name = StreamProtocol::try_from_owned(protocol.into()).expect("a name");
    let settings = request_response::Config::default().with_request_timeout(PATIENCE);
    SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)
        .expect("noise is at hand")
        .with_behaviour(|_| {
            request_response::Behaviour::with_codec(raw, [(name, ProtocolSupport::Full)], settings)
        })
        .expect("nothing can fail")
        .with_swarm_config(|swarm| swarm.with_idle_connection_timeout(10 * PATIENCE))
        .build()
}

/// A protobuf field of bytes.
pub(super) fn field(tag: u8, bytes: &[u8]) -> Vec<u8> {
    [&[tag << 3 | 2][..], &varint(bytes.len()), bytes].concat()
}

pub(super) fn varint(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(u8::try_from(number & 0x7f).expect("seven bits") | 0x80);
        number >>= 7;
    }
    bytes.push(u8::try_from(number).expect("seven bits"));
    bytes
}

/// A gossipsub RPC with its length.
pub(super) fn rpc(fields: &[u8]) -> Vec<u8> {
    [&varint(fields.len()), fields].concat()
}

/// An RPC that publishes one message.
pub(super) fn publish(topic: &str, data: &[u8]) -> Vec<u8> {
    rpc(&field(2, &[field(2, data), field(4, topic.as_bytes())].concat()))
}

/// An RPC that offers this many messages that do not exist.
pub(super) fn ihave(topic: &str, ids: u32) -> Vec<u8> {
    let mut list = field(1, topic.as_bytes());
    for id in 0..ids {
        list.extend(field(2, &[&id.to_le_bytes()[..], &[0; 16]].concat()));
    }
    rpc(&field(3, &field(1, &list)))
}

/// An RPC of control messages, so many of one kind: 3 is GRAFT, 4 is PRUNE.
pub(super) fn control(kind: u8, topic: &str, count: usize) -> Vec<u8> {
    rpc(&field(3, &field(kind, &field(1, topic.as_bytes())).repeat(count)))
}

/// An RPC that wants none of this many messages.
pub(super) fn idontwant(ids: u32) -> Vec<u8> {
    let ids = (0..ids).flat_map(|id| field(1, &[&id.to_le_bytes()[..], &[0; 16]].concat()));
    rpc(&field(3, &field(5, &ids.collect::<Vec<u8>>())))
}

/// All sorts of control messages, far more than anybody means.
pub(super) fn controls(topic: &str) -> Vec<u8> {
    let flood = [
        control(3, topic, 500),
        control(4, topic, 500),
        control(3, "/starling/ffffffff/tx/1", 500),
        idontwant(5_000),
        ihave(topic, 5_000),
    ];
    flood.concat()
}
