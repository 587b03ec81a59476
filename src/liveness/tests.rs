//! The parts of the machine by themselves, and the faults that the exploration has found in it.

mod conditions;

use super::stopwatch::Stopwatch;
use super::*;

const MS: Duration = Duration::from_millis(1);
const T: Duration = Duration::from_millis(100);

fn at(ms: u32) -> Time {
    Time::START.plus(MS * ms)
}

fn rules() -> Rules {
    Rules {
        ping_interval: MS * 50,
        jitter: 0.0,
        pong_timeout: T,
        write_timeout: T,
        close_timeout: T,
        max_deferrals: 1,
        missed_pongs: 1,
        min_progress_rate: 1,
        max_pong_backlog: 1 << 20,
        ping_when: PingWhen::Always,
        judging: Judging::FromStart,
        close_code: 3008,
        close_reason: None,
    }
}

/// Its account of a death are the facts.
struct Facts;

impl Witness<Death> for Facts {
    fn writes(&mut self, _: Time) -> Option<Time> {
        None
    }

    fn answers(&mut self, _: bool, _: Time) -> Option<Time> {
        None
    }

    fn account(&mut self, death: Death, _: Time) -> Death {
        death
    }
}

fn machine(rules: Rules) -> Liveness<Death> {
    Liveness::new(Arc::new(rules), 7)
}

/// The ping that waits leaves; its number.
fn send(machine: &mut Liveness<Death>, now: Time) -> u32 {
    let frame = machine.poll_transmit(false).expect("a ping waits to leave");
    let number = machine.handle_handed(frame);
    assert!(machine.handle_flushed(now, false).is_some());
    number
}

/// A reader that waits is polled whenever the timer fires, until `end`; the ping that is queued meanwhile stays.
fn wait(machine: &mut Liveness<Death>, end: Time) {
    while machine.poll_timeout() <= end {
        let now = machine.poll_timeout();
        machine.handle_timeout(now);
        machine.handle_drained(Some(now), now, &mut Facts);
    }
}

fn events(machine: &mut Liveness<Death>) -> Vec<Event> {
    std::iter::from_fn(|| machine.poll_event()).collect()
}

// Stopwatch.

/// When the looks are, each of them on time.
fn looks(mut watch: Stopwatch) -> Vec<Time> {
    let mut looks = Vec::new();
    loop {
        let look = watch.next();
        looks.push(look);
        watch.fire(look);
        if watch.is_over(look, T) {
            return looks;
        }
    }
}

#[test]
fn j5_looks_fall_on_the_quarters_a_tick_before_the_end_and_at_the_end() {
    let looks = looks(Stopwatch::start(Time::START, T));
    assert_eq!(looks, [at(25), at(50), at(75), at(99), at(100)]);
}

#[test]
fn j5_an_absence_is_taken_out_and_one_of_a_tick_is_none() {
    let mut watch = Stopwatch::start(Time::START, T);
    watch.skip(at(10), at(11), T);
    assert_eq!(watch.next(), at(25));
    watch.skip(at(10), at(17), T);
    assert_eq!(watch.next(), at(32));
    // Before it was started nobody waited for it.
    let mut watch = Stopwatch::start(at(10), T);
    watch.skip(Time::START, at(20), T);
    assert_eq!(watch.next(), at(45));
}

#[test]
fn j5_a_wait_counts_no_further_than_the_look() {
    let mut watch = Stopwatch::start(Time::START, T);
    watch.fire(at(500));
    watch.skip(at(500), at(500), T);
    assert!(!watch.is_over(at(500), T));
    // A quarter has passed, three are left.
    assert_eq!(watch.next(), at(525));
    assert_eq!(looks(watch), [at(525), at(550), at(574), at(575)]);
}

#[test]
fn j5_a_last_look_that_is_late_is_repeated_three_times() {
    let mut watch = Stopwatch::start(Time::START, T).moved(Time::START, at(99), T);
    assert_eq!(watch.next(), at(100));
    let mut now = at(100);
    for _ in 0..3 {
        now = now.plus(MS * 2);
        watch.fire(now);
        assert!(!watch.is_over(now, T));
        now = now.plus(MS);
        assert_eq!(watch.next(), now);
    }
    now = now.plus(T);
    watch.fire(now);
    assert!(watch.is_over(now, T));
}

