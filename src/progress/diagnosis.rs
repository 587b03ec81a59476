//! Which layer died (P4).

use std::fmt;

use super::TcpSnapshot;

/// Which layer died, as far as a progress source could see when the connection was given up.
///
/// What it says of the peer's kernel it says of the next TCP hop: a proxy acknowledges on its own behalf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Diagnosis {
    /// Which layer died.
    pub finding: Finding,
    /// What TCP knew, if the source is a socket.
    pub tcp: Option<TcpSnapshot>,
    /// How many bytes came in during the last pong timeout, if they made no message and were too few for
    /// `min_progress_rate`.
    pub trickle: Option<u64>,
}

/// Which layer died.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Finding {
    /// What we sent last was never acknowledged: the path or the peer's host is dead.
    PathDead,
    /// The peer's kernel acknowledged our ping, but nobody answered it: the peer's process hangs.
    PeerHung,
    /// The peer does not read: its window is full.
    WindowFull,
    /// Bytes came in more slowly than `min_progress_rate`, and no message was among them.
    Trickle,
    /// The source cannot tell.
    Unknown,
}

impl TcpSnapshot {
    /// The peer has no room for another segment, and something waits for it.
    pub(super) fn is_window_full(&self) -> bool {
        let flying = self.unacknowledged.saturating_sub(self.unsent);
        let wanted = flying.saturating_add(u64::from(self.segment.max(1)));
        self.window.is_some_and(|window| self.unsent > 0 && u64::from(window) < wanted)
    }
}

impl Finding {
    /// A word for labels and logs, which stays what it is: `path_dead`, `peer_hung`, `window_full`, `trickle`, `unknown`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PathDead => "path_dead",
            Self::PeerHung => "peer_hung",
            Self::WindowFull => "window_full",
            Self::Trickle => "trickle",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PathDead => "path dead",
            Self::PeerHung => "peer hung",
            Self::WindowFull => "peer does not read",
            Self::Trickle => "trickle",
            Self::Unknown => "unknown",
        })
    }
}

impl Diagnosis {
    /// Whether there is anything to say.
    pub(crate) fn is_known(&self) -> bool {
        self.finding != Finding::Unknown || self.tcp.is_some()
    }
}

/// One line for a person.
impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tcp = self.tcp.unwrap_or_default();
        if self.finding != Finding::Unknown {
            write!(f, "{}", self.finding)?;
        }
        match self.finding {
            Finding::PathDead => write!(
                f,
                ": {} bytes unacknowledged, {} retransmissions, last acknowledgement {:.1?} ago",
                tcp.unacknowledged, tcp.retransmissions, tcp.since_acknowledged
            ),
            Finding::PeerHung => write!(
                f,
                ": its kernel acknowledged our ping, nobody answered; last data {:.1?} ago",
                tcp.since_received
            ),
            Finding::WindowFull => write!(f, ": its window is full, {} bytes wait for it", tcp.unsent),
            Finding::Trickle => {
                write!(f, ": {} bytes in the last timeout, no message among them", self.trickle.unwrap_or(0))
            }
            Finding::Unknown if self.tcp.is_none() => f.write_str("the progress source cannot tell which layer died"),
            Finding::Unknown => write!(
                f,
                "TCP alone does not tell: {} bytes unacknowledged, last acknowledgement {:.1?} ago, last data {:.1?} ago",
                tcp.unacknowledged, tcp.since_acknowledged, tcp.since_received
            ),
        }
    }
}

#[cfg(test)]
mod tests;
