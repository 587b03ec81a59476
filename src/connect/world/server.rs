//! A server that says what its scenario has, byte by byte.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio_rustls::rustls::client::Resumption;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig, ServerConnection};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::net::wait;
use super::scenario::{Answer, Flight, Host, Identity, Then, Tls, cuts};

/// What is enough for every parser to see that it is none of its own.
static ZEROS: [u8; 20_000] = [0; 20_000];

pub(super) struct Server {
    pub(super) io: DuplexStream,
    pub(super) reset: Arc<AtomicBool>,
    pub(super) complaints: Arc<Mutex<Vec<String>>>,
    pub(super) host: Host,
}

impl Server {
    /// What fails here is a client that has gone.
    pub(super) async fn run(mut self, tls: bool) {
        let _ = self.serve(tls).await;
    }

    async fn serve(&mut self, tls: bool) -> io::Result<()> {
        let mut session = None;
        if tls {
            session = Some(self.shake(self.host.tls).await?);
        }
        let flight = self.host.upgrade.flight;
        if flight.then == Then::Deaf {
            std::future::pending().await
        }
        let request = self.request(&mut session).await?;
        let line = |name: &str| request.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().to_owned();
        if !line("Host: ").ends_with(":4433") {
            self.complaints.lock().unwrap().push(format!("a request for {}", line("Host: ")));
        }
        let head = self.host.upgrade.answer.head(&derive_accept_key(line("Sec-WebSocket-Key: ").as_bytes()));
        if let Answer::Endless { chunk, gap } = self.host.upgrade.answer {
            wait(flight.after).await;
            self.say(&mut session, format!("{}\r\nX: ", head.trim_end()).as_bytes()).await?;
            loop {
                wait(gap).await;
                tokio::task::yield_now().await;
                self.say(&mut session, &b"y".repeat(chunk)).await?;
            }
        }
        let whole = [head.as_bytes(), &self.host.upgrade.rest()].concat();
        let part = if flight.then == Then::GoesOn { whole.len() } else { part(flight.then, head.len()) };
        self.deliver(&whole[..part], flight, &mut session).await?;
        std::future::pending().await
    }

    async fn shake(&mut self, tls: Tls) -> io::Result<ServerConnection> {
        let mut session = ServerConnection::new(config(tls)).map_err(io::Error::other)?;
        let mut flights = 0;
        while session.is_handshaking() {
            if tls.flight.then == Then::Deaf {
                std::future::pending().await
            }
            let failed = self.hear(&mut session).await.is_err();
            // After the client's last flight, TLS 1.3 has only tickets, which go with the answer.
            if !session.wants_write() || !(session.is_handshaking() || tls.old || failed) {
                continue;
            }
            let mut flight = Vec::new();
            while session.wants_write() {
                session.write_tls(&mut flight)?;
            }
            let broken = flights == usize::from(tls.late);
            let then = if broken { tls.flight.then } else { Then::GoesOn };
            flights += 1;
            self.deliver(&flight[..part(then, flight.len())], Flight { then, ..tls.flight }, &mut None).await?;
            if failed {
                std::future::pending().await
            }
        }
        if session.server_name() != Some("localhost") && !session.server_name().is_none_or(str::is_empty) {
            self.complaints.lock().unwrap().push(format!("TLS asks for {:?}", session.server_name()));
        }
        if session.alpn_protocol() != Some(b"http/1.1") {
            self.complaints.lock().unwrap().push(format!("TLS chose {:?}", session.alpn_protocol()));
        }
        Ok(session)
    }

    async fn hear(&mut self, session: &mut ServerConnection) -> io::Result<()> {
        let mut bytes = [0; 4096];
        let length = self.io.read(&mut bytes).await?;
        if length == 0 {
            // The client has gone: nothing is left to be said.
            std::future::pending().await
        }
        let mut rest = &bytes[..length];
        while !rest.is_empty() {
            session.read_tls(&mut rest)?;
            session.process_new_packets().map_err(io::Error::other)?;
        }
        Ok(())
    }