#[test]
fn j5_a_last_look_that_is_a_tick_late_decides() {
    let mut watch = Stopwatch::start(Time::START, T).moved(Time::START, at(99), T);
    watch.fire(at(101));
    assert!(watch.is_deciding());
    assert!(watch.is_over(at(101), T));
}

#[test]
fn j5_what_has_not_fired_decides_nothing() {
    let mut watch = Stopwatch::start(Time::START, T);
    watch.fire(at(24));
    assert!(!watch.is_due());
    assert!(!watch.is_over(at(400), T));
    assert_eq!(watch.next(), at(25));
}

#[test]
fn x2_an_endless_stopwatch_is_never_over() {
    let watch = Stopwatch::start(at(5), Duration::MAX);
    assert_eq!(watch.next(), Time::NEVER);
}

// Payloads.

fn numbered(number: u32, nonce: u32) -> [u8; 8] {
    (u64::from(number) << 32 | u64::from(nonce)).to_be_bytes()
}

#[test]
fn s7_a_payload_is_known_again_and_nothing_else_is() {
    let mut payloads = Payloads::new(9);
    let first = payloads.next();
    assert_eq!(payloads.read(&first), Reading::Foreign);
    let number = payloads.issue();
    assert_eq!((number, first), (1, numbered(1, 9)));
    assert_eq!(payloads.read(&first), Reading::Answer(1));
    assert_eq!(payloads.read(&numbered(1, 8)), Reading::Foreign);
    assert_eq!(payloads.read(&numbered(0, 9)), Reading::Foreign);
    assert_eq!(payloads.read(&first[..7]), Reading::Foreign);
    assert_eq!(payloads.read(&[first.as_slice(), &[0]].concat()), Reading::Foreign);
    assert_eq!(payloads.read(b""), Reading::Foreign);
}

#[test]
fn j2_an_answer_answers_all_before_it() {
    let mut payloads = Payloads::new(9);
    (0..3).for_each(|_| _ = payloads.issue());
    payloads.answer(2);
    let read = [1, 2, 3, 4].map(|number| payloads.read(&numbered(number, 9)));
    assert_eq!(read, [Reading::Stale, Reading::Stale, Reading::Answer(3), Reading::Foreign]);
}

#[test]
fn s7_numbers_wrap_after_two_to_the_32_pings() {
    let mut payloads = Payloads::after(9, u64::from(u32::MAX) - 1);
    let numbers = [payloads.issue(), payloads.issue(), payloads.issue()];
    assert_eq!(numbers, [u32::MAX, 0, 1]);
    assert_eq!(payloads.read(&numbered(u32::MAX, 9)), Reading::Answer(u32::MAX));
    payloads.answer(0);
    assert_eq!(payloads.read(&numbered(u32::MAX, 9)), Reading::Stale);
    assert_eq!(payloads.read(&numbered(1, 9)), Reading::Answer(1));
    // The next one's number was used before: an answer to that comes 2^32 pings late.
    assert_eq!(payloads.read(&numbered(2, 9)), Reading::Stale);
}

#[test]
fn s7_numbers_are_issued_on_and_on() {
    let mut payloads = Payloads::after(9, u64::from(u32::MAX) * 3);
    let number = payloads.issue();
    assert_eq!(payloads.read(&numbered(number, 9)), Reading::Answer(number));
    // Every other number was issued once.
    assert_eq!(payloads.read(&numbered(number.wrapping_add(1), 9)), Reading::Stale);
}

#[test]
fn j2_later_numbers_answer_earlier_ones_also_where_they_wrap() {
    assert!(answers(5, 5) && answers(6, 5) && !answers(5, 6));
    assert!(answers(0, u32::MAX) && answers(3, u32::MAX - 3));
    assert!(!answers(u32::MAX, 0));
}

