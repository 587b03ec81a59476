//! The server's side of WhatsApp's handshake, as far as a client needs to count as connected.

use futures_util::SinkExt;
use tokio::net::TcpStream;
use tokio_websockets::{Message, WebSocketStream};
use wacore_noise::{NoiseHandshake, framing, test_util};
use whatsapp_rust::buffa::{Message as _, MessageField};
use whatsapp_rust::wacore::libsignal::protocol::PrivateKey;
use whatsapp_rust::wacore_binary::consts::{NOISE_PATTERN_XX, WA_CONN_HEADER};
use whatsapp_rust::waproto::whatsapp::HandshakeMessage;
use whatsapp_rust::waproto::whatsapp::handshake_message::ServerHello;

/// Answers the client's hello, the first message of a connection. What the client says then is not looked at.
pub(crate) async fn shake_hands(socket: &mut WebSocketStream<TcpStream>, first: &[u8]) {
    let framed = first.strip_prefix(&WA_CONN_HEADER).expect("WhatsApp's prologue");
    let hello = HandshakeMessage::decode_from_slice(&framed[3..]).unwrap().client_hello.into_option().unwrap();
    let answer = server_hello(&hello.ephemeral.unwrap().try_into().unwrap()).encode_to_vec();
    socket.send(Message::binary(framing::encode_frame(&answer, None).unwrap())).await.unwrap();
}

fn server_hello(client: &[u8; 32]) -> HandshakeMessage {
    let (fixed, fleeting) = (key(1), key(2));
    let mut noise = NoiseHandshake::new(NOISE_PATTERN_XX, &WA_CONN_HEADER).unwrap();
    noise.authenticate(client);
    noise.authenticate(&public(&fleeting));
    noise.mix_shared_secret(fleeting.serialize(), client).unwrap();
    let r#static = noise.encrypt(&public(&fixed)).unwrap();
    noise.mix_shared_secret(fixed.serialize(), client).unwrap();
    let payload = noise.encrypt(&test_util::build_cert_chain_bytes(&public(&fixed))).unwrap();
    let hello = ServerHello {
        ephemeral: Some(public(&fleeting).to_vec()),
        r#static: Some(r#static),
        payload: Some(payload),
        ..Default::default()
    };
    HandshakeMessage { server_hello: MessageField::some(hello), ..Default::default() }
}

fn key(seed: u8) -> PrivateKey {
    PrivateKey::deserialize(&[seed; 32]).unwrap()
}

fn public(key: &PrivateKey) -> [u8; 32] {
    key.public_key().unwrap().public_key_bytes().try_into().unwrap()
}
