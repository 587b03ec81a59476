use super::*;

/// A source that has read this many bytes.
struct Read(u64);

impl Progress for Read {
    fn look(&self) -> Snapshot {
        Snapshot::new().with_read(self.0)
    }
}

/// What `with_progress` takes.
fn looked(source: impl Progress + 'static) -> Option<u64> {
    source.look().read
}

#[test]
fn a_source_may_be_shared_boxed_or_borrowed() {
    static LASTING: Read = Read(4);
    let shared: Arc<dyn Progress> = Arc::new(Read(2));
    let boxed: Box<dyn Progress> = Box::new(Read(3));
    assert_eq!([looked(Arc::new(Read(1))), looked(shared.clone()), looked(shared)], [1, 2, 2].map(Some));
    assert_eq!([looked(boxed), looked(&LASTING)], [3, 4].map(Some));
}

#[test]
fn every_field_of_a_sight_has_a_setter() {
    let tcp = TcpSnapshot {
        acknowledged: 1,
        unacknowledged: 2,
        unsent: 3,
        retransmissions: 4,
        probes: 5,
        window: Some(6),
        segment: 7,
        since_acknowledged: Duration::from_secs(8),
        since_received: Duration::from_secs(9),
    };
    let built = TcpSnapshot::new()
        .with_acknowledged(1)
        .with_unacknowledged(2)
        .with_unsent(3)
        .with_retransmissions(4)
        .with_probes(5)
        .with_window(6)
        .with_segment(7)
        .with_since_acknowledged(Duration::from_secs(8))
        .with_since_received(Duration::from_secs(9));
    assert_eq!(built, tcp);
    let sight = Snapshot { read: Some(10), written: Some(11), tcp: Some(tcp) };
    assert_eq!(Snapshot::new().with_read(10).with_written(11).with_tcp(built), sight);
    assert_eq!((Snapshot::new(), TcpSnapshot::new()), Default::default());
}

#[test]
fn a_finding_has_a_word_for_labels() {
    let all = [Finding::PathDead, Finding::PeerHung, Finding::WindowFull, Finding::Trickle, Finding::Unknown];
    assert_eq!(all.map(Finding::as_str), ["path_dead", "peer_hung", "window_full", "trickle", "unknown"]);
    #[cfg(feature = "serde")]
    for finding in all {
        assert_eq!(serde_json::to_value(finding).unwrap(), finding.as_str());
    }
}

#[cfg(feature = "serde")]
#[test]
fn a_diagnosis_is_serialised_with_its_ages_in_seconds() {
    let tcp = TcpSnapshot::new()
        .with_acknowledged(1)
        .with_window(6)
        .with_since_acknowledged(Duration::from_millis(1_250))
        .with_since_received(Duration::from_secs(9));
    let diagnosis = Diagnosis { finding: Finding::PeerHung, tcp: Some(tcp), trickle: None };
    assert_eq!(
        serde_json::to_value(diagnosis).unwrap(),
        serde_json::json!({
            "finding": "peer_hung",
            "tcp": {
                "acknowledged": 1,
                "unacknowledged": 0,
                "unsent": 0,
                "retransmissions": 0,
                "probes": 0,
                "window": 6,
                "segment": 0,
                "since_acknowledged_seconds": 1.25,
                "since_received_seconds": 9.0,
            },
            "trickle": null,
        })
    );
}
