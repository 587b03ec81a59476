//! What is not held against a peer: a late judge, a consumer that was away, a silence that nobody may judge (J6, J7, J9).

use super::*;

const BACKLOGGED: View = View::Drained { backlogged: true };

#[test]
fn j6_a_late_judge_pardons_once() {
    let mut machine = sent(builder().max_deferrals(9), I, I);
    let late = I + T + LATE + 1;
    assert_eq!(expire(&mut machine, late, false, DRAINED), Judgement::Pardoned);
    flush(&mut machine, late);
    let later = late + T + LATE + 1;
    let verdict = expire(&mut machine, later, true, DRAINED);
    assert_eq!(verdict, Judgement::Verdict(Cause::PongTimeout), "no deferral, no second pardon");
}

#[test]
fn j6_an_answer_makes_a_pardon_possible_again_and_the_limit_is_exact() {
    let mut machine = sent(builder(), I, I);
    assert_eq!(expire(&mut machine, I + T + LATE + 1, false, DRAINED), Judgement::Pardoned);
    let number = flush(&mut machine, I + 2 * T);
    machine.handle_answer(number, at(I + 2 * T));
    send(&mut machine, 9 * I, 9 * I);
    assert_eq!(expire(&mut machine, 9 * I + T + LATE + 1, false, DRAINED), Judgement::Pardoned);
    let mut machine = sent(builder(), I, I);
    assert_eq!(expire(&mut machine, I + T + LATE, false, DRAINED), Judgement::Verdict(Cause::PongTimeout));
}

#[test]
fn j6_w_is_pardoned_once_per_ping() {
    let mut machine = machine(builder());
    machine.handle_timeout(at(I));
    let late = I + W + W / 4 + 1;
    assert_eq!(expire(&mut machine, late, false, DRAINED), Judgement::Pardoned);
    assert_eq!(machine.poll_timeout(), at(late + W));
    assert_eq!(expire(&mut machine, late + 3 * W, false, DRAINED), Judgement::Verdict(Cause::WriteStalled));
}

#[test]
fn j7_an_absence_costs_neither_a_deferral_nor_the_pardon() {
    let mut machine = sent(builder(), I, I);
    let mut now = I;
    for _ in 0..20 {
        machine.handle_absence(at(now), at(now + T + LATE + 1));
        now += T + LATE + 1;
        assert_eq!(expire(&mut machine, now, true, DRAINED), Judgement::Nothing);
    }
    assert_eq!(machine.poll_timeout(), at(now + T));
    assert_eq!(expire(&mut machine, now + T, false, DRAINED), Judgement::Deferred);
    assert_eq!(expire(&mut machine, now + 3 * T, false, DRAINED), Judgement::Pardoned);
}

#[test]
fn j7_a_busy_consumer_is_not_held_against_a_peer_that_drains() {
    let mut machine = machine(builder());
    let mut now = I;
    machine.handle_timeout(at(now));
    for view in [BACKLOGGED, View::Item { backlogged: true }, BACKLOGGED] {
        now += W + W / 4 + 1;
        assert_eq!(expire(&mut machine, now, true, view), Judgement::Backlogged);
    }
    assert_eq!(expire(&mut machine, now + W, true, BACKLOGGED), Judgement::Verdict(Cause::WriteStalled), "not late");
}

#[test]
fn j7_t_is_the_time_that_the_consumer_waits_taken_together() {
    let mut machine = sent(builder(), I, I);
    machine.handle_absence(at(I + T / 4), at(I + T));
    machine.handle_absence(at(I + T + T / 4), at(I + 2 * T));
    // It has waited for two quarters of T.
    let end = I + 3 * T - 2 * (T / 4);
    assert_eq!(expire(&mut machine, end - 1, false, DRAINED), Judgement::Nothing);
    assert_eq!(expire(&mut machine, end, false, DRAINED), Judgement::Verdict(Cause::PongTimeout));
}

#[test]
fn j6_who_comes_back_when_a_judge_would_be_late_has_its_pardon_in_the_end() {
    for (late, judgement) in [(LATE, Judgement::Verdict(Cause::PongTimeout)), (LATE + 1, Judgement::Pardoned)] {
        let mut machine = sent(builder(), I, I);
        machine.handle_absence(at(I + T - 1), at(I + T + late));
        assert_eq!(expire(&mut machine, I + T + late, false, DRAINED), Judgement::Nothing);
        assert_eq!(expire(&mut machine, I + T + late + 1, false, DRAINED), judgement);
        // After a deferral all of T was waited once more.
        let mut machine = sent(builder(), I, I);
        machine.handle_absence(at(I + T - 1), at(I + T + late));
        assert_eq!(expire(&mut machine, I + T + late + 1, true, DRAINED), Judgement::Deferred);
        let end = expire(&mut machine, I + 2 * T + late + 1, false, DRAINED);
        assert_eq!(end, Judgement::Verdict(Cause::PongTimeout));
    }
}

#[test]
fn j7_who_goes_away_when_all_of_t_is_over_has_waited_for_it() {
    for (left, judgement) in [(I + T, Judgement::Pardoned), (I + T - 1, Judgement::Nothing)] {
        let mut machine = sent(builder(), I, I);
        machine.handle_absence(at(left), at(I + 9 * T));
        assert_eq!(expire(&mut machine, I + 9 * T, false, DRAINED), judgement);
    }
}

#[test]
fn j9_the_ping_that_is_under_way_at_the_first_answer_is_judged_from_its_flush() {
    let mut machine = sent(builder().judge_after_first_pong(true), I, I);
    expire(&mut machine, 2 * I, false, DRAINED);
    send(&mut machine, 2 * I, 2 * I);
    assert_eq!(machine.poll_timeout(), at(3 * I));
    machine.handle_answer(1, at(2 * I + 1));
    assert_eq!(machine.poll_timeout(), at(2 * I + T));
}

#[test]
fn j7_an_absence_counts_from_the_flush() {
    let mut machine = sent(builder(), I, I);
    machine.handle_absence(at(0), at(I + T));
    assert_eq!(expire(&mut machine, I + T, false, DRAINED), Judgement::Nothing);
    assert_eq!(expire(&mut machine, I + 2 * T, false, DRAINED), Judgement::Verdict(Cause::PongTimeout));
}

#[test]
fn j9_nothing_is_judged_before_the_first_answer_and_pings_go_on() {
    for builder in [builder().judge_after_first_pong(true), builder().keep_alive_only(true)] {
        let mut machine = machine(builder);
        for round in 1..5 {
            send(&mut machine, round * I, round * I);
            assert!(!machine.is_judging());
            assert_eq!(machine.poll_timeout(), at((round + 1) * I), "outstanding until the next is due");
            assert_eq!(expire(&mut machine, (round + 1) * I, false, ITEM), Judgement::Unjudged);
        }
    }
    let mut machine = sent(builder().judge_after_first_pong(true), I, I);
    machine.handle_answer(1, at(I + 1));
    assert!(machine.is_judging());
    send(&mut machine, 2 * I, 2 * I);
    assert_eq!(expire(&mut machine, 2 * I + T, false, DRAINED), Judgement::Verdict(Cause::PongTimeout));
}
