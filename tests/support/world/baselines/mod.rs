//! Liveness as people write it today, each in the hands of the same user in the same world.

mod honest;
mod idle;
mod is_alive;
mod select_loop;
mod watchdog;

use futures_util::StreamExt;
use futures_util::stream::{SplitSink, SplitStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use ws_liveness::End;

use super::ours::User;
use super::pipe::PipeEnd;

pub type Sink = SplitSink<WebSocketStream<PipeEnd>, Message>;
pub type Stream = SplitStream<WebSocketStream<PipeEnd>>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Baseline {
    /// On each interval: close if no pong came, else ping.
    IsAlive,
    /// Interval and deadline in one `select!`, the deadline armed when the ping is queued.
    SelectLoop,
    /// Any frame counts, and an idle deadline.
    Idle,
    /// A task that pings and looks for pongs, beside the halves.
    Watchdog,
    /// The best loop of sixty lines.
    Honest,
}

impl Baseline {
    pub const ALL: [Self; 5] = [Self::IsAlive, Self::SelectLoop, Self::Idle, Self::Watchdog, Self::Honest];

    pub fn name(self) -> &'static str {
        match self {
            Self::IsAlive => "isAlive",
            Self::SelectLoop => "select",
            Self::Idle => "idle",
            Self::Watchdog => "watchdog",
            Self::Honest => "honest",
        }
    }
}

pub async fn run(baseline: Baseline, end: PipeEnd, user: User) {
    let ws = WebSocketStream::from_raw_socket(end, user.scenario.role, None).await;
    let (sink, stream) = ws.split();
    let diary = user.diary.clone();
    let dead = match baseline {
        Baseline::IsAlive => user.gate(is_alive::run(sink, stream, user.clone())).await,
        Baseline::SelectLoop => user.gate(select_loop::run(sink, stream, user.clone())).await,
        Baseline::Idle => user.gate(idle::run(sink, stream, user.clone())).await,
        Baseline::Watchdog => watchdog::run(sink, stream, user).await,
        Baseline::Honest => honest::run(sink, stream, user).await,
    };
    if dead {
        diary.dead(End::PongTimeout);
    }
}

/// Each ping has a payload of its own, or nobody could tell which was answered.
pub fn ping(number: &mut u64) -> Message {
    *number += 1;
    Message::Ping(number.to_be_bytes().to_vec().into())
}
