//! Row 4: a host that sleeps.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{advance, sleep};
use ws_liveness::{End, Health, Monitor};

use super::reader;
use crate::scripted::{Peer, exact, live, ms, secs};

/// I and T, in seconds.
const PACES: [(u64, u64); 6] = [(20, 20), (30, 20), (7, 20), (2, 2), (1, 2), (5, 3)];

/// A host that sleeps: when after the flush of the first ping it falls asleep, and when it wakes.
#[derive(Clone, Copy, Debug)]
struct Pause {
    i: Duration,
    t: Duration,
    from: Duration,
    until: Duration,
}

impl Pause {
    /// A connection whose reader waits, after the pause.
    async fn spend(self) -> (Peer, Monitor, JoinHandle<(Duration, End)>) {
        let (peer, ws) = live(exact().ping_interval(self.i).pong_timeout(self.t));
        let monitor = ws.monitor();
        let reader = reader(&peer, ws);
        sleep(self.i + self.from).await;
        assert_eq!(peer.pings().len(), 1, "{self:?}");
        advance(self.until - self.from).await;
        (peer, monitor, reader)
    }

    /// When the host wakes, on the peer's clock.
    fn end(self) -> Duration {
        self.i + self.until
    }
}

/// For every I and T: short sleeps past T, longer ones, and some that several T and I fit into.
fn pauses() -> Vec<Pause> {
    let mut pauses = Vec::new();
    for (i, t) in PACES.map(|(i, t)| (secs(i), secs(t))) {
        for from in [ms(1), t / 3] {
            let past = [t + ms(1), t + ms(50), t * 11 / 10, t * 5 / 4, t * 3 / 2, 2 * t, 2 * t + ms(1), 5 * t, 40 * t];
            let past = past.into_iter().chain([i + t, 2 * i + t, t + 3 * i + ms(1)]);
            pauses.extend(past.map(|until| Pause { i, t, from, until }));
        }
    }
    pauses
}

/// Row 4: the host sleeps from just after the flush to just after T; the pong comes 300 ms after it wakes.
#[tokio::test(start_paused = true)]
async fn j5_a_pong_that_comes_300_ms_after_the_host_woke_is_in_time() {
    for pause in pauses() {
        let (peer, monitor, reader) = pause.spend().await;
        let before = peer.pings().len();
        sleep(ms(300)).await;
        peer.answers(peer.pings().len() - 1);
        peer.set_echo(Some(ms(300)));
        sleep(3 * (pause.i + pause.t)).await;
        assert_eq!((monitor.health(), monitor.stats().misses), (Health::Alive, 0), "{pause:?}");
        assert!(peer.pings().len() >= before + 3, "{pause:?}: {:?}", peer.ping_times());
        reader.abort();
    }
}

/// Of a pause at most the time to the next look is counted, and the attention before it is not forgotten.
#[tokio::test(start_paused = true)]
async fn j5_a_dead_peer_gets_the_rest_of_t_after_the_host_woke() {
    for pause in pauses() {
        let (_peer, _, reader) = pause.spend().await;
        let (at, cause) = reader.await.unwrap();
        let look = if pause.from < pause.t / 4 { pause.t / 4 } else { pause.t / 2 };
        let (least, most) = (pause.t - look, pause.t - pause.from);
        assert_eq!(cause, End::PongTimeout, "{pause:?}");
        let after = at.checked_sub(pause.end()).unwrap_or_else(|| panic!("{pause:?}: at {at:?}, before it woke"));
        assert!(after >= least && after <= most, "{pause:?}: {after:?} after it woke");
    }
}
