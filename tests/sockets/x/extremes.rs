//! X2 and the configuration: never, a nanosecond, a year, zero, the defaults, and every refusal.

use std::time::Duration;

use futures_util::StreamExt;
use tokio::time::{Instant, timeout};
use ws_liveness::{Cause, Judging, LiveConfig, LiveConfigBuilder, PONG_TIMEOUT_CLOSE_CODE, PingWhen};

use crate::pair::{ROLES, WIDE, died_of, exact, piped, piped_raw, secs};

const NANO: Duration = Duration::from_nanos(1);
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// A silent peer: the instant and the cause of death within `limit`.
async fn death(config: LiveConfigBuilder, limit: Duration) -> Option<(Duration, Cause)> {
    let (mut live, _far) = piped_raw(WIDE, ROLES[0], &config.build().unwrap()).await;
    let start = Instant::now();
    let item = timeout(limit, live.next()).await.ok()?;
    Some((start.elapsed(), died_of(item)))
}

/// The same with a peer that does not read either.
async fn blocked_death(config: LiveConfigBuilder, limit: Duration) -> Option<(Duration, Cause)> {
    let (mut live, _far) = piped_raw(1, ROLES[0], &config.build().unwrap()).await;
    let start = Instant::now();
    let item = timeout(limit, live.next()).await.ok()?;
    Some((start.elapsed(), died_of(item)))
}

