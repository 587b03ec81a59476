//! By when was a verdict due?

use std::time::Duration;

use tokio::time::Instant;
use ws_liveness::PingWhen;

use super::facts::{GRAIN, Ping};
use super::oracle::{Oracle, last};
use super::run::Who;
use super::scenario::{Consumer, Shape, Talk, Writer};
use super::spans;

/// So many T more than its deferrals may a ping be waited for where a consumer comes and goes: its own, and J6's.
const SPARE: u32 = 2;
/// The same where misses are counted over several pings, and late answers take them back (J4).
const SPARE_OF_MANY: u32 = 4;

impl Oracle<'_> {
    /// The last moment at which a peer as silent as this one was to be declared dead, seen from `at`. None: nothing
    /// was promised.
    pub fn limit(&self, at: Instant) -> Option<Instant> {
        if self.config.ping_interval() >= Duration::from_secs(86400) {
            return None;
        }
        // Where a miss and an answer that takes it back fall together either may come first: the later bound holds.
        Some(
            self.limit_where(at, |due, answer| due + GRAIN >= answer)?
                .max(self.limit_where(at, |due, answer| due > answer + GRAIN)?),
        )
    }

    /// `counts`: a miss at the first moment after an answer at the second.
    fn limit_where(&self, at: Instant, counts: fn(Instant, Instant) -> bool) -> Option<Instant> {
        let blocked = self.blocked(at);
        let first = self.pings.iter().rposition(|ping| ping.answered.is_some_and(|answer| answer <= at));
        let waiting = self.pings[first.map_or(0, |first| first + 1)..].iter().filter(|ping| ping.flushed <= at);
        // A late answer resets the count of what was missed before (J4), also one to a probe.
        let probed = self.probes.iter().filter_map(|ping| ping.answered).filter(|answer| *answer <= at).max();
        let anchor = first.and_then(|first| self.pings[first].answered).unwrap_or(self.run.start);
        let answer = anchor.max(probed.unwrap_or(anchor));
        let waiting: Vec<Ping> =
            waiting.filter(|ping| counts(self.due(ping), answer)).map(|ping| self.settled(ping)).collect();
        let misses = self.config.missed_pongs() as usize;
        let limit = match waiting.last() {
            Some(_) if !self.judges() => return None,
            Some(last) => {
                let due = self.due(waiting.get(misses - 1).unwrap_or(last));
                if waiting.len() >= misses || !blocked { due } else { self.unflushed(due, at)? }
            }
            None => {
                let quiet = anchor + self.config.ping_interval();
                let quiet = if self.config.ping_when() == PingWhen::Idle { self.idle(anchor) } else { quiet };
                if blocked { self.unflushed(quiet, at)? } else { quiet }
            }
        };
        self.ours(limit, blocked, at)
    }

    /// Our flush comes to its end only when what was written after the ping has left, too; and what is under way at the
    /// first answer is judged from then on (J9).
    pub fn settled(&self, ping: &Ping) -> Ping {
        let flushes = &self.run.out.flushes;
        let flushed = flushes.iter().copied().find(|at| *at >= ping.flushed).unwrap_or(ping.flushed);
        let proven = self.pings.iter().chain(&self.probes).filter_map(|ping| ping.answered).min();
        let from = proven.filter(|_| self.config.judge_after_first_pong()).unwrap_or(flushed);
        Ping { flushed: flushed.max(from), ..ping.clone() }
    }

    fn idle(&self, anchor: Instant) -> Instant {
        anchor.max(self.inbound.last().copied().unwrap_or(anchor)) + 2 * self.config.ping_interval()
    }

    fn unflushed(&self, queued: Instant, at: Instant) -> Option<Instant> {
        let w = self.config.write_timeout();
        match self.counts() {
            // P2.
            true => Some(queued.checked_add(w)?.max(last(&self.run.out.writes, at).checked_add(w.checked_mul(2)?)?)),
            false => queued.max(self.flushed(at)).checked_add(w),
        }
    }

    /// The time that our own side takes is added: after it J7 or J6, and everything anew.
    fn ours(&self, limit: Instant, blocked: bool, at: Instant) -> Option<Instant> {
        let (it, config) = (&self.run.scenario, self.config);
        let mut away = it.ours.stalls.last().map(|(from, time)| *from + *time);
        match it.ours.consumer {
            Consumer::Absent { from, time } => away = away.max(Some(from + time)),
            Consumer::Bursts { off, .. } => away = away.max(Some(it.horizon + off)),
            Consumer::Works(time) | Consumer::Echoes(time) => {
                let last = self.run.log.items.last().map_or(self.run.start, |(at, _)| *at);
                away = away.max(Some(last - self.run.start + time));
            }
            _ => {}
        }
        let echoes = matches!(it.ours.consumer, Consumer::Echoes(_));
        let whole = it.ours.shape == Shape::Whole && (it.ours.writer != Writer::Quiet || echoes);
        if whole {
            let progress = if self.counts() { last(&self.run.out.writes, at) } else { self.flushed(at) };
            away = away.max(Some(progress - self.run.start));
        }
        let all = self.t() * (config.missed_pongs() * (config.max_deferrals() + 1));
        let write = if blocked { config.write_timeout().checked_mul(2)? } else { Duration::ZERO };
        let anew = config.ping_interval() * 2 + all + self.t() + write;
        let away = away.filter(|away| self.run.start + *away + anew >= limit || whole);
        Some(match away {
            Some(away) => limit.max(self.run.start + away) + anew,
            None => limit,
        })
    }

    /// A consumer that has waited for several T in all can see whether there was an answer, however its waiting was cut
    /// (J7): how long it waited since the first of the pings that are still unanswered.
    pub fn waited_in_vain(&self) -> Option<Duration> {
        let run = self.run;
        let ping = self.pings.iter().find(|ping| ping.answered.is_none_or(|answer| answer > self.end))?;
        let reads_ahead = matches!(run.scenario.ours.shape, Shape::Spawned(_));
        let half = self.counts() && matches!(run.scenario.peer.talk, Talk::Once { .. });
        if run.who != Who::Ours || reads_ahead || half || !self.judges() || ping.flushed > self.end {
            return None;
        }
        let waits = spans::waits(run).minus(&spans::stalls(run)).minus(&spans::blocks(run));
        let waited = waits.within(ping.flushed, self.end);
        // One more where a late judge forgave.
        let alone =
            self.pings.iter().filter(|later| later.flushed > ping.flushed && later.flushed <= self.end).count() == 0;
        let deferrals = self.config.max_deferrals();
        let times = match alone {
            true => deferrals + SPARE,
            false => (self.config.missed_pongs() + 1) * (deferrals + SPARE_OF_MANY),
        };
        // Who sends where he reads lets pings pass unjudged meanwhile (V4).
        let sends = run.scenario.ours.shape == Shape::Whole && run.scenario.ours.writer != Writer::Quiet;
        let times = if sends { times * 2 } else { times };
        (waited > (self.t() + GRAIN) * times).then_some(waited)
    }

    /// How late the verdict came, or that it did not come at all.
    pub fn lateness(&self) -> Option<Result<Duration, Duration>> {
        let limit = self.limit(self.end)?;
        let late = self.end.saturating_duration_since(limit);
        match self.verdict() {
            Some(_) => Some(Ok(late)),
            None if late > GRAIN => Some(Err(late)),
            None => None,
        }
    }
}
