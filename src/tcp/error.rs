//! What could not be set, and why.

use std::error::Error;
use std::fmt;
use std::io;

/// One option that could not be set.
#[derive(Debug)]
#[non_exhaustive]
pub struct TcpOptionFailure {
    /// The setter's name.
    pub option: &'static str,
    /// The value.
    pub value: String,
    /// The system's error; of kind [`Unsupported`](io::ErrorKind::Unsupported) where this platform lacks the option, of
    /// kind [`InvalidInput`](io::ErrorKind::InvalidInput) where the value is outside what the option takes.
    pub error: io::Error,
}

/// The options that could not be set. Where a value is not allowed nothing was set; else all others were.
#[derive(Debug)]
pub struct TcpOptionsError {
    pub(super) failures: Vec<TcpOptionFailure>,
}

impl TcpOptionsError {
    /// At least one.
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