#[tokio::test(start_paused = true)]
async fn x2_an_interval_of_never_sends_nothing() {
    for config in [exact(), LiveConfig::builder()] {
        let config = config.ping_interval(Duration::MAX).build().unwrap();
        let (mut live, _far) = piped_raw(WIDE, ROLES[0], &config).await;
        assert!(timeout(YEAR, live.next()).await.is_err());
        assert_eq!(live.monitor().stats().pings_sent, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn x2_a_pong_timeout_of_never_pings_on_and_judges_nobody() {
    let config = exact().pong_timeout(Duration::MAX).build().unwrap();
    let (mut live, _far) = piped_raw(WIDE, ROLES[0], &config).await;
    assert!(timeout(secs(2000) + NANO, live.next()).await.is_err());
    assert_eq!(live.monitor().stats().pings_sent, 100, "one each interval");
    assert!(!live.monitor().is_judging());
}

#[tokio::test(start_paused = true)]
async fn x2_a_write_timeout_of_never_waits() {
    assert_eq!(blocked_death(exact().write_timeout(Duration::MAX), YEAR).await, None);
    assert_eq!(blocked_death(exact(), YEAR).await, Some((secs(51), Cause::WriteStalled)), "I + W and the grace");
}

#[tokio::test(start_paused = true)]
async fn x2_a_close_timeout_of_never_waits_for_the_handshake_but_not_after_a_verdict() {
    let config = exact().close_timeout(Duration::MAX).build().unwrap();
    let (mut live, _far) = piped_raw(WIDE, ROLES[0], &config).await;
    futures_util::SinkExt::close(&mut live).await.unwrap();
    assert!(timeout(YEAR, live.next()).await.is_err());
    let death = blocked_death(exact().close_timeout(Duration::MAX), YEAR).await;
    assert_eq!(death, Some((secs(51), Cause::WriteStalled)), "min(C, 1 s)");
}

#[tokio::test(start_paused = true)]
async fn x2_all_of_never() {
    let never = Duration::MAX;
    let config = exact().ping_interval(never).pong_timeout(never).write_timeout(never).close_timeout(never);
    assert_eq!(death(config, YEAR).await, None);
}

#[tokio::test(start_paused = true)]
async fn x2_a_year_is_exact() {
    assert_eq!(death(exact().ping_interval(YEAR), 3 * YEAR).await, Some((YEAR + secs(20), Cause::PongTimeout)));
    // A ping each I is out while T runs: at 20 s they would fill the pipe.
    let config = exact().ping_interval(YEAR / 4).pong_timeout(YEAR);
    assert_eq!(death(config, 3 * YEAR).await, Some((YEAR / 4 + YEAR, Cause::PongTimeout)));
    let stalled = Some((YEAR + secs(21), Cause::WriteStalled));
    assert_eq!(blocked_death(exact().write_timeout(YEAR), 3 * YEAR).await, stalled);
    let stalled = Some((secs(51), Cause::WriteStalled));
    assert_eq!(blocked_death(exact().close_timeout(YEAR), 3 * YEAR).await, stalled);
}

#[tokio::test(start_paused = true)]
async fn x2_an_interval_of_a_nanosecond_is_no_storm() {
    let (mut live, mut peer) = piped(WIDE, ROLES[0], &exact().ping_interval(NANO).build().unwrap()).await;
    let (read, _) = tokio::join!(timeout(secs(1), live.next()), timeout(secs(1), peer.next()));
    assert!(read.is_err(), "{read:?}");
    assert!(live.monitor().stats().pings_sent >= 1);
}

#[tokio::test(start_paused = true)]
async fn x2_a_pong_timeout_of_a_nanosecond_kills_the_silent_within_a_millisecond() {
    let (at, cause) = death(exact().pong_timeout(NANO), YEAR).await.unwrap();
    assert_eq!(cause, Cause::PongTimeout);
    assert!(at > secs(20) && at <= secs(20) + Duration::from_millis(1), "{at:?}");
}

#[tokio::test(start_paused = true)]
async fn x2_a_write_timeout_of_a_nanosecond_kills_the_blocked_and_only_them() {
    let (at, cause) = blocked_death(exact().write_timeout(NANO), YEAR).await.unwrap();
    assert_eq!(cause, Cause::WriteStalled);
    assert!(at > secs(20) && at <= secs(21) + Duration::from_millis(1), "{at:?}");
    let (mut live, mut peer) = piped(WIDE, ROLES[0], &exact().write_timeout(NANO).build().unwrap()).await;
    tokio::spawn(async move { while peer.next().await.is_some() {} });
    assert!(timeout(secs(3600), live.next()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn x2_a_close_timeout_of_a_nanosecond_ends_at_once() {
    let (mut live, _far) = piped_raw(WIDE, ROLES[0], &exact().close_timeout(NANO).build().unwrap()).await;
    let start = Instant::now();
    futures_util::SinkExt::close(&mut live).await.unwrap();
    assert_eq!(died_of(live.next().await), Cause::CloseTimeout);
    assert!(start.elapsed() <= Duration::from_millis(1));
}

#[tokio::test(start_paused = true)]
async fn x2_all_of_a_nanosecond() {
    let config = exact().ping_interval(NANO).pong_timeout(NANO).write_timeout(NANO).close_timeout(NANO);
    let (at, cause) = death(config, YEAR).await.unwrap();
    assert_eq!(cause, Cause::PongTimeout);
    assert!(at <= Duration::from_millis(3), "{at:?}");
}

/// Field, value and allowed values of the refusal.
fn refusal(config: LiveConfigBuilder) -> (&'static str, String, &'static str) {
    let error = config.build().unwrap_err();
    let (field, value, allowed) = (error.field(), error.value().to_string(), error.allowed());
    assert_eq!(error.to_string(), format!("`{field}` is {value}, allowed is {allowed}"));
    (field, value, allowed)
}

#[test]
fn x2_zero_is_refused_by_name() {
    let zero = Duration::ZERO;
    let cases = [
        ("ping_interval", exact().ping_interval(zero)),
        ("pong_timeout", exact().pong_timeout(zero)),
        ("write_timeout", exact().write_timeout(zero)),
        ("close_timeout", exact().close_timeout(zero)),
    ];
    for (field, config) in cases {
        assert_eq!(refusal(config), (field, "0ns".to_string(), "more than 0"));
    }
    assert_eq!(refusal(exact().missed_pongs(0)), ("missed_pongs", "0".to_string(), "1 or more"));
}

#[test]
fn s1_a_jitter_that_would_lengthen_or_erase_an_interval_is_refused() {
    for (jitter, value) in [(-0.1, "-0.1"), (1.0, "1.0"), (f64::NAN, "NaN"), (f64::INFINITY, "inf")] {
        let expected = ("jitter", value.to_string(), "from 0.0 to less than 1.0");
        assert_eq!(refusal(LiveConfig::builder().jitter(jitter)), expected);
    }
    for jitter in [0.0, -0.0, 0.5, 0.999] {
        assert!(LiveConfig::builder().jitter(jitter).build().is_ok());
    }
}

#[test]
fn k2_a_code_that_may_not_be_sent_is_refused() {
    let sendable = |code| matches!(code, 1000..=1003 | 1007..=1013 | 3000..=4999);
    for code in 0..=u16::MAX {
        let built = exact().close_code(code).build();
        assert_eq!(built.is_ok(), sendable(code), "{code}");
    }
    let expected = ("close_code", "1006".to_string(), "1000-1003, 1007-1013 or 3000-4999");
    assert_eq!(refusal(exact().close_code(1006)), expected);
}

#[test]
fn k2_a_long_reason_is_cut_on_a_character_boundary() {
    for (reason, len) in [("x".repeat(123), 123), ("x".repeat(124), 123), ("ä".repeat(62), 122), ("𝄞".repeat(31), 120)]
    {
        let config = exact().close_reason(&reason).build().unwrap();
        assert_eq!(config.close_reason(), Some(&reason[..len]));
    }
}

#[test]
fn the_defaults() {
    let config = LiveConfig::default();
    assert_eq!(config, LiveConfig::builder().build().unwrap());
    assert_eq!(config, config.to_builder().build().unwrap());
    assert_eq!(config.ping_interval(), secs(20));
    assert_eq!(config.jitter(), 0.2);
    assert_eq!(config.pong_timeout(), secs(20));
    assert_eq!(config.write_timeout(), secs(30));
    assert_eq!(config.close_timeout(), secs(10));
    assert_eq!((config.max_deferrals(), config.missed_pongs()), (1, 1));
    assert_eq!(config.min_progress_rate(), 1024);
    assert_eq!(config.ping_when(), PingWhen::Always);
    assert_eq!(config.judging(), Judging::FromStart);
    assert_eq!((config.close_code(), PONG_TIMEOUT_CLOSE_CODE), (3008, 3008));
    assert_eq!(config.close_reason(), None);
}
