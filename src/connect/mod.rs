//! Dialling with one deadline over name resolution, TCP, TLS and upgrade (D).

mod error;
mod net;
mod options;
mod phases;
mod race;
mod resolve;
mod target;
#[cfg(feature = "connect-rustls-0-23")]
mod tls;
#[cfg(all(test, feature = "connect-rustls-0-23"))]
mod world;

use std::fmt;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Response;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, client_async_with_config};

pub use error::{ConnectError, ConnectPhase};
use net::{Net, System};
pub use options::ConnectOptions;
use phases::Clock;
use race::race;
use target::{Refusal, Target, authorize, check, without_credentials};

use crate::progress::{Progress, ProgressIo};
use crate::stream::LiveStream;

/// The `LiveStream` that [`connect`] returns.
pub type Connected = LiveStream<WebSocketStream<MaybeTlsStream<ProgressIo<TcpStream>>>>;

/// The stream after TCP and TLS.
type Stream<N> = MaybeTlsStream<ProgressIo<<N as Net>::Tcp>>;

/// Connects to a `ws://` URL or, with the feature `connect-rustls`, to a `wss://` URL.
///
/// Returns a [`LiveStream`] with its TCP options and its progress source in place, and the server's answer to the
/// upgrade. All of it happens within the timeout of the options, 15 s by default.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use futures_util::StreamExt;
/// use ws_liveness::{ConnectOptions, LiveConfig, connect};
///
/// let options = ConnectOptions::new(LiveConfig::default());
/// let (mut ws, response) = connect("wss://example.com/feed", &options).await?;
/// println!("{}", response.status());
/// while let Some(message) = ws.next().await {
///     println!("{}", message?);
/// }
/// # Ok(())
/// # }
/// ```
///
/// Credentials in the URL (`ws://user:password@example.com`) are sent as `Authorization: Basic`. If the name has several
/// addresses, they are tried as [RFC 8305] recommends: IPv6 and IPv4 take turns, an attempt begins 250 ms after the one
/// before it or as soon as one fails, and the first address that connects is used.
///
/// The progress source is the TCP socket itself on Linux, at the price of one more file descriptor; elsewhere it counts the
/// bytes that pass. To stop before the WebSocket handshake, because another library does it or because a proxy comes
/// first, use [`dial`].
///
/// # Cancel safety
/// Dropping the future closes the socket, if there is one already. A lookup by the system's resolver cannot be cancelled:
/// its thread stays until the system gives up; [`ConnectOptions::resolver`] says more.
///
/// # Errors
/// [`ConnectError`] names the phase that failed or had no time left, and the time that each phase took. An invalid URL,
/// request or option is an error of [`ConnectPhase::Request`], before anything is dialled.
///
/// # Panics
/// Outside of a tokio runtime that has I/O and time enabled.
///
/// [RFC 8305]: https://www.rfc-editor.org/rfc/rfc8305
pub async fn connect<R>(request: R, options: &ConnectOptions) -> Result<(Connected, Response), ConnectError>
where
    R: IntoClientRequest,
{
    connect_over(&System, request, options).await
}

async fn connect_over<N, R>(
    net: &N,
    request: R,
    options: &ConnectOptions,
) -> Result<(LiveStream<WebSocketStream<Stream<N>>>, Response), ConnectError>
where
    N: Net,
    R: IntoClientRequest,
{
    let mut clock = Clock::start(options.timeout);
    let checked = move || {
        let mut request = request.into_client_request()?;
        authorize(&mut request)?;
        check(&request, &options.websocket)?;
        Ok((Target::of(request.uri())?, request))
    };
    let (target, request) = checked().map_err(|refusal: Refusal| clock.fail(ConnectPhase::Request, refusal))?;
    let (stream, progress) = reach(net, &mut clock, target, options).await?;
    let upgrade = client_async_with_config(request, stream, Some(options.websocket));
    let (ws, response) = clock.within(ConnectPhase::Upgrade, upgrade).await?;
    Ok((LiveStream::new(ws, options.liveness.clone()).with_progress(progress), response))
}

