//! Configuration files: what people write, and what they are told where it is wrong.

use std::time::Duration;

use serde::Deserialize;
use ws_liveness::{Judging, LiveConfig, LiveOverrides, PingWhen};

const ALL: &str = r#"
    ping_interval = "1m 30s"
    jitter = 0.5
    pong_timeout = "250ms"
    write_timeout = "never"
    close_timeout = "3s"
    max_deferrals = 4
    missed_pongs = 2
    min_progress_rate = 0
    max_pong_backlog = 65536
    ping_when = "idle"
    judging = "never"
    close_code = 4408
    close_reason = "gone"
"#;

fn built() -> LiveConfig {
    LiveConfig::builder()
        .ping_interval(Duration::from_secs(90))
        .jitter(0.5)
        .pong_timeout(Duration::from_millis(250))
        .write_timeout(Duration::MAX)
        .close_timeout(Duration::from_secs(3))
        .max_deferrals(4)
        .missed_pongs(2)
        .min_progress_rate(0)
        .max_pong_backlog(65536)
        .ping_when(PingWhen::Idle)
        .judging(Judging::Never)
        .close_code(4408)
        .close_reason("gone")
        .build()
        .unwrap()
}

fn toml_error(text: &str) -> String {
    toml::from_str::<LiveConfig>(text).unwrap_err().to_string()
}

#[test]
fn every_value_can_be_written_and_is_read_as_the_setter_would_take_it() {
    assert_eq!(toml::from_str::<LiveConfig>(ALL).unwrap(), built());
}

#[test]
fn every_way_of_judging_has_a_name() {
    for (name, judging) in
        [("from_start", Judging::FromStart), ("after_first_pong", Judging::AfterFirstPong), ("never", Judging::Never)]
    {
        let config = LiveConfig::builder().judging(judging).build().unwrap();
        assert_eq!(toml::from_str::<LiveConfig>(&format!("judging = \"{name}\"")).unwrap(), config);
        assert_eq!(serde_json::to_value(&config).unwrap()["judging"], name);
    }
    for gone in ["keep_alive_only", "judge_after_first_pong"] {
        assert!(toml_error(&format!("{gone} = true")).contains("unknown field"), "{gone}");
    }
}

#[test]
fn what_is_absent_is_the_default() {
    assert_eq!(toml::from_str::<LiveConfig>("").unwrap(), LiveConfig::default());
    assert_eq!(serde_json::from_str::<LiveConfig>("{}").unwrap(), LiveConfig::default());
    let config: LiveConfig = serde_json::from_str(r#"{"ping_interval": "20s", "missed_pongs": 3}"#).unwrap();
    assert_eq!(config, LiveConfig::builder().missed_pongs(3).build().unwrap());
}

#[test]
fn what_is_written_is_read_again() {
    for config in [built(), LiveConfig::default()] {
        let text = toml::to_string(&config).unwrap();
        assert_eq!(toml::from_str::<LiveConfig>(&text).unwrap(), config, "{text}");
        let text = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<LiveConfig>(&text).unwrap(), config, "{text}");
    }
}

