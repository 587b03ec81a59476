//! Settings at the ends of what is legal.

use std::time::Duration;

use ws_liveness::PingWhen;

use super::dice::Dice;
use super::families::both;
use super::judging::{Judging, judge};
use super::scenario::{Answer, Scenario};

pub fn extreme(it: &mut Scenario, moment: Duration, dice: &mut Dice) {
    const NS: Duration = Duration::from_nanos(1);
    const YEAR: Duration = Duration::from_secs(365 * 86400);
    let t = it.config.pong_timeout();
    let builder = it.config.to_builder();
    let builder = match dice.number(0..=8) {
        0 => builder.ping_interval(NS),
        1 => builder.pong_timeout(NS),
        2 => builder.write_timeout(NS).ping_interval(t),
        3 => builder.ping_interval(YEAR),
        4 => builder.pong_timeout(Duration::MAX),
        5 => builder.write_timeout(Duration::MAX).close_timeout(NS),
        6 => builder.ping_when(PingWhen::Idle),
        7 => judge(Judging::AfterFirstPong, builder),
        _ => judge(Judging::Never, builder),
    };
    it.config = builder.build().unwrap();
    it.horizon = (moment + t * 6).max(t.mul_f64(12.0));
    match dice.number(0..=3) {
        0 => both(it, dice.times(t, 0.5, 4.0)),
        1 => it.peer.answer = Answer::Never,
        _ => {}
    }
}
