//! The command line.

use std::io;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use ws_liveness::LiveConfig;

use crate::Failure;

pub(crate) struct Args {
    pub(crate) role: Role,
    pub(crate) addr: SocketAddr,
    pub(crate) act: Act,
    pub(crate) live: Option<Live>,
    pub(crate) count: usize,
}

#[derive(Clone, Copy)]
pub(crate) enum Role {
    Listen,
    Connect,
}

/// What a connection does; `acts.rs` says how.
#[derive(Clone, Copy)]
pub(crate) enum Act {
    Echo,
    Deaf,
    Flood,
    Ask { idle: Duration },
    Trickle { gap: Duration },
    Transfer { give: usize, take: usize },
}

/// The times of a `LiveStream`, and its source.
#[derive(Clone, Copy)]
pub(crate) struct Live {
    interval: Duration,
    pong: Duration,
    write: Duration,
    pub(crate) source: Source,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    None,
    Io,
    Tcp,
}

impl Args {
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let mut next = move || words.next().ok_or("an argument is missing");
        let role = match next()?.as_str() {
            "listen" => Role::Listen,
            "connect" => Role::Connect,
            other => return Err(format!("neither listen nor connect: {other}").into()),
        };
        let mut args = Self { role, addr: next()?.parse()?, act: next()?.parse()?, live: None, count: 1 };
        while let Ok(option) = next() {
            match option.as_str() {
                "--live" => args.live = Some(next()?.parse()?),
                "--count" => args.count = next()?.parse()?,
                other => return Err(format!("no such option: {other}").into()),
            }
        }
        Ok(args)
    }
}

impl FromStr for Act {
    type Err = Failure;

    /// `echo`, `deaf`, `flood`, `ask:MS`, `trickle:MS`, `transfer:BYTES:BYTES`
    fn from_str(text: &str) -> Result<Self, Failure> {
        let words: Vec<&str> = text.split(':').collect();
        Ok(match *words {
            ["echo"] => Self::Echo,
            ["deaf"] => Self::Deaf,
            ["flood"] => Self::Flood,
            ["ask", idle] => Self::Ask { idle: millis(idle)? },
            ["trickle", gap] => Self::Trickle { gap: millis(gap)? },
            ["transfer", give, take] => Self::Transfer { give: give.parse()?, take: take.parse()? },
            _ => return Err(format!("no such act: {text}").into()),
        })
    }
}

impl FromStr for Live {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        let words: Vec<&str> = text.split(',').collect();
        let [interval, pong, write, source] = *words else {
            return Err(format!("not I,T,W,SOURCE: {text}").into());
        };
        let source = match source {
            "none" => Source::None,
            "io" => Source::Io,
            "tcp" => Source::Tcp,
            _ => return Err(format!("no such source: {source}").into()),
        };
        Ok(Self { interval: millis(interval)?, pong: millis(pong)?, write: millis(write)?, source })
    }
}

impl Live {
    pub(crate) fn config(self) -> io::Result<LiveConfig> {
        LiveConfig::builder()
            .ping_interval(self.interval)
            .pong_timeout(self.pong)
            .write_timeout(self.write)
            .build()
            .map_err(io::Error::other)
    }
}

fn millis(text: &str) -> Result<Duration, Failure> {
    Ok(Duration::from_millis(text.parse()?))
}
