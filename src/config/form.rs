//! The serde form of a `LiveConfig`, whole or as overrides of another.

use std::fmt;
use std::time::Duration;

use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, forward_to_deserialize_any, ser};

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
///
/// # Nest it, do not flatten it
///
/// In a configuration of your own give the overrides a table of their own:
///
/// ```
/// use serde::Deserialize;
/// use ws_liveness::LiveOverrides;
///
/// #[derive(Deserialize)]
/// #[serde(deny_unknown_fields)]
/// struct Channel {
///     url: String,
///     #[serde(default)]
///     live: LiveOverrides,
/// }
///
/// let channel: Channel = toml::from_str(
///     r#"
///     url = "wss://example.com"
///     live = { ping_interval = "5s" }
///     "#,
/// )?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// With `#[serde(flatten)]` a misspelt name is refused, too, but so is a name that nobody has taken before: list the
/// overrides last, without a flattened map and without `deny_unknown_fields` on the outer struct. Never flatten an
/// `Option<LiveOverrides>`: if any value in it is wrong, serde drops the error and makes it `None`.
#[derive(Clone, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct LiveOverrides(Values);

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename = "LiveOverrides")]
struct Values {
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
    max_pong_backlog: Option<u32>,
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
        let (rules, values) = (&mut builder.0, self.0);
        put(&mut rules.ping_interval, values.ping_interval);
        put(&mut rules.jitter, values.jitter);
        put(&mut rules.pong_timeout, values.pong_timeout);
        put(&mut rules.write_timeout, values.write_timeout);
        put(&mut rules.close_timeout, values.close_timeout);
        put(&mut rules.max_deferrals, values.max_deferrals);
        put(&mut rules.missed_pongs, values.missed_pongs);
        put(&mut rules.min_progress_rate, values.min_progress_rate);
        put(&mut rules.max_pong_backlog, values.max_pong_backlog);
        put(&mut rules.ping_when, values.ping_when);
        put(&mut rules.judging, values.judging);
        put(&mut rules.close_code, values.close_code);
        match values.close_reason {
            Some(reason) => builder.close_reason(reason).build(),
            None => builder.build(),
        }
    }
}

impl fmt::Debug for LiveOverrides {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for LiveOverrides {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Values::deserialize(EveryName(deserializer)).map(Self)
    }
}

/// Asks for a map where a struct is meant. Of a struct that is flattened into another one serde shows only the names that
/// the struct knows; of a map it shows every name that is left, so that a misspelt one can be refused.
struct EveryName<D>(D);

impl<'de, D: Deserializer<'de>> Deserializer<'de> for EveryName<D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_map(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
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
        Values {
            ping_interval: Some(rules.ping_interval),
            jitter: Some(rules.jitter),
            pong_timeout: Some(rules.pong_timeout),
            write_timeout: Some(rules.write_timeout),
            close_timeout: Some(rules.close_timeout),
            max_deferrals: Some(rules.max_deferrals),
            missed_pongs: Some(rules.missed_pongs),
            min_progress_rate: Some(rules.min_progress_rate),
            max_pong_backlog: Some(rules.max_pong_backlog),
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
