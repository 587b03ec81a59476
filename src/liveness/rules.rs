//! What a connection is configured to.

use std::time::Duration;

/// Whether pings are left out while the peer talks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum PingWhen {
    /// A ping leaves on every interval, whatever the traffic.
    #[default]
    Always,
    /// A ping leaves only if no frame came in since the last one was due.
    ///
    /// Silence is then noticed within `2 * ping_interval + pong_timeout` instead of `ping_interval + pong_timeout`. The
    /// pong that answers our own ping does not count as such a frame, so an idle connection is pinged on every
    /// interval. Until the peer has answered once, every ping leaves.
    Idle,
}

/// Whether a missing pong counts against the peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Judging {
    /// It counts from the first ping on.
    #[default]
    FromStart,
    /// It counts from the first pong of the connection on, for peers that may not answer pings at all.
    ///
    /// Until then only a ping that cannot be sent ends the connection.
    AfterFirstPong,
    /// It never counts: pings keep the path open, and only one that cannot be sent ends the connection.
    ///
    /// A `pong_timeout` of `Duration::MAX` means the same.
    Never,
}

/// The values of a valid configuration.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rules {
    pub(crate) ping_interval: Duration,
    pub(crate) jitter: f64,
    pub(crate) pong_timeout: Duration,
    pub(crate) write_timeout: Duration,
    pub(crate) close_timeout: Duration,
    pub(crate) max_deferrals: u32,
    pub(crate) missed_pongs: u32,
    pub(crate) min_progress_rate: u64,
    pub(crate) max_pong_backlog: u32,
    pub(crate) ping_when: PingWhen,
    pub(crate) judging: Judging,
    pub(crate) close_code: u16,
    pub(crate) close_reason: Option<Box<str>>,
}

impl Rules {
    /// An endless T is never over.
    pub(crate) fn judging(&self) -> Judging {
        if self.pong_timeout == Duration::MAX { Judging::Never } else { self.judging }
    }

    /// `proven`: the peer has answered once.
    pub(super) fn is_judging(&self, proven: bool) -> bool {
        match self.judging() {
            Judging::FromStart => true,
            Judging::AfterFirstPong => proven,
            Judging::Never => false,
        }
    }

    /// What is left, at a random moment, of an interval such as the later ones are: so pings of many connections are
    /// even from the beginning. The longer an interval, the likelier the moment falls into it.
    pub(super) fn first_delay(&self, rng: &mut fastrand::Rng) -> Duration {
        match self.ping_interval {
            Duration::MAX => Duration::MAX,
            interval if self.jitter == 0.0 => interval,
            interval => {
                let (whole, shortest) = (super::nanos(interval), (1.0 - self.jitter).powi(2));
                let fallen_into = (shortest + (1.0 - shortest) * rng.f64()).sqrt();
                let left = (whole as f64 * fallen_into * rng.f64()) as u64;
                Duration::from_nanos(left.clamp(1, whole))
            }
        }
    }

    pub(super) fn next_interval(&self, rng: &mut fastrand::Rng) -> Duration {
        match self.ping_interval {
            Duration::MAX => Duration::MAX,
            interval => {
                let whole = super::nanos(interval);
                let off = (whole as f64 * self.jitter * rng.f64()) as u64;
                Duration::from_nanos(whole.saturating_sub(off).max(1))
            }
        }
    }

    /// A ping that was queued at `queued` holds back the user's writes from then on (J1).
    pub(super) fn holds_from(&self, queued: super::Time) -> super::Time {
        match self.write_timeout {
            Duration::MAX => super::Time::NEVER,
            timeout => queued.plus(timeout / 2),
        }
    }
}
