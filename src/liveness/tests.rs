//! The machine without a runtime: every instant to the nanosecond.

mod ending;
mod forgiving;

use std::time::Duration;

use super::*;
use crate::config::LiveConfigBuilder;
use crate::error::Cause;

const I: u64 = 20_000_000_000;
const T: u64 = 7_000_000_001;
const W: u64 = 5_000_000_003;
const C: u64 = 3_000_000_007;
/// T is judged late from here on.
const LATE: u64 = T / 4;

const DRAINED: View = View::Drained { backlogged: false };
const ITEM: View = View::Item { backlogged: false };

fn at(nanos: u64) -> Time {
    Time::START.plus(Duration::from_nanos(nanos))
}

fn builder() -> LiveConfigBuilder {
    LiveConfig::builder()
        .jitter(0.0)
        .ping_interval(Duration::from_nanos(I))
        .pong_timeout(Duration::from_nanos(T))
        .write_timeout(Duration::from_nanos(W))
        .close_timeout(Duration::from_nanos(C))
}

fn machine(builder: LiveConfigBuilder) -> Liveness {
    Liveness::new(builder.build().unwrap(), 7)
}

/// A machine whose ping, queued at `queued`, is flushed at `flushed`.
fn sent(builder: LiveConfigBuilder, queued: u64, flushed: u64) -> Liveness {
    let mut machine = machine(builder);
    send(&mut machine, queued, flushed);
    machine
}

fn send(machine: &mut Liveness, queued: u64, flushed: u64) -> u32 {
    machine.handle_timeout(at(queued));
    flush(machine, flushed)
}

fn flush(machine: &mut Liveness, flushed: u64) -> u32 {
    assert!(machine.poll_ping().is_some());
    let number = machine.handle_handed();
    machine.take_inbound();
    machine.handle_flushed(at(flushed));
    number
}

/// The timer fires at `now`, after a frame came in where `frame`.
fn expire(machine: &mut Liveness, now: u64, frame: bool, view: View) -> Judgement {
    if frame {
        machine.handle_frame();
    }
    machine.take_inbound();
    machine.handle_timeout(at(now));
    machine.judge(at(now), view)
}

#[test]
fn s1_nothing_is_early_and_everything_is_exactly_on_time() {
    let mut machine = machine(builder());
    assert_eq!(machine.poll_timeout(), at(I));
    machine.handle_timeout(at(I - 1));
    assert_eq!(machine.poll_ping(), None);
    machine.handle_timeout(at(I));
    assert!(machine.poll_ping().is_some());
}

#[test]
fn s1_intervals_are_shortened_by_at_most_the_jitter() {
    let (mut least, mut most) = (u64::MAX, 0);
    for seed in 0..2_000 {
        let mut machine = Liveness::new(builder().jitter(0.2).build().unwrap(), seed);
        let first = machine.poll_timeout();
        assert!(first > Time::START && first <= at(I));
        machine.handle_timeout(first);
        let number = flush(&mut machine, 1);
        machine.handle_answer(number, first);
        let next = u64::try_from(machine.poll_timeout().since(first).as_nanos()).unwrap();
        (least, most) = (least.min(next), most.max(next));
    }
    assert!((I / 5 * 4..I / 100 * 81).contains(&least), "{least}");
    assert!((I / 100 * 99..=I).contains(&most), "{most}");
}

/// When its pings are due until 4 I; each is answered at once.
fn due_times(seed: u64) -> impl Iterator<Item = u64> {
    let mut machine = Liveness::new(builder().jitter(0.2).build().unwrap(), seed);
    std::iter::from_fn(move || {
        let due = machine.poll_timeout();
        machine.handle_timeout(due);
        let number = flush(&mut machine, nanos(due.since(Time::START)));
        machine.handle_answer(number, due);
        Some(nanos(due.since(Time::START)))
    })
    .take_while(|due| *due < 4 * I)
}

/// However many connections begin at the same time. (A first delay that is even in (0, I] lets the second pings of some
/// fall together with the first ones of others: 70 % more than the mean.)
#[test]
fn s1_pings_of_many_connections_are_even_from_the_beginning() {
    const PARTS: u64 = 100;
    let (mut parts, mut sum) = ([0_u64; PARTS as usize], 0);
    for due in (0..100_000).flat_map(due_times) {
        parts[usize::try_from(due / (4 * I / PARTS)).unwrap()] += 1;
        sum += 1;
    }
    let even = sum / PARTS;
    for (part, pings) in parts.iter().enumerate() {
        assert!(pings.abs_diff(even) < even / 10, "{pings} instead of {even} in part {part}");
    }
}

