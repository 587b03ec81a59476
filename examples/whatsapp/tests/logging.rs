//! The one line that tells a user whether silence is judged.

mod support;

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use support::relay::{Relay, Way};
use support::{I, PATIENCE, answer, connect, factory, serve};
use tokio::time::{sleep, timeout};
use tracing::subscriber::set_default;
use tracing_subscriber::fmt;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is logged of a connection whose server's answers arrive, or do not.
async fn logged(answers: bool) -> String {
    let log = Log::default();
    let writer = log.clone();
    let _logging = set_default(fmt().with_writer(move || writer.clone()).with_ansi(false).finish());
    let (addr, mut accepted) = serve().await;
    let relay = Relay::start(addr, None).await.unwrap();
    let _client = connect(&factory(relay.addr())).await;
    let (_, mut server) = accepted.recv().await.unwrap();
    if !answers {
        relay.darken(Way::ToClient);
    }
    answer(&mut server, 2).await;
    let text = || String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let line = async {
        while !text().contains("within 500ms") {
            sleep(I / 20).await;
        }
    };
    timeout(PATIENCE, line).await.expect("no line");
    text()
}

#[tokio::test]
async fn a_connection_logs_that_its_server_answers_pings() {
    let log = logged(true).await;
    assert!(
        log.contains("INFO") && log.contains("the server answers pings: a silent connection ends within 500ms"),
        "{log}"
    );
}

#[tokio::test]
async fn a_connection_logs_that_its_server_does_not_answer_pings() {
    let log = logged(false).await;
    assert!(log.contains("WARN") && log.contains("no ping was answered within 500ms"), "{log}");
}
