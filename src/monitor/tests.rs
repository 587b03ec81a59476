use super::*;

#[test]
fn a_monitor_shows_how_the_connection_is() {
    let shared = Shared::new(true);
    let monitor = Monitor::new(shared.clone());
    assert_eq!(
        format!("{monitor:?}"),
        "Monitor { health: Alive, last_rtt: None, smoothed_rtt: None, last_inbound: None, pings_sent: 0, \
         pongs_received: 0, misses: 0, is_judging: true, is_reading: true, .. }"
    );
    count(&mut shared.board().stats.pings_sent);
    shared.board().stats.handle_rtt(Duration::from_millis(25));
    shared.set_health(Health::Suspect);
    let shown = format!("{monitor:?}");
    for words in ["health: Suspect,", "last_rtt: Some(25ms),", "pings_sent: 1,"] {
        assert!(shown.contains(words), "{shown}");
    }
}
