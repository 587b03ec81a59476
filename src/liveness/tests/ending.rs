//! Verdicts that have fallen, and closing handshakes.

use super::*;

#[test]
fn k1_the_grace_is_the_lesser_of_c_and_one_second() {
    for (c, grace) in [(C, 1_000_000_000), (5, 5)] {
        let mut machine = sent(builder().close_timeout(Duration::from_nanos(c)), I, I);
        expire(&mut machine, I + T, false, DRAINED);
        assert_eq!(machine.poll_timeout(), at(I + T + grace));
        assert_eq!(machine.judge(at(I + T + grace - 1), ITEM), Judgement::Nothing);
        assert_eq!(machine.judge(at(I + T + grace), ITEM), Judgement::GraceOver);
    }
}

#[test]
fn k4_the_handshake_has_c_from_its_first_close() {
    for (first, second) in [(CloseBy::User, CloseBy::Peer), (CloseBy::Peer, CloseBy::User)] {
        let mut machine = machine(builder());
        machine.handle_close(first, at(9));
        machine.handle_close(first, at(90));
        assert_eq!(machine.poll_timeout(), at(9 + C));
        assert_eq!(machine.judge(at(9 + C - 1), DRAINED), Judgement::Nothing);
        let mut complete = sent(builder(), I, I);
        complete.handle_close(first, at(I + 9));
        complete.handle_close(second, at(I + 10));
        assert!(complete.awaits_flush() && !complete.is_closed(), "what is not flushed is not sent");
        complete.handle_flushed(at(I + 11));
        assert!(complete.is_closed() && !machine.is_closed());
        assert_eq!(complete.judge(at(I + 9 + C), DRAINED), Judgement::Closed);
        assert_eq!(machine.judge(at(9 + C), DRAINED), Judgement::Verdict(Cause::CloseTimeout));
    }
}

#[test]
fn k4_after_an_error_of_the_stream_only_the_users_close_has_a_bound() {
    let mut machine = sent(builder(), I, I);
    machine.handle_stream_error();
    machine.handle_close(CloseBy::Peer, at(I + 9));
    assert_eq!(machine.poll_timeout(), Time::NEVER, "the inner still has the word");
    machine.handle_close(CloseBy::User, at(I + 10));
    assert_eq!(machine.poll_timeout(), at(I + 10 + C));
}

#[test]
fn k1_the_farewell_is_done_when_it_is_flushed_or_refused() {
    for refused in [false, true] {
        let mut machine = sent(builder(), I, I);
        machine.handle_frame();
        expire(&mut machine, I + T, false, DRAINED);
        expire(&mut machine, I + 2 * T, true, DRAINED);
        assert_eq!(machine.dying(), Some((Farewell::Unsaid, true)));
        machine.handle_flushed(at(I + 2 * T));
        assert_eq!(machine.dying(), Some((Farewell::Unsaid, true)), "a flush of something else");
        machine.handle_farewell();
        assert_eq!(machine.dying(), Some((Farewell::Handed, true)));
        if refused {
            machine.handle_failure();
            assert_eq!(machine.dying(), Some((Farewell::Done, false)), "nobody waits for an answer to it");
        } else {
            machine.handle_flushed(at(I + 2 * T));
            assert_eq!(machine.dying(), Some((Farewell::Done, true)));
        }
    }
}
