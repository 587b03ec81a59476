//! The steps, each within what is left of the one timeout.

use std::error::Error;
use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::{ConnectError, ConnectPhase};

/// The clock of one dialling (D2).
pub(super) struct Clock {
    timeout: Duration,
    begun: Instant,
    spent: Vec<(ConnectPhase, Duration)>,
}

impl Clock {
    pub(super) fn start(timeout: Duration) -> Self {
        Self { timeout, begun: Instant::now(), spent: Vec::new() }
    }

    /// None: never.
    fn deadline(&self) -> Option<Instant> {
        self.begun.checked_add(self.timeout)
    }

    pub(super) async fn within<T, E>(
        &mut self,
        phase: ConnectPhase,
        step: impl Future<Output = Result<T, E>>,
    ) -> Result<T, ConnectError>
    where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let begun = Instant::now();
        let done = match self.deadline() {
            Some(deadline) => timeout_at(deadline, step).await,
            None => Ok(step.await),
        };
        self.spent.push((phase, begun.elapsed()));
        match done {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) => Err(self.fail(phase, error)),
            Err(_) => Err(self.end(phase, None)),
        }
    }

    pub(super) fn fail(&mut self, phase: ConnectPhase, error: impl Into<Box<dyn Error + Send + Sync>>) -> ConnectError {
        self.end(phase, Some(error.into()))
    }

    fn end(&mut self, phase: ConnectPhase, source: Option<Box<dyn Error + Send + Sync>>) -> ConnectError {
        ConnectError { phase, timeout: self.timeout, spent: std::mem::take(&mut self.spent), source }
    }
}