// Rules.

fn jittered() -> Rules {
    Rules { jitter: 0.2, ping_interval: Duration::from_secs(20), ..rules() }
}

#[test]
fn s1_without_jitter_every_interval_is_exact() {
    let mut rng = fastrand::Rng::with_seed(1);
    assert_eq!(rules().first_delay(&mut rng), MS * 50);
    assert_eq!(rules().next_interval(&mut rng), MS * 50);
}

#[test]
fn s1_intervals_are_shortened_by_up_to_the_jitter_and_evenly() {
    let (rules, mut rng) = (jittered(), fastrand::Rng::with_seed(2));
    let drawn: Vec<f64> = (0..100_000).map(|_| rules.next_interval(&mut rng).as_secs_f64()).collect();
    assert!(drawn.iter().all(|drawn| (16.0..=20.0).contains(drawn)));
    assert!((mean(&drawn) - 18.0).abs() < 0.02);
}

#[test]
fn s1_the_first_delay_is_what_is_left_of_an_interval_at_a_random_moment() {
    let (rules, mut rng) = (jittered(), fastrand::Rng::with_seed(3));
    let drawn: Vec<f64> = (0..100_000).map(|_| rules.first_delay(&mut rng).as_secs_f64()).collect();
    assert!(drawn.iter().all(|drawn| *drawn > 0.0 && *drawn <= 20.0));
    // In the long run: the mean square of an interval by twice its mean, and even up to the shortest one.
    assert!((mean(&drawn) - 20.0 * 0.451_85).abs() < 0.1);
    let early = drawn.iter().filter(|drawn| **drawn <= 8.0).count() as f64 / drawn.len() as f64;
    assert!((early - 8.0 / 18.0).abs() < 0.01);
}

fn mean(drawn: &[f64]) -> f64 {
    drawn.iter().sum::<f64>() / drawn.len() as f64
}

#[test]
fn x2_an_endless_interval_is_never_over_and_the_shortest_is_not_zero() {
    let mut rng = fastrand::Rng::with_seed(4);
    let endless = Rules { ping_interval: Duration::MAX, ..jittered() };
    assert_eq!((endless.first_delay(&mut rng), endless.next_interval(&mut rng)), (Duration::MAX, Duration::MAX));
    let shortest = Rules { ping_interval: Duration::from_nanos(1), ..jittered() };
    assert_eq!(shortest.first_delay(&mut rng), Duration::from_nanos(1));
    assert_eq!(shortest.next_interval(&mut rng), Duration::from_nanos(1));
}

#[test]
fn j9_silence_counts_when_the_rules_say_so() {
    let counts = |judging, proven| Rules { judging, ..rules() }.is_judging(proven);
    assert!(counts(Judging::FromStart, false) && counts(Judging::FromStart, true));
    assert!(!counts(Judging::AfterFirstPong, false) && counts(Judging::AfterFirstPong, true));
    assert!(!counts(Judging::Never, false) && !counts(Judging::Never, true));
    assert!(!Rules { pong_timeout: Duration::MAX, ..rules() }.is_judging(true));
}

// The machine.

#[test]
fn j4_a_silent_peer_is_given_up_after_t_and_the_facts_are_told() {
    let mut machine = machine(rules());
    machine.handle_timeout(at(50));
    send(&mut machine, at(53));
    wait(&mut machine, at(152));
    assert!(machine.is_open());
    wait(&mut machine, at(153));
    let facts =
        Death { reason: Reason::Unanswered, queued: Some(at(50)), flushed: Some(at(53)), deferrals: 0, misses: 1 };
    assert_eq!(machine.account(), Some(&facts));
}

#[test]
fn k5_the_facts_are_those_of_the_ping_that_the_reason_speaks_of() {
    let mut machine = machine(rules());
    assert_eq!(machine.facts(Reason::Refused).queued, None);
    machine.handle_timeout(at(50));
    send(&mut machine, at(53));
    machine.handle_timeout(at(100));
    let facts = |reason| (machine.facts(reason).queued, machine.facts(reason).flushed);
    assert_eq!(facts(Reason::Unanswered), (Some(at(50)), Some(at(53))));
    assert_eq!(facts(Reason::Unsent), (Some(at(100)), None));
    assert_eq!(facts(Reason::Refused), (Some(at(100)), None));
}

