//! Tests of what is read from DNS, with a name server of our own.

use super::*;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::op::{Message, MessageType, OpCode, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, TXT};
use hickory_resolver::proto::rr::{Record, RecordType};
use libp2p::PeerId;
use tokio::net::UdpSocket;

/// Answers every question: of `_dnsaddr.seed.test` with these texts, of `bare.test` with an address.
async fn serve(socket: UdpSocket, texts: Vec<String>) {
    let mut buffer = [0; 512];
    while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
        let question = Message::from_vec(&buffer[..length]).unwrap();
        let asked = question.queries[0].clone();
        let mut answer = Message::new(question.metadata.id, MessageType::Response, OpCode::Query);
        answer.add_query(asked.clone());
        let name = asked.name().clone();
        match (name.to_ascii().as_str(), asked.query_type()) {
            ("_dnsaddr.seed.test.", RecordType::TXT) => {
                for text in &texts {
                    let data = RData::TXT(TXT::new(vec![text.clone()]));
                    answer.add_answer(Record::from_rdata(name.clone(), 60, data));
                }
            }
            ("bare.test.", RecordType::A) => {
                answer.add_answer(Record::from_rdata(name, 60, RData::A(A::new(192, 0, 2, 7))));
            }
            _ => answer.metadata.response_code = ResponseCode::NXDomain,
        }
        socket.send_to(&answer.to_vec().unwrap(), from).await.unwrap();
    }
}

#[tokio::test]
async fn a_seed_names_peers_by_text_records_or_addresses() {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let at = socket.local_addr().unwrap();
    let named: Multiaddr = format!("/ip4/192.0.2.1/tcp/8644/p2p/{}", PeerId::random()).parse().unwrap();
    let texts = vec![format!("dnsaddr={named}"), "dnsaddr=nonsense".into(), "something else".into()];
    let server = tokio::spawn(serve(socket, texts));
    let mut connection = ConnectionConfig::udp();
    connection.port = at.port();
    let server_config = NameServerConfig::new(at.ip(), true, vec![connection]);
    let config = ResolverConfig::from_parts(None, vec![], vec![server_config]);
    let builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
    let resolver = builder.build().unwrap();
    assert_eq!(found_at(&resolver, "seed.test").await, [named]);
    let usual: Multiaddr = format!("/ip4/192.0.2.7/tcp/{USUAL_PORT}").parse().unwrap();
    assert_eq!(found_at(&resolver, "bare.test").await, [usual]);
    assert!(found_at(&resolver, "nobody.test").await.is_empty());
    server.abort();
}

#[test]
fn a_text_record_in_pieces_is_put_together() {
    let pieces: Vec<Box<[u8]>> =
        vec![b"dnsaddr=/ip4/192.0.2.1".as_slice().into(), b"/tcp/1".as_slice().into()];
    assert_eq!(address_in(&pieces), Some("/ip4/192.0.2.1/tcp/1".parse().unwrap()));
}