#[test]
fn s2_idle_skips_only_where_a_frame_came_since_the_last_due_time() {
    let mut machine = machine(builder().ping_when(PingWhen::Idle));
    machine.handle_frame();
    machine.take_inbound();
    machine.handle_timeout(at(I));
    assert_eq!((machine.poll_ping(), machine.poll_timeout()), (None, at(2 * I)));
    let number = send(&mut machine, 2 * I, 2 * I);
    machine.handle_answer(number, at(2 * I + 1));
    machine.handle_timeout(at(3 * I));
    assert!(machine.poll_ping().is_some(), "our own answer is no traffic");
}

#[test]
fn s3_a_pause_of_any_length_causes_one_ping() {
    let mut machine = machine(builder());
    let number = send(&mut machine, 10 * I, 10 * I);
    assert_eq!(machine.poll_ping(), None);
    machine.handle_answer(number, at(10 * I + 5));
    assert_eq!(machine.poll_timeout(), at(11 * I));
}

#[test]
fn s3_a_ping_that_falls_due_waits_for_the_answer() {
    let mut machine = sent(builder().pong_timeout(Duration::from_nanos(3 * I)), I, I);
    assert_eq!(expire(&mut machine, 2 * I, false, DRAINED), Judgement::Nothing);
    assert_eq!((machine.poll_ping(), machine.poll_timeout()), (None, at(4 * I)));
    machine.handle_answer(1, at(2 * I + 9));
    assert_eq!(machine.poll_timeout(), at(2 * I), "due for a while");
    machine.handle_timeout(at(2 * I + 9));
    assert!(machine.poll_ping().is_some());
}

#[test]
fn s4_no_ping_after_the_end() {
    let ends: [fn(&mut Liveness); 5] = [
        |machine| machine.handle_close(CloseBy::User, at(1)),
        |machine| machine.handle_close(CloseBy::Peer, at(1)),
        Liveness::handle_stream_error,
        Liveness::handle_failure,
        Liveness::handle_end,
    ];
    for end in ends {
        let mut machine = machine(builder());
        machine.handle_timeout(at(I));
        end(&mut machine);
        machine.handle_timeout(at(9 * I));
        assert_eq!((machine.poll_ping(), machine.next_payload()), (None, None), "{machine:?}");
    }
}

#[test]
fn j1_w_runs_from_the_queueing_and_again_from_every_progress() {
    let mut machine = machine(builder());
    machine.handle_timeout(at(I));
    assert_eq!(machine.poll_timeout(), at(I + W / 2));
    assert!(!machine.holds_writer());
    assert_eq!(expire(&mut machine, I + W / 2, true, DRAINED), Judgement::Nothing);
    assert!(machine.holds_writer(), "a ping that waits longer than W/2 holds the user's writes");
    machine.handle_progress(at(I + W - 1));
    assert_eq!(machine.poll_timeout(), at(I + W - 1 + W));
    assert_eq!(expire(&mut machine, I + 2 * W - 2, true, DRAINED), Judgement::Nothing);
    let verdict = expire(&mut machine, I + 2 * W - 1, true, View::Sink { reader: false });
    assert_eq!(verdict, Judgement::Verdict(Cause::WriteStalled));
}

#[test]
fn j1_the_pong_clock_starts_at_the_flush() {
    let mut machine = sent(builder(), I, I + W - 1);
    assert_eq!(expire(&mut machine, I + W - 1 + T - 1, false, DRAINED), Judgement::Nothing);
    assert_eq!(expire(&mut machine, I + W - 1 + T, false, DRAINED), Judgement::Verdict(Cause::PongTimeout));
}

#[test]
fn j2_a_pong_answers_every_ping_up_to_its_own_and_only_once() {
    let mut machine = sent(builder().missed_pongs(3), I, I);
    let first = machine.payloads.next();
    assert_eq!(machine.read_pong(&first), Reading::Foreign, "never issued");
    assert_eq!(expire(&mut machine, I + T, false, DRAINED), Judgement::Missed);
    assert_eq!(flush(&mut machine, I + T), 2);
    assert_eq!(machine.read_pong(&first), Reading::Answer(2));
    machine.handle_answer(2, at(I + T + 4));
    assert_eq!(machine.read_pong(&first), Reading::Stale);
    for foreign in [&[][..], &first[..7], &[0; 8], &[first.as_slice(), &[0]].concat()] {
        assert_eq!(machine.read_pong(foreign), Reading::Foreign, "{foreign:?}");
    }
}

#[test]
fn j2_an_answer_before_the_flush_was_observed_counts() {
    let mut machine = machine(builder());
    machine.handle_timeout(at(I));
    let number = machine.handle_handed();
    assert_eq!(machine.handle_answer(number, at(I + 3)).rtt, Some(Duration::from_nanos(3)));
    assert_eq!(machine.poll_timeout(), at(2 * I));
}

