//! Every method of the client against a real server, and its errors.

use super::{Client, ClientError};
use crate::testing::{FakeNode, TIP_HEIGHT, address, genesis, head, header, payment, prefix};
use crate::types::{BlockPart, BlockRef, Event, PoolTx, SubmittedTx, TxStatus, TxSubmission};
use crate::{ErrorKind, NodeApi, PageRequest, Server, ServerConfig, ServerHandle, to_hex};
use starling_primitives::{Address, Amount};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const TOKEN: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

async fn start() -> (ServerHandle, Arc<FakeNode>, Client) {
    let mut config = ServerConfig::new(SocketAddr::from(([127, 0, 0, 1], 0)), prefix());
    config.token = Some(TOKEN.to_owned());
    let node = Arc::new(FakeNode::default());
    let server = Server::start(config, node.clone()).await.unwrap();
    let client = Client::new(&format!("http://{}", server.local_addr), Some(TOKEN)).unwrap();
    (server, node, client)
}

#[tokio::test]
async fn each_method_gives_what_the_node_said() {
    let (_server, node, client) = start().await;
    let (tip, one) = (BlockRef::Tip, address(1));
    let byte_one = Address::new([1; 20]);
    let page = |cursor: Option<&str>, limit| PageRequest { cursor: cursor.map(str::to_owned), limit };

    assert_eq!(client.chain_info().await.unwrap(), node.chain_info().await.unwrap());
    assert_eq!(client.chain_get_block(tip).await.unwrap(), node.chain_get_block(tip).await.unwrap());
    assert_eq!(client.chain_get_header(tip).await.unwrap(), node.chain_get_header(tip).await.unwrap());
    assert_eq!(client.chain_get_raw(tip, BlockPart::Body).await.unwrap(), "bbbbbb");
    let headers = client.chain_get_headers(2, 3).await.unwrap();
    assert_eq!(headers, node.chain_get_headers(2, 3).await.unwrap());
    assert_eq!(client.chain_get_tips().await.unwrap(), node.chain_get_tips().await.unwrap());

    let tx = to_hex(payment(0).bytes());
    let txid = payment(0).txid(&genesis());
    assert_eq!(client.tx_submit(&tx).await.unwrap(), SubmittedTx { txid });
    assert_eq!(client.tx_decode(&tx).await.unwrap(), node.tx_decode(payment(0)).await.unwrap());
    assert_eq!(client.tx_get(txid).await.unwrap().status, TxStatus::Mined);
    assert_eq!(client.tx_estimate_fee().await.unwrap(), node.tx_estimate_fee().await.unwrap());

    assert_eq!(client.account_get(&one).await.unwrap(), node.account_get(byte_one).await.unwrap());
    for block in [tip, BlockRef::Height(0), BlockRef::Height(1)] {
        let proof = client.account_get_proof(&one, block).await.unwrap();
        assert_eq!(proof, node.account_get_proof(byte_one, block).await.unwrap());
        let proof = client.history_get_proof(block).await.unwrap();
        assert_eq!(proof, node.history_get_proof(block).await.unwrap());
    }
    assert_eq!(client.tx_get_proof(txid).await.unwrap(), node.tx_get_proof(txid).await.unwrap());
    let history = client.account_history(&one, Some("c"), 3).await.unwrap();
    assert_eq!(history, node.account_history(byte_one, page(Some("c"), 3)).await.unwrap());
    assert_eq!(client.mempool_info().await.unwrap(), node.mempool_info().await.unwrap());
    let list = client.mempool_list(None, 4).await.unwrap();
    assert_eq!(list, node.mempool_list(page(None, 4)).await.unwrap());

    let template = client.mining_get_template(&one, "0a0b").await.unwrap();
    assert_eq!((&template.header, template.tx_count), (&header(TIP_HEIGHT).encode(), 2));
    let mined = client.mining_submit(&to_hex(&template.header)).await.unwrap();
    assert_eq!(mined.id, header(TIP_HEIGHT).id());
    assert!(!client.mining_info().await.unwrap().mining);
    let mining = client.mining_start(Some(&one), Some(2)).await.unwrap();
    assert_eq!((mining.threads, mining.payout), (2, Some(one.clone())));
    assert!(client.mining_start(None, None).await.unwrap().mining);
    assert!(!client.mining_stop().await.unwrap().mining);
    assert_eq!(client.mining_generate(2, None).await.unwrap().blocks.len(), 2);

    assert_eq!(client.net_info().await.unwrap(), node.net_info().await.unwrap());
    assert_eq!(client.net_peers().await.unwrap(), node.net_peers().await.unwrap());
    let peer = "/ip4/127.0.0.1/tcp/8644";
    assert_eq!(client.net_add(peer).await.unwrap().address, peer);
    assert!(client.net_remove("12D3").await.unwrap().known);
    assert_eq!(client.net_ban("12D3", 60).await.unwrap().peer, "12D3");
    assert!(!client.net_unban("12D3").await.unwrap().known);
    assert_eq!(client.net_bans().await.unwrap(), node.net_bans().await.unwrap());
    assert_eq!(client.node_status().await.unwrap(), node.node_status().await.unwrap());
    assert!(client.discover().await.unwrap().methods.iter().any(|method| method.name == "net_add"));
}

