//! The serde form of a `LiveConfig`, whole or as overrides of another.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

use super::{ConfigError, Judging, LiveConfig, PingWhen};

/// Some values of a [`LiveConfig`] that override those of another, such as one channel's over a default.
///
/// Fields have the names of the setters, and unknown ones are refused. Durations are texts as people write them
/// (`"20s"`, `"1m 30s"`), or `"never"` for `Duration::MAX`.
///
/// ```
/// use std::time::Duration;
/// use ws_liveness::{Judging, LiveConfig, LiveOverrides};
///
/// let default: LiveConfig = toml::from_str(r#"ping_interval = "30s""#)?;
/// let whatsapp: LiveOverrides = toml::from_str(r#"judging = "after_first_pong""#)?;
/// let whatsapp = whatsapp.over(&default)?;
/// assert_eq!(whatsapp.ping_interval(), Duration::from_secs(30));
/// assert_eq!(whatsapp.judging(), Judging::AfterFirstPong);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LiveOverrides {
    #[serde(with = "span", skip_serializing_if = "Option::is_none")]
    ping_interval: Option<Duration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jitter: Option<f64>,
    #[serde(with = "span", skip_serializing_if = "Option::is_none")]
    pong_timeout: Option<Duration>,
    #[serde(with = "span", skip_serializing_if = "Option::is_none")]
    write_timeout: Option<Duration>,
    #[serde(with = "span", skip_serializing_if = "Option::is_none")]
    close_timeout: Option<Duration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_deferrals: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    missed_pongs: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_progress_rate: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ping_when: Option<PingWhen>,
    #[serde(skip_serializing_if = "Option::is_none")]
    judging: Option<Judging>,
    #[serde(skip_serializing_if = "Option::is_none")]
    close_code: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    close_reason: Option<String>,
}

impl LiveOverrides {
    /// Returns `base` with these values in place of its own.
    ///
    /// # Errors
    /// As [`LiveConfigBuilder::build`](super::LiveConfigBuilder::build).
    pub fn over(self, base: &LiveConfig) -> Result<LiveConfig, ConfigError> {
        let mut builder = base.to_builder();
        let rules = &mut builder.0;
        put(&mut rules.ping_interval, self.ping_interval);
        put(&mut rules.jitter, self.jitter);
        put(&mut rules.pong_timeout, self.pong_timeout);
        put(&mut rules.write_timeout, self.write_timeout);
        put(&mut rules.close_timeout, self.close_timeout);
        put(&mut rules.max_deferrals, self.max_deferrals);
        put(&mut rules.missed_pongs, self.missed_pongs);
        put(&mut rules.min_progress_rate, self.min_progress_rate);
        put(&mut rules.ping_when, self.ping_when);
        put(&mut rules.judging, self.judging);
        put(&mut rules.close_code, self.close_code);
        match self.close_reason {
            Some(reason) => builder.close_reason(reason).build(),
            None => builder.build(),
        }
    }
}

fn put<T>(knob: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *knob = value;
    }
}

/// Values that are absent are the defaults. The checks and their texts are those of the builder.
impl<'de> Deserialize<'de> for LiveConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        LiveOverrides::deserialize(deserializer)?.over(&Self::default()).map_err(de::Error::custom)
    }
}

/// Every value is written, so that a file means the same after the defaults have changed.
impl Serialize for LiveConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rules = &*self.0;
        LiveOverrides {
            ping_interval: Some(rules.ping_interval),
            jitter: Some(rules.jitter),
            pong_timeout: Some(rules.pong_timeout),
            write_timeout: Some(rules.write_timeout),
            close_timeout: Some(rules.close_timeout),
            max_deferrals: Some(rules.max_deferrals),
            missed_pongs: Some(rules.missed_pongs),
            min_progress_rate: Some(rules.min_progress_rate),
            ping_when: Some(rules.ping_when),
            judging: Some(rules.judging),
            close_code: Some(rules.close_code),
            close_reason: rules.close_reason.as_deref().map(str::to_owned),
        }
        .serialize(serializer)
    }
}

/// A duration as people write it.
mod span {
    use super::*;

    const NEVER: &str = "never";

    pub(super) fn serialize<S: Serializer>(span: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        match span {
            Some(Duration::MAX) => serializer.serialize_str(NEVER),
            Some(span) => serializer.collect_str(&humantime::format_duration(*span)),
            None => Err(ser::Error::custom("absent values are skipped")),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == NEVER {
            return Ok(Some(Duration::MAX));
        }
        let refused = |error| {
            de::Error::custom(format_args!(
                "\"{text}\" is not a duration such as \"20s\", \"1m 30s\" or \"never\": {error}"
            ))
        };
        humantime::parse_duration(&text).map(Some).map_err(refused)
    }
}
