//! What every public type is, and stays: `Send`, `Sync`, an error that can be boxed, an object.

use std::error::Error;
use std::fmt;
use std::io;

use crate::progress::{Diagnosis, Finding, ProgressHandle, Snapshot, TcpSnapshot};
use crate::*;

type Item = Result<Vec<u8>, io::Error>;
type Socket = futures_util::stream::Pending<Item>;

/// A value that may go to another task, be looked at from there, and be logged.
fn is_plain<T: Send + Sync + Unpin + fmt::Debug + 'static>() {}

fn is_error<T: Error + Send + Sync + Unpin + 'static>() {}

fn is_sent<T: Send>(_: T) {}

#[test]
fn every_public_type_is_send_sync_and_debug() {
    is_plain::<LiveConfig>();
    is_plain::<LiveConfigBuilder>();
    is_plain::<Judging>();
    is_plain::<PingWhen>();
    #[cfg(feature = "serde")]
    is_plain::<LiveOverrides>();
    is_plain::<LiveStream<Socket>>();
    is_plain::<Spawned<Socket>>();
    is_plain::<Monitor>();
    is_plain::<LiveStats>();
    is_plain::<Health>();
    is_plain::<End>();
    is_plain::<Cause>();
    is_plain::<Layer>();
    is_plain::<Event>();
    is_plain::<Closing<'static, LiveStream<Socket>>>();
    is_plain::<MessageKind<'static>>();
    is_plain::<WsProtocol>();
    is_plain::<ProgressIo<tokio::io::DuplexStream>>();
    is_plain::<ProgressHandle>();
    is_plain::<Snapshot>();
    is_plain::<TcpSnapshot>();
    is_plain::<Diagnosis>();
    is_plain::<Finding>();
    #[cfg(feature = "tcp")]
    {
        is_plain::<TcpOptions>();
        is_plain::<TcpOptionFailure>();
        is_plain::<TcpProgress>();
    }
    #[cfg(feature = "connect-tungstenite-0-30")]
    {
        is_plain::<ConnectOptions>();
        is_plain::<ConnectPhase>();
        is_plain::<Connected>();
        is_plain::<Dialled>();
    }
}

#[test]
fn every_error_can_be_boxed_and_sent() {
    is_error::<LivenessError>();
    is_error::<ConfigError>();
    #[cfg(feature = "tcp")]
    is_error::<TcpOptionsError>();
    #[cfg(feature = "connect-tungstenite-0-30")]
    is_error::<ConnectError>();
}

#[test]
fn every_future_of_ours_can_be_spawned() {
    let shared = monitor::Shared::new(true);
    let mut monitor = Monitor::new(shared, None);
    is_sent(monitor.ended());
    is_sent(monitor.probe());
    is_sent(monitor.changed());
    #[cfg(feature = "connect-tungstenite-0-30")]
    is_sent(connect("ws://example.com", &ConnectOptions::default()));
    #[cfg(feature = "connect-tungstenite-0-30")]
    is_sent(dial("ws://example.com", &ConnectOptions::default()));
}

#[test]
fn the_traits_for_users_are_usable_as_objects() {
    fn is_object<T: ?Sized>() {}
    is_object::<dyn Progress>();
    is_object::<dyn Protocol<Vec<u8>, io::Error>>();
}
