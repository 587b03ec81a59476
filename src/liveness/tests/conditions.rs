//! Single conditions of the machine, each by a case that differs only in it.

use super::*;

// Stopwatch.

#[test]
fn j5_the_last_stretches_of_a_time_of_few_ticks_are_shorter_than_a_tick() {
    let half = MS / 2;
    let limit = MS * 2;
    let mut watch = Stopwatch::start(Time::START, limit);
    for quarters in [1, 2, 3] {
        let look = Time::START.plus(half * quarters);
        assert_eq!(watch.next(), look);
        watch.fire(look);
        assert!(!watch.is_over(look, limit));
    }
    assert_eq!(watch.next(), at(2));
    watch.fire(at(2));
    assert!(watch.is_over(at(2), limit));
}

#[test]
fn j5_the_stretch_of_a_repeated_look_is_a_tick_however_short_the_time() {
    let limit = MS * 2;
    let mut watch = Stopwatch::start(Time::START, limit).moved(Time::START, at(1).plus(MS / 2), limit);
    assert_eq!(watch.next(), at(2));
    watch.fire(at(10));
    assert!(!watch.is_over(at(10), limit));
    assert_eq!(watch.next(), at(11));
    watch.skip(at(3), at(13), limit);
    assert_eq!(watch.next(), at(14));
}

#[test]
fn j5_an_absence_from_the_look_on_changes_nothing() {
    let mut watch = Stopwatch::start(Time::START, T);
    watch.skip(at(25), at(40), T);
    assert_eq!(watch.next(), at(25));
}

#[test]
fn p2_a_movement_long_ago_leaves_the_last_look() {
    let watch = Stopwatch::start(Time::START, T).moved(Time::START, at(500), T);
    assert_eq!(watch.next(), at(100));
}

#[test]
fn p3_a_movement_keeps_what_was_heard_and_how_often_t_was_started_again() {
    let mut watch = Stopwatch::start(Time::START, T).deferred(at(100), T);
    watch.heard = true;
    let moved = watch.moved(at(120), at(120), T);
    assert_eq!((moved.restarts, moved.heard), (1, true));
}

// Pings.

/// Whether a ping is queued at the second due time, if the first was answered, and if another frame came after it.
fn is_pinged(ping_when: PingWhen, answered: bool, heard: bool) -> bool {
    let mut machine = machine(Rules { ping_when, ..rules() });
    machine.handle_timeout(at(50));
    let number = send(&mut machine, at(50));
    if answered {
        machine.handle_answer(number, at(51));
    }
    if heard {
        machine.handle_frame();
        machine.take_inbound(at(60));
    }
    machine.handle_timeout(at(100));
    machine.is_leaving()
}

#[test]
fn s2_a_ping_is_left_out_only_if_the_peer_talks_and_has_answered_and_the_rules_say_so() {
    assert!(!is_pinged(PingWhen::Idle, true, true));
    assert!(is_pinged(PingWhen::Idle, false, true));
    assert!(is_pinged(PingWhen::Idle, true, false));
    assert!(is_pinged(PingWhen::Always, true, true));
}

#[test]
fn s1_connections_that_ping_at_the_same_moment_do_not_do_so_again() {
    let next = |seed| {
        let mut machine = Liveness::<Death>::new(Arc::new(jittered()), seed);
        machine.schedule(at(1_000));
        machine.poll_timeout()
    };
    let mut times: Vec<Time> = (0..100).map(next).collect();
    times.sort();
    times.dedup();
    assert_eq!(times.len(), 100);
}

#[test]
fn s1_the_intervals_of_a_connection_differ() {
    let mut machine = machine(jittered());
    let mut interval = |ms| {
        machine.schedule(at(ms));
        machine.poll_timeout().since(at(ms))
    };
    assert_ne!(interval(1_000), interval(2_000));
}

#[test]
fn j1_w_does_not_count_the_time_in_which_nobody_writes() {
    let mut machine = machine(rules());
    machine.handle_timeout(at(50));
    assert_eq!(machine.poll_timeout(), at(75));
    machine.skip_writer(at(55), at(65));
    assert_eq!(machine.poll_timeout(), at(85));
}

#[test]
fn j1_w_starts_again_with_a_flush_that_had_to_be_waited_for() {
    let mut machine = machine(rules());
    machine.handle_timeout(at(50));
    assert_eq!(machine.handle_flushed(at(60), false), None);
    assert_eq!(machine.poll_timeout(), at(75));
    assert_eq!(machine.handle_flushed(at(60), true), None);
    assert_eq!(machine.poll_timeout(), at(85));
}

#[test]
fn o3_the_answer_to_the_oldest_of_several_pings_gives_a_round_trip_and_to_one_between_does_not() {
    let mut machine = machine(Rules { pong_timeout: T * 10, ..rules() });
    let [first, second, _] = [50, 100, 150].map(|due| {
        machine.handle_timeout(at(due));
        send(&mut machine, at(due))
    });
    let mut other = machine.clone();
    assert_eq!(machine.handle_answer(first, at(160)), Answer { rtt: Some(MS * 110), in_part: true });
    assert_eq!(other.handle_answer(second, at(160)), Answer { rtt: None, in_part: true });
}

#[test]
fn j2_half_of_all_numbers_are_later() {
    assert!(answers(u32::MAX / 2 - 1, 0));
    assert!(!answers(u32::MAX / 2, 0));
}