/// What [`dial`] returns: a connected stream that has not carried a byte above TLS yet.
#[non_exhaustive]
pub struct Dialled {
    /// The TCP stream, or the TLS stream over it. Its bytes are counted beneath TLS.
    pub stream: MaybeTlsStream<ProgressIo<TcpStream>>,
    /// The progress source of the stream, for [`LiveStream::with_progress`].
    pub progress: Arc<dyn Progress>,
}

impl fmt::Debug for Dialled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tls = !matches!(self.stream, MaybeTlsStream::Plain(_));
        f.debug_struct("Dialled").field("tls", &tls).finish_non_exhaustive()
    }
}

/// Connects as [`connect`] does, and stops before the WebSocket handshake.
///
/// Of the request only the scheme, the host and the port are used. The options for liveness and for tungstenite have no
/// effect. The rest of the time is the caller's to limit: [`tokio::time::timeout`] around both steps bounds them together.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use ws_liveness::tokio_tungstenite::client_async;
/// use ws_liveness::{ConnectOptions, LiveConfig, LiveExt, dial};
///
/// let url = "wss://example.com/feed";
/// let dialled = dial(url, &ConnectOptions::default()).await?;
/// let (ws, _response) = client_async(url, dialled.stream).await?;
/// let mut live = ws.live(LiveConfig::default()).with_progress(dialled.progress);
/// # Ok(())
/// # }
/// ```
///
/// With tokio-websockets, the third step is `ClientBuilder::new().uri(url)?.connect_on(dialled.stream).await?`.
///
/// Through a proxy: dial the proxy itself (`ws://proxy.example.com:3128`), ask it for a tunnel, then do TLS and the
/// WebSocket handshake over the stream. `examples/proxy` does it for HTTP `CONNECT` and SOCKS5.
///
/// # Cancel safety
/// As for [`connect`].
///
/// # Errors
/// [`ConnectError`], as for [`connect`]. Credentials in the URL are refused, since nothing is sent here.
///
/// # Panics
/// Outside of a tokio runtime that has I/O and time enabled.
pub async fn dial<R>(request: R, options: &ConnectOptions) -> Result<Dialled, ConnectError>
where
    R: IntoClientRequest,
{
    let (stream, progress) = dial_over(&System, request, options).await?;
    Ok(Dialled { stream, progress })
}

async fn dial_over<N, R>(
    net: &N,
    request: R,
    options: &ConnectOptions,
) -> Result<(Stream<N>, Arc<dyn Progress>), ConnectError>
where
    N: Net,
    R: IntoClientRequest,
{
    let mut clock = Clock::start(options.timeout);
    let checked = move || {
        let request = request.into_client_request()?;
        without_credentials(request.uri())?;
        Target::of(request.uri())
    };
    let target = checked().map_err(|refusal: Refusal| clock.fail(ConnectPhase::Request, refusal))?;
    reach(net, &mut clock, target, options).await
}

async fn reach<N: Net>(
    net: &N,
    clock: &mut Clock,
    target: Target,
    options: &ConnectOptions,
) -> Result<(Stream<N>, Arc<dyn Progress>), ConnectError> {
    let resolving = options.resolver.resolve(net, &target.host, target.port);
    let addresses = clock.within(ConnectPhase::Resolve, resolving).await?;
    let tcp = clock.within(ConnectPhase::Tcp, race(addresses, |address| net.connect(address))).await?;
    net.apply(&options.tcp, &tcp).map_err(|error| clock.fail(ConnectPhase::Tcp, error))?;
    let io = ProgressIo::new(tcp);
    let progress = net.progress(&io).map_err(|error| clock.fail(ConnectPhase::Tcp, error))?;
    #[cfg(feature = "connect-rustls-0-23")]
    if let Some(name) = target.tls {
        let stream = clock.within(ConnectPhase::Tls, tls::secure(name, io, options.tls.clone())).await?;
        return Ok((stream, progress));
    }
    Ok((MaybeTlsStream::Plain(io), progress))
}