#[test]
fn o3_a_round_trip_is_counted_from_the_flush_or_from_the_queueing() {
    let mut machine = machine(rules());
    machine.handle_timeout(at(50));
    let number = send(&mut machine, at(53));
    assert_eq!(machine.handle_answer(number, at(60)).rtt, Some(MS * 7));
    machine.handle_timeout(at(100));
    let frame = machine.poll_transmit(false).expect("a ping waits to leave");
    let number = machine.handle_handed(frame);
    assert_eq!(machine.handle_answer(number, at(104)).rtt, Some(MS * 4));
    assert!(!machine.is_leaving());
}

#[test]
fn s3_a_miss_queues_no_ping_in_the_tick_in_which_a_due_one_has_left() {
    let mut machine = machine(Rules { missed_pongs: 2, ..rules() });
    for due in [50, 100, 150] {
        wait(&mut machine, at(due - 1));
        machine.handle_timeout(at(due));
        // The sink half is polled first.
        send(&mut machine, at(due));
        machine.handle_drained(Some(at(due)), at(due), &mut Facts);
    }
    assert!(events(&mut machine).contains(&Event::Missed));
    assert!(!machine.is_leaving());
    wait(&mut machine, at(249));
    assert!(machine.is_open());
    wait(&mut machine, at(250));
    assert_eq!(machine.account().and_then(|facts| facts.flushed), Some(at(150)));
}

#[test]
fn j4_a_miss_queues_the_next_ping_at_once() {
    let mut machine = machine(Rules { missed_pongs: 2, ping_interval: MS * 500, ..rules() });
    machine.handle_timeout(at(500));
    send(&mut machine, at(500));
    wait(&mut machine, at(600));
    assert!(events(&mut machine).contains(&Event::Missed));
    assert_eq!(machine.queued_at(), Some(at(600)));
}

#[test]
fn k1_an_error_after_the_end_brings_nothing_back() {
    let mut machine = machine(rules());
    machine.handle_end();
    machine.handle_stream_error(at(10));
    assert!(machine.is_finished());
}

#[test]
fn k4_a_complete_handshake_is_told_once() {
    let mut machine = machine(rules());
    machine.handle_close(CloseBy::User, at(10));
    machine.handle_flushed(at(11), true);
    machine.handle_close(CloseBy::Peer, at(12));
    assert_eq!(events(&mut machine), [Event::Closed]);
    machine.handle_close(CloseBy::User, at(13));
    machine.handle_flushed(at(13), true);
    machine.handle_close(CloseBy::Peer, at(14));
    assert_eq!(events(&mut machine), []);
}

/// Bytes moved below the messages until `self.0`, and not after.
struct Moved(Option<Time>);

impl Witness<Death> for Moved {
    fn writes(&mut self, _: Time) -> Option<Time> {
        None
    }

    fn answers(&mut self, _: bool, _: Time) -> Option<Time> {
        self.0.take()
    }

    fn account(&mut self, death: Death, _: Time) -> Death {
        death
    }
}

#[test]
fn j3_a_frame_from_before_t_started_again_below_the_messages_defers_nothing() {
    let mut machine = machine(Rules { ping_interval: MS * 1_000, ..rules() });
    machine.handle_timeout(at(1_000));
    send(&mut machine, at(1_000));
    machine.handle_frame();
    machine.take_inbound(at(1_020));
    // T is over at 1,100 ms, and acknowledgements came until 1,050 ms.
    let mut moved = Moved(Some(at(1_050)));
    while machine.is_open() {
        let now = machine.poll_timeout();
        machine.handle_timeout(now);
        machine.handle_drained(Some(now), now, &mut moved);
        assert!(now <= at(1_150), "deferred");
    }
    assert_eq!(machine.account().map(|death| death.deferrals), Some(0));
}
