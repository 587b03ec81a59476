//! The dialling, or one with a rule left out: each fault must be found.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use super::super::net::{Net, Permit};
use super::super::phases::Clock;
use super::super::race::race;
use super::super::target::Target;
use super::super::{ConnectError, ConnectOptions, ConnectPhase, MaybeTlsStream, connect_over, dial_over, tls};
use super::net::World;
use super::run::Reached;
use crate::progress::ProgressIo;
use crate::stream::LiveStream;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Each phase has all of the time.
    DeadlineAnew,
    /// A lookup knows no deadline.
    LookupWithoutEnd,
    /// Attempts that lost go on, and their streams stay.
    LosersAreKept,
    /// A failure begins no attempt before the 250 ms are over.
    FailureBeginsNothing,
    /// The second family is never tried.
    OneFamily,
    /// All attempts begin at once.
    AllAtOnce,
    /// What fails in TLS is said to have failed in TCP.
    WrongPhase,
    /// A permit is lost with the future.
    PermitLeaks,
    /// The system's lookups wait for no place.
    NoPermit,
    /// What follows the answer is lost.
    TailIsLost,
}

impl Fault {
    pub(super) const ALL: [Self; 10] = [
        Self::DeadlineAnew,
        Self::LookupWithoutEnd,
        Self::LosersAreKept,
        Self::FailureBeginsNothing,
        Self::OneFamily,
        Self::AllAtOnce,
        Self::WrongPhase,
        Self::PermitLeaks,
        Self::NoPermit,
        Self::TailIsLost,
    ];
}

pub(super) async fn dial(
    fault: Option<Fault>,
    world: &Arc<World>,
    url: &str,
    options: &ConnectOptions,
) -> Result<Reached, ConnectError> {
    match fault {
        Some(fault) => wrongly(fault, world, url, options).await,
        None if world.scenario.dials => Ok(Reached::Stream(Box::new(dial_over(&**world, url, options).await?.0))),
        None => Ok(Reached::Live(Box::new(connect_over(&**world, url, options).await?.0))),
    }
}

/// What is lost with it.
struct Leak(Option<Permit>);

impl Drop for Leak {
    fn drop(&mut self) {
        std::mem::forget(self.0.take());
    }
}

/// The same steps, one of them wrong.
async fn wrongly(
    fault: Fault,
    world: &Arc<World>,
    url: &str,
    options: &ConnectOptions,
) -> Result<Reached, ConnectError> {
    let anew = |clock: &mut Clock| {
        if fault == Fault::DeadlineAnew {
            *clock = Clock::start(options.timeout);
        }
    };
    let mut clock = Clock::start(options.timeout);
    let request = url.into_client_request().expect("a good one");
    let target = Target::of(request.uri()).unwrap_or_else(|_| panic!("a good one"));
    let resolving = async {
        let mut leak = Leak((fault == Fault::PermitLeaks).then(|| world.permits().try_acquire().ok()).flatten());
        if fault == Fault::NoPermit {
            world.permits().add_permits(1);
        }
        let addresses = options.resolver.resolve(&**world, &target.host, target.port).await;
        drop(leak.0.take());
        addresses
    };
    let mut addresses = match fault {
        Fault::LookupWithoutEnd => {
            let found = resolving.await;
            clock.within(ConnectPhase::Resolve, async { found }).await?
        }
        _ => clock.within(ConnectPhase::Resolve, resolving).await?,
    };
    anew(&mut clock);
    let family = addresses.first().map(|first| first.is_ipv4());
    if fault == Fault::OneFamily {
        addresses.retain(|address| Some(address.is_ipv4()) == family);
    }
    let connect = async |address| {
        let begun = tokio::time::Instant::now();
        let done = match fault {
            Fault::LosersAreKept => {
                let world = world.clone();
                tokio::spawn(async move { world.connect(address).await }).await?
            }
            _ => world.connect(address).await,
        };
        if fault == Fault::FailureBeginsNothing && done.is_err() {
            sleep(Duration::from_millis(250).saturating_sub(begun.elapsed())).await;
        }
        done
    };
    let tcp = match fault {
        Fault::AllAtOnce => {
            let all = addresses.into_iter().map(|address| Box::pin(connect(address)));
            let first = futures_util::future::select_ok(all);
            clock.within(ConnectPhase::Tcp, async { Ok::<_, std::io::Error>(first.await?.0) }).await?
        }
        _ => clock.within(ConnectPhase::Tcp, race(addresses, connect)).await?,
    };
    world.apply(&options.tcp, &tcp).map_err(|error| clock.fail(ConnectPhase::Tcp, error))?;
    let io = ProgressIo::new(tcp);
    world.progress(&io).map_err(|error| clock.fail(ConnectPhase::Tcp, error))?;
    anew(&mut clock);
    let stream = match target.tls {
        Some(name) => {
            let phase = if fault == Fault::WrongPhase { ConnectPhase::Tcp } else { ConnectPhase::Tls };
            clock.within(phase, tls::secure(name, io, options.tls.clone())).await?
        }
        None => MaybeTlsStream::Plain(io),
    };
    if world.scenario.dials {
        return Ok(Reached::Stream(Box::new(stream)));
    }
    anew(&mut clock);
    let upgrade = client_async_with_config(request, stream, Some(options.websocket));
    let (mut ws, _) = clock.within(ConnectPhase::Upgrade, upgrade).await?;
    if fault == Fault::TailIsLost {
        use futures_util::{FutureExt, StreamExt};
        let _ = ws.next().now_or_never();
    }
    Ok(Reached::Live(Box::new(LiveStream::new(ws, options.liveness.clone()))))
}