#[test]
fn the_builder_checks_and_its_words_are_the_error() {
    let cases = [
        ("ping_interval = \"0s\"", "`ping_interval` is 0ns, allowed is more than 0"),
        ("jitter = 1.0", "`jitter` is 1.0, allowed is from 0.0 to less than 1.0"),
        ("jitter = nan", "`jitter` is NaN, allowed is from 0.0 to less than 1.0"),
        ("missed_pongs = 0", "`missed_pongs` is 0, allowed is 1 or more"),
        ("close_code = 1006", "`close_code` is 1006, allowed is 1000-1003, 1007-1013 or 3000-4999"),
    ];
    for (text, words) in cases {
        assert!(toml_error(text).contains(words), "{}", toml_error(text));
    }
    let error = serde_json::from_str::<LiveConfig>(r#"{"close_code": 999}"#).unwrap_err().to_string();
    assert!(error.contains("`close_code` is 999, allowed is"), "{error}");
}

#[test]
fn an_unknown_name_is_refused() {
    assert!(toml_error("ping_intervall = \"20s\"").contains("unknown field `ping_intervall`"));
    let error = serde_json::from_str::<LiveOverrides>(r#"{"interval": "20s"}"#).unwrap_err().to_string();
    assert!(error.contains("unknown field `interval`"), "{error}");
}

#[test]
fn what_is_no_duration_is_refused_with_an_example() {
    for text in ["pong_timeout = \"20 parsecs\"", "pong_timeout = \"\"", "pong_timeout = \"-1s\""] {
        assert!(toml_error(text).contains("is not a duration such as \"20s\""), "{}", toml_error(text));
    }
    assert!(toml_error("pong_timeout = 20").contains("expected a string"), "{}", toml_error("pong_timeout = 20"));
}

#[test]
fn overrides_change_what_they_name_and_nothing_else() {
    let base = built();
    let none: LiveOverrides = toml::from_str("").unwrap();
    assert_eq!(none.over(&base).unwrap(), base);
    let some: LiveOverrides = toml::from_str("ping_interval = \"5s\"\njudging = \"after_first_pong\"").unwrap();
    let expected =
        base.to_builder().ping_interval(Duration::from_secs(5)).judging(Judging::AfterFirstPong).build().unwrap();
    assert_eq!(some.over(&base).unwrap(), expected);
    let wrong: LiveOverrides = toml::from_str("missed_pongs = 0").unwrap();
    assert_eq!(wrong.over(&base).unwrap_err().field(), "missed_pongs");
}

/// Overrides beside a name of the user's, not in a table of their own.
#[derive(Debug, Deserialize)]
struct Flattened {
    name: String,
    #[serde(flatten)]
    live: LiveOverrides,
}

#[test]
fn flattened_overrides_are_read_and_a_misspelt_one_is_refused() {
    let read: Flattened = toml::from_str("name = \"a\"\nping_interval = \"5s\"").unwrap();
    let live = read.live.over(&LiveConfig::default()).unwrap();
    assert_eq!((read.name.as_str(), live.ping_interval()), ("a", Duration::from_secs(5)));
    let misspelt = toml::from_str::<Flattened>("name = \"a\"\nping_intervall = \"5s\"").unwrap_err().to_string();
    assert!(misspelt.contains("unknown field `ping_intervall`"), "{misspelt}");
    let misspelt = serde_json::from_str::<Flattened>(r#"{"name": "a", "misses": 2}"#).unwrap_err().to_string();
    assert!(misspelt.contains("unknown field `misses`, expected one of `ping_interval`"), "{misspelt}");
}

/// Why the documentation says "nest it".
#[test]
fn flattened_overrides_do_not_go_with_a_struct_flattened_after_them_or_with_an_outer_one_that_denies() {
    #[derive(Debug, Deserialize)]
    struct Limits {
        max_connections: u32,
    }
    #[derive(Debug, Deserialize)]
    struct Last {
        #[serde(flatten)]
        limits: Limits,
        #[serde(flatten)]
        live: LiveOverrides,
    }
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "never made")]
    struct First {
        #[serde(flatten)]
        live: LiveOverrides,
        #[serde(flatten)]
        limits: Limits,
    }
    let text = r#"{"max_connections": 10, "missed_pongs": 2}"#;
    let last: Last = serde_json::from_str(text).unwrap();
    let live = last.live.over(&LiveConfig::default()).unwrap();
    assert_eq!((last.limits.max_connections, live.missed_pongs()), (10, 2));
    let refused = serde_json::from_str::<First>(text).unwrap_err().to_string();
    assert!(refused.contains("unknown field `max_connections`"), "{refused}");
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "never made")]
    struct Denying {
        #[serde(flatten)]
        live: LiveOverrides,
    }
    let refused = serde_json::from_str::<Denying>(r#"{"missed_pongs": 2}"#).unwrap_err().to_string();
    assert!(refused.contains("unknown field `missed_pongs`"), "{refused}");
}

/// Another reason: serde drops the error, and the overrides with it.
#[test]
fn flattened_overrides_in_an_option_are_lost_with_a_misspelt_one() {
    #[derive(Debug, Deserialize)]
    struct Perhaps {
        #[serde(flatten)]
        live: Option<LiveOverrides>,
    }
    let read: Perhaps = serde_json::from_str(r#"{"missed_pongs": 2, "mised_pongs": 3}"#).unwrap();
    assert_eq!(read.live, None);
}
