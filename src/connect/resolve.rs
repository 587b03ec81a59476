//! Addresses of a name (D4).

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::net::{Net, Permit};

type Resolving = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// Where addresses come from.
#[derive(Clone, Default)]
pub(super) enum Resolver {
    #[default]
    System,
    Addresses(Vec<SocketAddr>),
    Own(Arc<dyn Fn(String, u16) -> Resolving + Send + Sync>),
}

impl Resolver {
    pub(super) fn own<F>(resolve: impl Fn(String, u16) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'static,
    {
        Self::Own(Arc::new(move |host, port| Box::pin(resolve(host, port))))
    }

    pub(super) async fn resolve(&self, net: &impl Net, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        match (self, host.parse::<IpAddr>()) {
            (Self::Addresses(addresses), _) => Ok(addresses.clone()),
            (_, Ok(address)) => Ok(vec![(address, port).into()]),
            (Self::Own(resolve), _) => resolve(host.to_owned(), port).await,
            (Self::System, _) => within(net.permits(), |permit| net.look_up(host.to_owned(), port, permit)).await,
        }
    }
}

/// Waits for a permit, then for what is begun with it.
async fn within<T>(
    permits: &'static Semaphore,
    begin: impl FnOnce(Permit) -> JoinHandle<io::Result<T>>,
) -> io::Result<T> {
    let permit = permits.acquire().await.map_err(io::Error::other)?;
    begin(permit).await.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use futures_util::FutureExt;

    use super::super::net::{System, blocking};
    use super::*;

    #[tokio::test]
    async fn d4_an_abandoned_lookup_keeps_its_place_until_the_system_is_done() {
        static ONE: Semaphore = Semaphore::const_new(1);
        let (release, released) = mpsc::channel::<()>();
        let mut hangs =
            Box::pin(within(&ONE, |permit| blocking(permit, move || released.recv().map_err(io::Error::other))));
        assert!(hangs.as_mut().now_or_never().is_none());
        drop(hangs);

        let mut next = Box::pin(within(&ONE, |permit| blocking(permit, || Ok(1))));
        assert!(next.as_mut().now_or_never().is_none());
        // Whoever gives up while it waits for a place leaves nothing.
        let mut gone = Box::pin(within(&ONE, |_| -> JoinHandle<io::Result<()>> { panic!("never begun") }));
        assert!(gone.as_mut().now_or_never().is_none());
        drop(gone);
        assert_eq!(ONE.available_permits(), 0);
        release.send(()).unwrap();
        assert_eq!(next.await.unwrap(), 1);
    }

    #[tokio::test]
    async fn d4_the_systems_lookups_wait_where_all_places_are_taken() {
        let all = System.permits().acquire_many(32).await.unwrap();
        let mut waits = Box::pin(Resolver::System.resolve(&System, "localhost", 7));
        assert!(waits.as_mut().now_or_never().is_none());
        assert!(System.permits().try_acquire().is_err(), "there are more places");
        drop(all);
        assert!(!waits.await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn d4_addresses_are_not_looked_up() {
        let own = Resolver::own(|_, _| async { panic!("an address") });
        for address in ["127.0.0.1:7", "[::1]:7"] {
            let address: SocketAddr = address.parse().unwrap();
            for resolver in [&own, &Resolver::System] {
                assert_eq!(resolver.resolve(&System, &address.ip().to_string(), 7).await.unwrap(), [address]);
            }
        }
        let given = Resolver::Addresses(vec!["127.0.0.1:9".parse().unwrap()]);
        assert_eq!(given.resolve(&System, "example.com", 7).await.unwrap(), ["127.0.0.1:9".parse().unwrap()]);
    }
}