#[tokio::test]
async fn submissions_keep_their_order() {
    let (_server, _node, client) = start().await;
    let texts = [0, 1].map(|nonce| to_hex(payment(nonce).bytes()));
    let answers = client.tx_submit_many(&texts).await.unwrap();
    assert_eq!(answers[0], TxSubmission::Accepted(SubmittedTx { txid: payment(0).txid(&genesis()) }));
    let TxSubmission::Refused { error } = &answers[1] else { panic!("{answers:?}") };
    assert_eq!(
        (error.code(), error.message(), &error.values()["nonce"]),
        ("nonce_too_low", "odd", &1.into())
    );
}

#[tokio::test]
async fn both_streams_are_delivered() {
    let (_server, node, client) = start().await;
    let mut heads = client.subscribe_heads().await.unwrap();
    let mut txs = client.subscribe_txs().await.unwrap();
    let tx = payment(0);
    let pooled = PoolTx {
        txid: tx.txid(&genesis()),
        wtxid: tx.wtxid(),
        from: address(3),
        nonce: 0,
        fee: Amount::ZERO,
        size: 171,
        time: 9,
    };
    node.heads.send(Event::Item(head(8))).unwrap();
    node.txs.send(Event::Item(pooled.clone())).unwrap();
    assert_eq!(heads.next().await.unwrap().unwrap(), Event::Item(head(8)));
    assert_eq!(txs.next().await.unwrap().unwrap(), Event::Item(pooled));
}

#[tokio::test]
async fn a_refusal_carries_its_reason() {
    let (server, _node, client) = start().await;
    let error = client.chain_get_block(BlockRef::Height(99)).await.unwrap_err();
    let ClientError::Refused(refusal) = &error else { panic!("{error}") };
    assert_eq!((refusal.kind(), refusal.code()), (ErrorKind::NotFound, "block_not_found"));
    assert_eq!((refusal.hint_text(), &refusal.values()["block"]), ("ask chain_info for the tip", &99.into()));
    assert_eq!(error.to_string(), "there is no block 99 (ask chain_info for the tip)");

    let stranger = Client::new(&format!("http://{}", server.local_addr), None).unwrap();
    let error = stranger.mining_stop().await.unwrap_err();
    assert!(matches!(error, ClientError::Refused(refusal) if refusal.kind() == ErrorKind::Unauthorized));
}

#[tokio::test]
async fn nobody_there_is_unreachable() {
    let (server, _node, client) = start().await;
    server.stop().await;
    for error in [client.chain_info().await.unwrap_err(), client.subscribe_heads().await.unwrap_err()] {
        assert!(matches!(error, ClientError::Unreachable { .. }), "{error}");
        assert!(error.to_string().contains("--node") && error.to_string().contains("refused"), "{error}");
    }
}

#[tokio::test]
async fn something_else_there_is_said() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        for answer in [
            "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi",
        ] {
            let (mut socket, _) = listener.accept().await.unwrap();
            let _ = socket.read(&mut [0; 4_096]).await.unwrap();
            socket.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    for _ in 0..2 {
        let error = Client::new(&url, None).unwrap().chain_info().await.unwrap_err();
        assert!(matches!(&error, ClientError::Bad { .. }), "{error:?}");
        assert!(error.to_string().contains(&url), "{error}");
    }
}

#[test]
fn urls_and_tokens_are_checked_at_once() {
    for url in ["127.0.0.1:8645", "localhost", "ws://localhost:1", "", "http://"] {
        let error = Client::new(url, None).unwrap_err();
        assert!(
            matches!(&error, ClientError::Usage(text) if text.contains("http://127.0.0.1:8645")),
            "{error}"
        );
    }
    assert!(matches!(Client::new("http://localhost:1", Some("a\nb")), Err(ClientError::Usage(_))));
}
