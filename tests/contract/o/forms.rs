//! What is written down with serde: words, and numbers with their unit in the name.

use futures_util::StreamExt;
use serde_json::{json, to_value};
use tokio::time::advance;
use ws_liveness::progress::Finding;
use ws_liveness::{Cause, End, Event, Health, LivenessError};

use crate::scripted::*;

#[test]
fn ends_causes_and_health_are_words() {
    assert_eq!(to_value([Health::Alive, Health::Suspect]).unwrap(), json!(["alive", "suspect"]));
    assert_eq!(to_value(Health::Ended(End::EndOfStream)).unwrap(), json!({"ended": "end_of_stream"}));
    assert_eq!(to_value((Cause::SendFailed, Finding::PeerHung)).unwrap(), json!(["send_failed", "peer_hung"]));
    assert_eq!(to_value([Event::Missed, Event::Ended(End::Closed)]).unwrap(), json!(["missed", {"ended": "closed"}]));
}

#[tokio::test(start_paused = true)]
async fn an_error_says_all_it_knows_in_seconds() {
    let (peer, mut ws) = live(exact());
    peer.at(ms(20_250), |peer| peer.answers(0));
    let fault = loop {
        if let Err(fault) = ws.next().await.unwrap() {
            break fault;
        }
    };
    let error = to_value(LivenessError::find(&fault).unwrap()).unwrap();
    assert_eq!(
        error,
        json!({
            "layer": "protocol",
            "cause": "pong_timeout",
            "message": LivenessError::find(&fault).unwrap().to_string(),
            "since_queued_seconds": 20.0,
            "since_flushed_seconds": 20.0,
            "since_inbound_seconds": 39.75,
            "since_pong_seconds": 39.75,
            "deferrals": 0,
            "misses": 1,
            "saw_foreign_pongs": false,
            "diagnosis": null,
            "source": null,
            "stats": {
                "pings_sent": 2,
                "pongs_received": 1,
                "misses": 1,
                "deferrals": 0,
                "last_rtt_seconds": 0.25,
                "min_rtt_seconds": 0.25,
                "max_rtt_seconds": 0.25,
                "smoothed_rtt_seconds": 0.25,
                "rtt_variance_seconds": 0.125,
                "last_inbound_seconds": 39.75,
            },
        })
    );
}

/// As the documentation of `Monitor` shows it.
#[tokio::test(start_paused = true)]
async fn a_monitor_is_one_connection_of_a_health_page() {
    let (peer, mut ws) = live(exact());
    let monitor = ws.monitor();
    let alive = to_value(&monitor).unwrap();
    assert_eq!((&alive["health"], &alive["end"], &alive["error"]), (&json!("alive"), &json!(null), &json!(null)));
    assert!(death(&peer, &mut ws, secs(40)).await.is_some());
    drop(ws);
    advance(secs(5)).await;
    let source = include_str!("../../../src/monitor/mod.rs");
    let example = source.split("/// ```json").nth(1).and_then(|rest| rest.split("/// ```").next()).expect("it has one");
    let documented: serde_json::Value = serde_json::from_str(&example.replace("///", "")).unwrap();
    assert_eq!(to_value(&monitor).unwrap(), documented);
}