    async fn request(&mut self, session: &mut Option<ServerConnection>) -> io::Result<String> {
        let mut request = Vec::new();
        loop {
            if let Some(session) = session {
                let mut bytes = [0; 4096];
                while let Ok(length @ 1..) = io::Read::read(&mut session.reader(), &mut bytes) {
                    request.extend_from_slice(&bytes[..length]);
                }
            }
            if request.ends_with(b"\r\n\r\n") {
                return Ok(String::from_utf8_lossy(&request).into_owned());
            }
            match session {
                Some(session) => self.hear(session).await?,
                None if self.io.read_buf(&mut request).await? == 0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                None => {}
            }
        }
    }

    async fn deliver(
        &mut self,
        bytes: &[u8],
        flight: Flight,
        session: &mut Option<ServerConnection>,
    ) -> io::Result<()> {
        wait(flight.after).await;
        for (at, piece) in cuts(bytes.len(), flight.pieces).enumerate() {
            wait(if at == 0 { 0 } else { flight.gap }).await;
            self.say(session, &bytes[piece]).await?;
        }
        match flight.then {
            Then::GoesOn => return Ok(()),
            Then::Garbage(_) => self.say(session, &ZEROS).await?,
            Then::Resets(_) => self.reset.store(true, Ordering::Relaxed),
            _ => {}
        }
        if matches!(flight.then, Then::Ends(_) | Then::Resets(_)) {
            self.io = tokio::io::duplex(1).0;
        }
        std::future::pending().await
    }

    async fn say(&mut self, session: &mut Option<ServerConnection>, bytes: &[u8]) -> io::Result<()> {
        let Some(session) = session else { return self.io.write_all(bytes).await };
        let mut rest = bytes;
        while !rest.is_empty() || session.wants_write() {
            let taken = io::Write::write(&mut session.writer(), rest)?;
            rest = &rest[taken..];
            let mut sealed = Vec::new();
            while session.wants_write() {
                session.write_tls(&mut sealed)?;
            }
            self.io.write_all(&sealed).await?;
        }
        Ok(())
    }
}

/// How many of so many bytes are said.
fn part(then: Then, length: usize) -> usize {
    match then {
        Then::GoesOn => length,
        Then::Deaf => 0,
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
        Then::Hangs(share) | Then::Ends(share) | Then::Resets(share) | Then::Garbage(share) => {
            (length as f64 * share) as usize
        }
    }
}

/// Read when a test runs: neither keys nor certificates are in the published package.
fn pem(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/support/tls/{name}", env!("CARGO_MANIFEST_DIR"))).expect("the file is there")
}

fn config(tls: Tls) -> Arc<ServerConfig> {
    const IDENTITIES: [(Identity, &str); 6] = [
        (Identity::Good, "localhost.pem"),
        (Identity::OtherName, "other_name.pem"),
        (Identity::Expired, "expired.pem"),
        (Identity::NotYet, "not_yet.pem"),
        (Identity::SelfSigned, "self_signed.pem"),
        (Identity::OnlyHttp2, "localhost.pem"),
    ];
    static ALL: OnceLock<Vec<[Arc<ServerConfig>; 2]>> = OnceLock::new();
    let make = |(identity, file): (Identity, &str), old| {
        let chain = vec![CertificateDer::from_pem_slice(&pem(file)).expect("a certificate")];
        let key = PrivateKeyDer::from_pem_slice(&pem("localhost.key")).expect("a key");
        let version = if old { &TLS12 } else { &TLS13 };
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[version])
            .expect("ring has it")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("they belong together");
        config.alpn_protocols = vec![b"h2".to_vec()];
        if identity != Identity::OnlyHttp2 {
            config.alpn_protocols.push(b"http/1.1".to_vec());
        }
        Arc::new(config)
    };
    let all = ALL.get_or_init(|| IDENTITIES.map(|identity| [make(identity, false), make(identity, true)]).into());
    let at = IDENTITIES.iter().position(|(identity, _)| *identity == tls.identity).expect("it is among them");
    all[at][usize::from(tls.old)].clone()
}

/// Without resumption, which would make one world depend on those before it.
pub(super) fn trusting() -> Arc<ClientConfig> {
    static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    let make = || {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(&pem("ca.pem")).expect("a certificate")).expect("a root");
        let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring has them")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.resumption = Resumption::disabled();
        Arc::new(config)
    };
    CONFIG.get_or_init(make).clone()
}
