//! A simulated world, decided by one seed: a path, a peer, our side, and an oracle that knows only path and peer.

#![allow(dead_code, unreachable_pub, reason = "compiled into two programs, each of which uses its part")]

pub mod attention;
pub mod baselines;
pub mod below;
pub mod bounds;
pub mod caught;
pub mod checks;
pub mod dice;
pub mod extreme;
pub mod facts;
pub mod families;
pub mod farewell;
pub mod faults;
pub mod frames;
pub mod gate;
pub mod harsh;
pub mod host;
pub mod judging;
pub mod kept;
pub mod lane;
pub mod log;
pub mod oracle;
pub mod ours;
pub mod pace;
pub mod parting;
pub mod peer;
pub mod pipe;
pub mod probes;
pub mod queue;
pub mod reach;
pub mod report;
pub mod rough;
pub mod run;
pub mod scenario;
pub mod silences;
pub mod slack;
pub mod spacing;
pub mod spans;
pub mod tap;
pub mod timeline;
pub mod unruly;
pub mod writing;
