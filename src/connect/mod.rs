//! Dialling with one deadline over name resolution, TCP, TLS and upgrade.

mod error;
mod options;
mod phases;

use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::{Request, Response};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, client_async_with_config};

pub use error::{ConnectError, ConnectPhase};
pub use options::ConnectOptions;
use phases::{Dial, Target, reach, secure};

use crate::progress::ProgressIo;
use crate::stream::LiveStream;
use crate::tcp::TcpProgress;

/// What [`connect`] gives.
pub type Connected = LiveStream<WebSocketStream<MaybeTlsStream<ProgressIo<TcpStream>>>>;

/// Dials `ws://` and, with the feature `connect-rustls`, `wss://`: a [`LiveStream`] with its TCP options and its progress
/// source in place, and the server's answer to the upgrade. All of it within the one timeout of the options.
///
/// A name with several addresses is tried in the resolver's order, each for an equal share of the time that is left.
/// The source is the TCP socket itself where that can be asked (Linux; one more file descriptor), else the bytes are
/// counted.
///
/// Through a proxy, or over any other stream of your own, the same in four lines:
///
/// ```no_run
/// # use tokio::net::TcpStream;
/// use tokio_tungstenite::client_async;
/// use ws_liveness::{LiveConfig, LiveExt, ProgressIo};
///
/// # async fn through(tunnel: TcpStream) -> Result<(), Box<dyn std::error::Error>> {
/// let io = ProgressIo::new(tunnel);
/// let source = io.handle();
/// let (ws, _response) = client_async("ws://example.com/", io).await?;
/// let mut live = ws.live(LiveConfig::default()).with_progress(source);
/// # Ok(())
/// # }
/// ```
///
/// Cancel-safe: dropping the future leaves nothing behind.
///
/// # Errors
/// [`ConnectError`] names the phase that failed or had no time left, and the time that each phase took.
pub async fn connect<R>(request: R, options: &ConnectOptions) -> Result<(Connected, Response), ConnectError>
where
    R: IntoClientRequest,
{
    let mut dial = Dial::start(options.timeout);
    let request = request.into_client_request().map_err(|error| dial.fail(ConnectPhase::Request, error))?;
    let target = Target::of(&request).map_err(|error| dial.fail(ConnectPhase::Request, error))?;
    let tcp = dial_tcp(&mut dial, &target, options).await?;
    let source = TcpProgress::new(&tcp).map_err(|error| dial.fail(ConnectPhase::Tcp, error))?;
    let io = ProgressIo::new(tcp);
    let bytes = io.handle();
    let (ws, response) = dial_ws(&mut dial, &target, request, io, options).await?;
    let live = LiveStream::new(ws, options.liveness.clone());
    let live = if TcpProgress::IS_SUPPORTED { live.with_progress(source) } else { live.with_progress(bytes) };
    Ok((live, response))
}

async fn dial_tcp(dial: &mut Dial, target: &Target, options: &ConnectOptions) -> Result<TcpStream, ConnectError> {
    let name = (target.host.as_str(), target.port);
    let addresses = dial.within(ConnectPhase::Resolve, tokio::net::lookup_host(name)).await?;
    let deadline = dial.deadline();
    let tcp = dial.within(ConnectPhase::Tcp, reach(addresses.collect(), deadline)).await?;
    options.tcp.apply(&tcp).map_err(|error| dial.fail(ConnectPhase::Tcp, error))?;
    Ok(tcp)
}

async fn dial_ws(
    dial: &mut Dial,
    target: &Target,
    request: Request,
    io: ProgressIo<TcpStream>,
    options: &ConnectOptions,
) -> Result<(WebSocketStream<MaybeTlsStream<ProgressIo<TcpStream>>>, Response), ConnectError> {
    let stream = match target.tls {
        true => dial.within(ConnectPhase::Tls, secure(target, io, options)).await?,
        false => MaybeTlsStream::Plain(io),
    };
    dial.within(ConnectPhase::Upgrade, client_async_with_config(request, stream, options.websocket)).await
}
