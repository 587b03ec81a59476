//! The bytes of a run, read as numbers, times and a configuration.

use std::time::Duration;

use ws_liveness::{Judging, LiveConfig, PingWhen};

/// The bytes of a run, one after the other; zero when they are used up.
pub(crate) struct Script<'a>(pub(crate) &'a [u8]);

impl Script<'_> {
    pub(crate) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    pub(crate) fn bytes(&mut self, most: usize) -> Vec<u8> {
        let (taken, rest) = self.0.split_at(most.min(self.0.len()));
        self.0 = rest;
        taken.to_vec()
    }

    pub(crate) fn len(&mut self, most: usize) -> usize {
        usize::from(self.byte()).min(most)
    }

    /// As many as the first of them says.
    pub(crate) fn counted(&mut self, most: usize) -> Vec<u8> {
        let len = self.len(most);
        self.bytes(len)
    }

    /// From a millisecond to a minute.
    pub(crate) fn span(&mut self) -> Duration {
        let byte = u64::from(self.byte());
        Duration::from_millis(if byte < 64 { byte + 1 } else { byte * 250 })
    }

    pub(crate) fn config(&mut self) -> LiveConfig {
        let bits = self.byte();
        LiveConfig::builder()
            .ping_interval(self.span())
            .pong_timeout(self.span())
            .write_timeout(self.span())
            .close_timeout(self.span())
            .jitter(if bits & 1 == 0 { 0.0 } else { 0.2 })
            .ping_when(if bits & 2 == 0 { PingWhen::Always } else { PingWhen::Idle })
            .max_deferrals(u32::from(bits >> 2 & 3))
            .missed_pongs(u32::from(bits >> 4 & 1) + 1)
            .judging(match bits >> 5 & 7 {
                6 => Judging::Never,
                3 | 7 => Judging::AfterFirstPong,
                _ => Judging::FromStart,
            })
            .build()
            .unwrap()
    }
}
