//! What kept us from a connection, and where the time went.

use std::error::Error;
use std::fmt;
use std::time::Duration;

/// The phases of [`connect`](crate::connect), in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ConnectPhase {
    /// Checking URL, request and options, before anything is dialled.
    Request,
    /// Name resolution.
    Resolve,
    /// The TCP connection and its options.
    Tcp,
    /// The TLS handshake.
    Tls,
    /// The WebSocket handshake (RFC 6455 section 4).
    Upgrade,
}

impl ConnectPhase {
    /// The step as a stable word for labels: `request`, `resolve`, `tcp`, `tls` or `upgrade`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Resolve => "resolve",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Upgrade => "upgrade",
        }
    }
}

impl fmt::Display for ConnectPhase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Request => "request",
            Self::Resolve => "name resolution",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
            Self::Upgrade => "upgrade",
        })
    }
}

/// Why [`connect`](crate::connect) or [`dial`](crate::dial) failed.
///
/// Its [`source`](Error::source) is the error of the phase that failed: a [`std::io::Error`], or tungstenite's `Error`. There
/// is none if the time was over. If a server refuses the upgrade, its answer can be had from there:
///
/// ```
/// use std::error::Error as _;
/// use ws_liveness::ConnectError;
/// use ws_liveness::tokio_tungstenite::tungstenite::Error;
///
/// fn status(error: &ConnectError) -> Option<u16> {
///     match error.source()?.downcast_ref()? {
///         Error::Http(response) => Some(response.status().as_u16()),
///         _ => None,
///     }
/// }
/// ```
///
/// Neither `Display` nor `Debug` shows the URL, a header or a body. The `Debug` of such a source does.
pub struct ConnectError {
    pub(super) phase: ConnectPhase,
    pub(super) timeout: Duration,
    pub(super) spent: Vec<(ConnectPhase, Duration)>,
    pub(super) source: Option<Box<dyn Error + Send + Sync>>,
}

impl ConnectError {
    /// The step that failed, or had no time left.
    pub fn phase(&self) -> ConnectPhase {
        self.phase
    }

    /// The time was over.
    pub fn is_timeout(&self) -> bool {
        self.source.is_none()
    }

    /// How long each step took that was begun, the failed one last.
    pub fn spent(&self) -> &[(ConnectPhase, Duration)] {
        &self.spent
    }
}

/// With the source's text alone: the `Debug` of tungstenite's error shows an answer with its cookies and its body.
impl fmt::Debug for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectError")
            .field("phase", &self.phase)
            .field("timeout", &self.timeout)
            .field("spent", &self.spent)
            .field("source", &self.source.as_ref().map(ToString::to_string))
            .finish()
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Some(source) => write!(f, "{}: {source}", self.phase)?,
            None => write!(f, "{}: not done within {:?}", self.phase, self.timeout)?,
        }
        for (index, (phase, spent)) in self.spent.iter().enumerate() {
            write!(f, "{}{phase} {spent:.1?}", if index == 0 { " (" } else { ", " })?;
        }
        if self.spent.is_empty() { Ok(()) } else { f.write_str(")") }
    }
}

impl Error for ConnectError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.source {
            Some(source) => Some(&**source),
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_are_in_order_and_have_words_for_labels() {
        use ConnectPhase::*;
        let all = [Request, Resolve, Tcp, Tls, Upgrade];
        assert!(all.is_sorted());
        assert_eq!(all.map(ConnectPhase::as_str), ["request", "resolve", "tcp", "tls", "upgrade"]);
    }
}