#[test]
fn j3_a_frame_defers_by_t_from_now_and_at_most_n_times() {
    for n in 0..4 {
        let mut machine = sent(builder().max_deferrals(n), I, I);
        let mut now = I + T;
        for _ in 0..n {
            assert_eq!(expire(&mut machine, now, true, DRAINED), Judgement::Deferred);
            now += T;
            assert_eq!(expire(&mut machine, now - 1, true, DRAINED), Judgement::Nothing);
        }
        assert_eq!(expire(&mut machine, now, true, DRAINED), Judgement::Verdict(Cause::PongTimeout));
    }
}

#[test]
fn j3_needs_a_frame_since_the_last_deferral() {
    let mut machine = sent(builder().max_deferrals(5), I, I);
    assert_eq!(expire(&mut machine, I + T, true, DRAINED), Judgement::Deferred);
    assert_eq!(expire(&mut machine, I + 2 * T, false, DRAINED), Judgement::Verdict(Cause::PongTimeout));
}

#[test]
fn j4_consecutive_misses_make_the_verdict_and_a_late_answer_resets_them() {
    let mut machine = sent(builder().missed_pongs(2), I, I);
    assert_eq!(expire(&mut machine, I + T, false, DRAINED), Judgement::Missed);
    flush(&mut machine, I + T);
    assert_eq!(machine.handle_answer(1, at(I + T + 1)).rtt, None);
    assert_eq!(expire(&mut machine, I + 2 * T, false, DRAINED), Judgement::Deferred, "it was a frame all the same");
    assert_eq!(expire(&mut machine, I + 3 * T, false, DRAINED), Judgement::Missed);
    flush(&mut machine, I + 3 * T);
    assert_eq!(expire(&mut machine, I + 4 * T, false, DRAINED), Judgement::Verdict(Cause::PongTimeout));
}

#[test]
fn j5_only_a_drained_stream_is_judged() {
    let mut machine = sent(builder(), I, I);
    assert_eq!(expire(&mut machine, I + T, false, ITEM), Judgement::Nothing);
    assert_eq!(machine.poll_timeout(), at(I + T));
    assert_eq!(expire(&mut machine, I + T, false, DRAINED), Judgement::Verdict(Cause::PongTimeout));
}

#[test]
fn v4_the_sink_half_leaves_the_judging_to_a_stream_half_that_is_there() {
    let mut machine = sent(builder(), I, I);
    assert_eq!(expire(&mut machine, I + T, false, View::Sink { reader: true }), Judgement::Unjudged);
    assert_eq!(machine.poll_timeout(), at(I + T + LATE));
    assert_eq!(expire(&mut machine, I + T + LATE - 1, false, View::Sink { reader: true }), Judgement::Nothing);
    assert!(machine.take_over());
    assert_eq!(expire(&mut machine, I + T + 1, false, DRAINED), Judgement::Verdict(Cause::PongTimeout));
}

#[test]
fn v4_a_sink_half_that_notices_late_leaves_as_much_time() {
    let mut machine = sent(builder(), I, I);
    assert_eq!(expire(&mut machine, I + T + 9 * LATE, false, View::Sink { reader: true }), Judgement::Unjudged);
    assert_eq!(machine.poll_timeout(), at(I + T + 10 * LATE));
    assert!(machine.take_over());
    assert_eq!(expire(&mut machine, I + T + 9 * LATE + 1, false, DRAINED), Judgement::Pardoned);
}

#[test]
fn v4_the_sink_half_lets_the_deadline_pass_where_nobody_reads() {
    for reader in [false, true] {
        let mut machine = sent(builder(), I, I);
        expire(&mut machine, I + T, false, View::Sink { reader });
        expire(&mut machine, I + T + LATE, false, View::Sink { reader });
        assert_eq!(machine.poll_timeout(), at(2 * I));
        assert!(machine.is_open());
    }
}

#[test]
fn x2_never_is_never_and_sums_saturate() {
    let never = Duration::MAX;
    let mut machine =
        machine(builder().ping_interval(never).write_timeout(never).pong_timeout(never).close_timeout(never));
    assert_eq!(machine.poll_timeout(), Time::NEVER);
    machine.handle_close(CloseBy::User, at(u64::MAX - 3));
    assert_eq!(machine.poll_timeout(), Time::NEVER);
    let mut machine = sent(builder().pong_timeout(never), I, I);
    assert_eq!(machine.poll_timeout(), at(2 * I), "outstanding until the next is due");
    assert_eq!(expire(&mut machine, 2 * I, false, DRAINED), Judgement::Unjudged);
}
