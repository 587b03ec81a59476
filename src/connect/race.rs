//! Which of several addresses (D3).

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::timeout;

/// RFC 8305's "Connection Attempt Delay", as it recommends.
const APART: Duration = Duration::from_millis(250);

/// The first of the addresses that connects, by RFC 8305, section 5: an attempt begins 250 ms after the one before, or when
/// any attempt has failed. With the first that connects all others are dropped.
pub(super) async fn race<T, F>(addresses: Vec<SocketAddr>, connect: impl Fn(SocketAddr) -> F) -> io::Result<T>
where
    F: Future<Output = io::Result<T>>,
{
    let mut waiting = interleaved(addresses);
    let mut attempts = FuturesUnordered::new();
    let mut failures = Vec::new();
    loop {
        attempts.extend(waiting.pop_front().map(|address| {
            let connecting = connect(address);
            async move { (address, connecting.await) }
        }));
        let over = match waiting.is_empty() {
            true => Ok(attempts.next().await),
            false => timeout(APART, attempts.next()).await,
        };
        match over {
            Ok(Some((_, Ok(connected)))) => return Ok(connected),
            Ok(Some((address, Err(error)))) => failures.push((address, error)),
            Ok(None) => return Err(all(failures)),
            Err(_) => {}
        }
    }
}

/// The families take turns, the first address's own first; within a family the order is kept (RFC 8305, section 4).
fn interleaved(addresses: Vec<SocketAddr>) -> VecDeque<SocketAddr> {
    let first = addresses.first().map(SocketAddr::is_ipv6);
    let (ours, others): (Vec<_>, Vec<_>) = addresses.into_iter().partition(|address| Some(address.is_ipv6()) == first);
    let (mut ours, mut others) = (ours.into_iter(), others.into_iter());
    let mut turns = VecDeque::with_capacity(ours.len() + others.len());
    while ours.len() + others.len() > 0 {
        turns.extend(ours.next());
        turns.extend(others.next());
    }
    turns
}

/// Every failure with its address, of the last one's kind.
fn all(failures: Vec<(SocketAddr, io::Error)>) -> io::Error {
    let Some((_, last)) = failures.last() else {
        return io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    };
    let kind = last.kind();
    let texts: Vec<_> = failures.iter().map(|(address, error)| format!("{address}: {error}")).collect();
    io::Error::new(kind, texts.join("; "))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Arc;
    use std::sync::Mutex;

    use tokio::time::{Instant, sleep};

    use super::*;

    /// What an address does, after so many milliseconds.
    #[derive(Clone, Copy)]
    enum Does {
        Connect(u64),
        Refuse(u64),
        Nothing,
    }
    use Does::*;

    /// What happened: the attempts with their beginning, in milliseconds; how many were dropped before they were over.
    #[derive(Default)]
    struct Seen {
        begun: Vec<(String, u64)>,
        dropped: usize,
    }

    struct Attempt(Option<Arc<Mutex<Seen>>>);

    impl Drop for Attempt {
        fn drop(&mut self) {
            if let Some(seen) = self.0.take() {
                seen.lock().unwrap().dropped += 1;
            }
        }
    }

    /// Races `4a`, `6b` and so on, the figure being the family.
    async fn run(addresses: &[(&str, Does)]) -> (io::Result<String>, u64, Seen) {
        let begun = Instant::now();
        let millis = move || u64::try_from(begun.elapsed().as_millis()).unwrap();
        let named: HashMap<_, _> = addresses.iter().map(|(name, does)| (address(name), (*name, *does))).collect();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let connect = |address: SocketAddr| {
            let (name, does) = named[&address];
            seen.lock().unwrap().begun.push((name.to_owned(), millis()));
            let mut attempt = Attempt(Some(seen.clone()));
            async move {
                // All of it, not one field.
                let attempt = &mut attempt;
                let after = match does {
                    Connect(after) | Refuse(after) => Duration::from_millis(after),
                    Nothing => Duration::MAX,
                };
                sleep(after).await;
                attempt.0 = None;
                if matches!(does, Connect(_)) {
                    Ok(name.to_owned())
                } else {
                    Err(io::ErrorKind::ConnectionRefused.into())
                }
            }
        };
        let order = addresses.iter().map(|(name, _)| address(name)).collect();
        let won = race(order, connect).await;
        let seen = std::mem::take(&mut *seen.lock().unwrap());
        (won, millis(), seen)
    }

    fn address(name: &str) -> SocketAddr {
        let port = name.as_bytes()[1].into();
        if name.starts_with('6') { ([0, 0, 0, 0, 0, 0, 0, 1], port).into() } else { ([127, 0, 0, 1], port).into() }
    }

    fn begun(seen: &Seen) -> Vec<(&str, u64)> {
        seen.begun.iter().map(|(name, at)| (name.as_str(), *at)).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn d3_a_black_hole_costs_a_quarter_of_a_second() {
        let (won, at, seen) = run(&[("6a", Nothing), ("4b", Connect(30))]).await;
        assert_eq!((won.unwrap().as_str(), at), ("4b", 280));
        assert_eq!((begun(&seen), seen.dropped), (vec![("6a", 0), ("4b", 250)], 1));
    }

    #[tokio::test(start_paused = true)]
    async fn d3_families_take_turns_and_the_first_in_the_list_begins() {
        let (_, _, seen) =
            run(&[("6a", Nothing), ("6b", Nothing), ("6c", Nothing), ("4d", Nothing), ("4e", Connect(0))]).await;
        assert_eq!(begun(&seen), [("6a", 0), ("4d", 250), ("6b", 500), ("4e", 750)]);
        let (_, _, seen) = run(&[("4a", Nothing), ("4b", Nothing), ("6c", Connect(0))]).await;
        assert_eq!(begun(&seen), [("4a", 0), ("6c", 250)]);
    }

    #[tokio::test(start_paused = true)]
    async fn d3_an_earlier_attempt_may_still_win() {
        let (won, at, seen) = run(&[("6a", Connect(400)), ("4b", Nothing), ("6c", Nothing)]).await;
        assert_eq!((won.unwrap().as_str(), at, seen.dropped), ("6a", 400, 1));
        assert_eq!(begun(&seen), [("6a", 0), ("4b", 250)]);
    }

    #[tokio::test(start_paused = true)]
    async fn d3_a_failure_begins_the_next_attempt_at_once() {
        let (won, at, seen) = run(&[("6a", Refuse(10)), ("4b", Nothing), ("6c", Connect(5))]).await;
        assert_eq!((won.unwrap().as_str(), at), ("6c", 265));
        assert_eq!(begun(&seen), [("6a", 0), ("4b", 10), ("6c", 260)]);
    }

    #[tokio::test(start_paused = true)]
    async fn d3_who_connects_within_the_delay_is_alone() {
        let (won, at, seen) = run(&[("6a", Connect(249)), ("4b", Connect(0))]).await;
        assert_eq!((won.unwrap().as_str(), at, begun(&seen)), ("6a", 249, vec![("6a", 0)]));
    }

    #[tokio::test(start_paused = true)]
    async fn d3_if_all_fail_every_failure_is_told() {
        let (won, at, _) = run(&[("6a", Refuse(20)), ("4b", Refuse(10))]).await;
        let error = won.unwrap_err();
        assert_eq!((error.kind(), at), (io::ErrorKind::ConnectionRefused, 30));
        assert_eq!(error.to_string(), "[::1]:97: connection refused; 127.0.0.1:98: connection refused");
        assert_eq!(run(&[]).await.0.unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
