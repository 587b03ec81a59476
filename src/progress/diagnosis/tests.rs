//! Every text of a [`Diagnosis`].

use std::time::Duration;

use super::*;

fn text(finding: Finding, tcp: Option<TcpSnapshot>, trickle: Option<u64>) -> String {
    Diagnosis { finding, tcp, trickle }.to_string()
}

fn seen() -> Option<TcpSnapshot> {
    Some(TcpSnapshot {
        unacknowledged: 54,
        unsent: 40,
        retransmissions: 7,
        since_acknowledged: Duration::from_secs(21),
        since_received: Duration::from_secs(22),
        ..TcpSnapshot::default()
    })
}

#[test]
fn each_finding_has_its_figures_beside_it() {
    assert_eq!(
        text(Finding::PathDead, seen(), None),
        "path dead: 54 bytes unacknowledged, 7 retransmissions, last acknowledgement 21.0s ago"
    );
    assert_eq!(
        text(Finding::PeerHung, seen(), None),
        "peer hung: its kernel acknowledged our ping, nobody answered; last data 22.0s ago"
    );
    assert_eq!(text(Finding::WindowFull, seen(), None), "peer does not read: its window is full, 40 bytes wait for it");
    assert_eq!(text(Finding::Trickle, None, Some(2)), "trickle: 2 bytes in the last timeout, no message among them");
}

#[test]
fn what_is_not_known_is_said_in_words() {
    assert_eq!(text(Finding::Unknown, None, None), "the progress source cannot tell which layer died");
    assert_eq!(
        text(Finding::Unknown, seen(), None),
        "TCP alone does not tell: 54 bytes unacknowledged, last acknowledgement 21.0s ago, last data 22.0s ago"
    );
}
