//! A client that connects to WhatsApp over a transport that notices a dead connection, and answers "ping" with "pong".
//!
//! `cargo run -p ws-liveness-whatsapp -- [PHONE NUMBER]`; the environment's `WHATSAPP_URL` may name another server, and
//! its `RUST_LOG` other levels than `info`.

#![forbid(unsafe_code)]

use std::env;
use std::process::ExitCode;

use tokio::runtime::Runtime;
use tracing::info;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt;
use whatsapp_rust::anyhow;
use whatsapp_rust::bot::BotBuilderError;
use whatsapp_rust::pair_code::PairCodeOptions;
use whatsapp_rust::prelude::*;
use whatsapp_rust::transport::TransportFactory;
use whatsapp_rust::types::events::{Disconnected, Event, EventKind};
use whatsapp_rust::wacore::store::InMemoryBackend;
use ws_liveness_whatsapp::LiveTransportFactory;

fn main() -> ExitCode {
    let levels = EnvFilter::builder().with_default_directive(LevelFilter::INFO.into()).from_env_lossy();
    fmt().with_env_filter(levels).with_writer(std::io::stderr).init();
    match start() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start() -> anyhow::Result<()> {
    let runtime = Runtime::new()?;
    let outcome = runtime.block_on(run(env::args().nth(1)));
    // Not its drop: that would wait for a name lookup that still goes on without us.
    runtime.shutdown_background();
    outcome
}

async fn run(phone: Option<String>) -> anyhow::Result<()> {
    let factory = match env::var("WHATSAPP_URL") {
        Ok(url) => LiveTransportFactory::new().with_url(&url)?,
        Err(_) => LiveTransportFactory::new(),
    };
    // The client would try for ever, and not say why it cannot.
    let (transport, _events) = factory.create_transport().await?;
    transport.disconnect().await;

    let mut client = build(factory, phone).await?.spawn();
    tokio::select! {
        () = &mut client => {}
        () = shutdown_signal() => client.shutdown().await,
    }
    Ok(())
}

/// A phone number is paired by a code to be typed there, otherwise by a QR code; after the next start again, for the
/// memory keeps nothing.
async fn build(factory: LiveTransportFactory, phone: Option<String>) -> Result<Bot, BotBuilderError> {
    let builder = Bot::builder()
        .with_backend(InMemoryBackend::new())
        .with_transport_factory(factory)
        .on_qr_code(|code, _| async move { println!("to be scanned, as a QR code: {code}") })
        .on_pair_code(|code, _| async move { println!("to be typed on the phone: {code}") })
        .on_connected(|_| async { info!("connected") })
        .on_event_for(&[EventKind::Disconnected], |event, _| async move {
            if let Event::Disconnected(Disconnected { reason, .. }) = &*event {
                info!("disconnected: {reason}");
            }
        })
        .on_message(|message| async move {
            if message.message.text_content() == Some("ping") {
                let _ = message.reply("pong").await;
            }
        });
    match phone {
        Some(phone_number) => {
            builder.with_pair_code(PairCodeOptions { phone_number, ..Default::default() }).build().await
        }
        None => builder.build().await,
    }
}
