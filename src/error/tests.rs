//! Every text of a [`LivenessError`]: guide pages and dashboards are keyed by them.

use super::*;
use crate::liveness::Reason;
use crate::progress::{Finding, TcpSnapshot};

const SECOND: Duration = Duration::from_secs(1);

/// A verdict on a connection that was well until 31 s ago, by its cause alone.
fn report(cause: Cause) -> Report {
    let stats = LiveStats { pings_sent: 3, pongs_received: 2, last_inbound: Some(31 * SECOND), ..LiveStats::default() };
    Report {
        layer: Layer::Protocol,
        cause,
        reason: Reason::Unanswered,
        since_queued: None,
        since_flushed: None,
        since_pong: Some(31 * SECOND),
        deferrals: 0,
        misses: 1,
        foreign: false,
        diagnosis: None,
        stats,
        source: None,
    }
}

fn text(report: Report) -> String {
    LivenessError::new(report).to_string()
}

fn unanswered() -> Report {
    Report { since_queued: Some(21 * SECOND), since_flushed: Some(20 * SECOND), ..report(Cause::PongTimeout) }
}

#[test]
fn a_pong_timeout_tells_when_the_peer_was_last_heard_of() {
    let expected = "pong timeout: ping sent 20.000s ago was not answered, last frame seen 31.000s ago";
    assert_eq!(text(unanswered()), expected);
}

#[test]
fn a_peer_that_never_sent_anything_is_told_from_one_that_fell_silent() {
    let stats = LiveStats { pings_sent: 1, ..LiveStats::default() };
    let expected = "pong timeout: ping sent 20.000s ago was not answered, no frame was ever seen";
    assert_eq!(text(Report { stats, ..unanswered() }), expected);
}

#[test]
fn a_peer_that_talks_and_has_never_answered_is_told_from_one_that_did() {
    let stats = LiveStats { pings_sent: 3, last_inbound: Some(SECOND), ..LiveStats::default() };
    let expected = "pong timeout: ping sent 20.000s ago was not answered, last frame seen 1.000s ago, none of 3 pings \
                    was answered";
    assert_eq!(text(Report { stats, ..unanswered() }), expected);
}

#[test]
fn pongs_with_foreign_payloads_are_told() {
    let expected = "pong timeout: ping sent 20.000s ago was not answered, last frame seen 31.000s ago; pongs came whose \
                    payload was not ours";
    assert_eq!(text(Report { foreign: true, ..unanswered() }), expected);
}

#[test]
fn a_ping_that_could_not_leave_is_said_to_be_queued() {
    let stalled = Report { since_queued: Some(30 * SECOND), ..report(Cause::WriteStalled) };
    let expected = "write stalled: ping queued 30.000s ago could not be sent, last frame seen 31.000s ago";
    assert_eq!(text(stalled), expected);
    let failed = Report { since_queued: Some(SECOND), ..report(Cause::PingFailed) };
    assert_eq!(text(failed), "ping failed: ping queued 1.000s ago could not be sent, last frame seen 31.000s ago");
    let refused = text(report(Cause::PingFailed));
    assert_eq!(refused, "ping failed: one of our frames was refused, last frame seen 31.000s ago");
}

#[test]
fn what_is_no_verdict_is_told_in_words_too() {
    let close =
        |sent, received| text(Report { reason: Reason::Unclosed { sent, received }, ..report(Cause::CloseTimeout) });
    assert_eq!(close(true, false), "close timeout: our Close was not answered in time");
    assert_eq!(close(false, true), "close timeout: the peer's Close could not be answered in time");
    assert_eq!(close(false, false), "close timeout: our Close could not be sent in time");
    assert_eq!(text(report(Cause::SendFailed)), "send failed: the sink has failed before");
    let refused = Report { source: Some("full".into()), ..report(Cause::SendFailed) };
    assert_eq!(text(refused), "send failed: a message that was accepted was refused later");
    let flood = Report { reason: Reason::Flooded { owed: 1048704 }, ..report(Cause::PingFlood) };
    let expected = "ping flood: the peer sends pings and does not read the answers; 1048704 bytes of them wait to be sent, \
                    more than `max_pong_backlog` allows";
    assert_eq!(text(flood), expected);
    assert_eq!(text(report(Cause::Dropped)), "dropped: the task that drove the connection is gone");
}

#[test]
fn a_layer_is_named_only_if_it_is_known() {
    let known = |finding, tcp| {
        let diagnosis = Some(Diagnosis { finding, tcp, trickle: None });
        text(Report { diagnosis, ..unanswered() })
    };
    let plain = text(unanswered());
    assert_eq!(known(Finding::Unknown, None), plain);
    let tcp = Some(TcpSnapshot { since_received: 31 * SECOND, ..TcpSnapshot::default() });
    assert!(known(Finding::Unknown, tcp).starts_with(&format!("{plain}; TCP alone does not tell: ")));
    assert!(known(Finding::PeerHung, tcp).starts_with(&format!("{plain}; peer hung: ")));
}
