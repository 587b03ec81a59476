//! What could not be set, and why.

use std::error::Error;
use std::fmt;
use std::io;

/// One option that could not be set.
#[derive(Debug)]
#[non_exhaustive]
pub struct TcpOptionFailure {
    /// The name of the setter.
    pub option: &'static str,
    /// The value.
    pub value: String,
    /// The system's error. Its kind is [`Unsupported`](io::ErrorKind::Unsupported) if this platform lacks the option,
    /// and [`InvalidInput`](io::ErrorKind::InvalidInput) if the option does not take the value.
    pub error: io::Error,
}

/// The options that could not be set. If a value is not allowed, nothing was set; otherwise all other options were.
#[derive(Debug)]
pub struct TcpOptionsError {
    pub(super) failures: Vec<TcpOptionFailure>,
}

impl TcpOptionsError {
    /// The options that failed; there is at least one.
    pub fn failures(&self) -> &[TcpOptionFailure] {
        &self.failures
    }
}

impl fmt::Display for TcpOptionsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, failure) in self.failures.iter().enumerate() {
            let TcpOptionFailure { option, value, error } = failure;
            write!(f, "{}{option} = {value}: {error}", if index == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl Error for TcpOptionsError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.failures.first().map(|failure| &failure.error as _)
    }
}