#[test]
fn j9_where_silence_does_not_count_t_neither_wakes_nor_judges() {
    for judging in [Judging::Never, Judging::AfterFirstPong] {
        let mut machine = machine(Rules { judging, ..rules() });
        assert!(!machine.is_judging());
        machine.handle_timeout(at(50));
        send(&mut machine, at(50));
        assert_eq!(machine.poll_timeout(), at(100));
        for ms in (60..1_000).step_by(5) {
            machine.handle_timeout(at(ms));
            machine.handle_drained(None, at(ms), &mut Facts);
        }
        assert!(machine.is_open());
        assert!(!events(&mut machine).contains(&Event::Missed));
    }
}

#[test]
fn j9_silence_counts_from_the_first_answer_on() {
    let mut machine = machine(Rules { judging: Judging::AfterFirstPong, ..rules() });
    machine.handle_timeout(at(50));
    let number = send(&mut machine, at(50));
    machine.handle_answer(number, at(60));
    assert!(machine.is_judging());
    machine.handle_timeout(at(100));
    send(&mut machine, at(100));
    assert_eq!(machine.poll_timeout(), at(125));
}

#[test]
fn j1_a_machine_rests_while_no_ping_waits_to_leave() {
    let mut machine = machine(rules());
    assert!(machine.is_resting());
    machine.handle_timeout(at(50));
    assert!(!machine.is_resting());
    send(&mut machine, at(50));
    assert!(machine.is_resting());
}

#[test]
fn k5_deferrals_are_told() {
    let mut machine = machine(Rules { ping_interval: MS * 1_000, ..rules() });
    machine.handle_timeout(at(1_000));
    send(&mut machine, at(1_000));
    machine.handle_frame();
    machine.take_inbound(at(1_020));
    wait(&mut machine, at(1_200));
    let told = machine.account().map(|death| (death.queued, death.deferrals, death.misses));
    assert_eq!(told, Some((Some(at(1_000)), 1, 1)));
}

#[test]
fn k5_a_ping_that_has_not_left_is_told_of_if_there_is_no_other() {
    let mut machine = machine(rules());
    machine.handle_timeout(at(50));
    assert_eq!(machine.facts(Reason::Unanswered).queued, Some(at(50)));
}

// Ends.

/// The inner refuses a frame in what `before` has made of a connection; whether what the peer still sends is read after
/// our Close is out.
fn is_read_on_after(before: impl FnOnce(&mut Liveness<Death>), after: impl FnOnce(&mut Liveness<Death>)) -> bool {
    let mut machine = machine(rules());
    assert!(!machine.is_failed());
    before(&mut machine);
    machine.handle_failure(machine.facts(Reason::Refused));
    assert!(machine.is_failed());
    after(&mut machine);
    assert!(machine.handle_drained(None, at(70), &mut Facts));
    machine.handle_handed(Frame::Close);
    machine.handle_flushed(at(71), true);
    machine.is_dying()
}

fn hears(machine: &mut Liveness<Death>) {
    machine.handle_frame();
    machine.take_inbound(at(65));
}

#[test]
fn k1_a_peer_that_talked_before_or_after_a_refusal_is_read_on() {
    let leaves = |machine: &mut Liveness<Death>| machine.handle_timeout(at(50));
    let left = |machine: &mut Liveness<Death>| {
        machine.handle_timeout(at(50));
        send(machine, at(50));
    };
    assert!(!is_read_on_after(leaves, |_| {}));
    assert!(!is_read_on_after(left, |_| {}));
    assert!(is_read_on_after(leaves, hears));
    assert!(is_read_on_after(
        |machine| {
            leaves(machine);
            hears(machine);
        },
        |_| {}
    ));
    assert!(is_read_on_after(
        |machine| {
            left(machine);
            hears(machine);
        },
        |_| {}
    ));
}

#[test]
fn k4_after_c_the_handshake_is_overdue_and_accounted_for() {
    let mut machine = machine(rules());
    machine.handle_close(CloseBy::User, at(10));
    machine.handle_timeout(at(35));
    assert!(machine.is_due());
    assert!(!machine.is_overdue());
    machine.handle_timeout(at(110));
    assert!(machine.is_overdue());
    assert_eq!(machine.account(), None);
    machine.handle_overdue(at(110), &mut Facts);
    let reason = machine.account().map(|death| death.reason);
    assert_eq!(reason, Some(Reason::Unclosed { sent: false, received: false }));
}

#[test]
fn s4_what_follows_an_error_of_the_inner_is_waited_for_by_c() {
    let mut machine = machine(rules());
    machine.handle_stream_error(at(10));
    assert!(!machine.is_due());
    machine.handle_timeout(at(35));
    assert!(machine.is_due());
}

#[test]
fn k4_a_flush_sends_the_close_unless_a_message_waits_for_its_own() {
    let mut machine = machine(rules());
    assert!(!machine.awaits_flush(false));
    machine.handle_close(CloseBy::Intent, at(10));
    assert!(!machine.awaits_flush(false));
    machine.handle_close(CloseBy::User, at(10));
    assert!(machine.awaits_flush(false));
    assert!(!machine.awaits_flush(true));
    machine.handle_flushed(at(11), true);
    assert!(!machine.awaits_flush(false));
}

#[test]
fn k1_a_flush_sends_our_close_unless_a_message_waits_for_its_own() {
    let mut machine = machine(rules());
    machine.handle_timeout(at(50));
    send(&mut machine, at(50));
    hears(&mut machine);
    wait(&mut machine, at(300));
    assert!(machine.is_dying());
    assert!(!machine.awaits_flush(false));
    machine.handle_handed(Frame::Close);
    assert!(machine.awaits_flush(false));
    assert!(!machine.awaits_flush(true));
    machine.handle_flushed(at(301), true);
    assert!(!machine.awaits_flush(false));
}
