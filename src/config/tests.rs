use super::*;

#[test]
fn a_configuration_is_shown_by_the_names_of_its_setters() {
    assert_eq!(
        format!("{:?}", LiveConfig::default()),
        "LiveConfig { ping_interval: 20s, jitter: 0.2, pong_timeout: 20s, write_timeout: 30s, close_timeout: 10s, \
         max_deferrals: 1, missed_pongs: 1, min_progress_rate: 1024, max_pong_backlog: 1048576, ping_when: Always, \
         judging: FromStart, \
         close_code: 3008, close_reason: None }"
    );
}

#[test]
fn an_endless_duration_is_shown_as_never_and_so_is_what_follows_from_it() {
    let builder = LiveConfig::builder().pong_timeout(Duration::MAX).close_reason("gone");
    let shown = format!("{builder:?}");
    assert!(shown.starts_with("LiveConfigBuilder { ping_interval: 20s"), "{shown}");
    for words in ["pong_timeout: never,", "judging: Never,", "close_reason: Some(\"gone\")"] {
        assert!(shown.contains(words), "{shown}");
    }
}
