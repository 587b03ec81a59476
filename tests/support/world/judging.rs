//! Whether a missing answer counts.

pub use ws_liveness::Judging;
use ws_liveness::{LiveConfig, LiveConfigBuilder};

pub fn judge(judging: Judging, builder: LiveConfigBuilder) -> LiveConfigBuilder {
    builder.judging(judging)
}

pub fn judging(config: &LiveConfig) -> Judging {
    config.judging()
}
