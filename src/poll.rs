//! One poll from outside: which waker the inner sees, and who is parked.

use std::task::{Context, Poll};

use futures_util::Stream;
use futures_util::task::waker_ref;

use crate::drive::Parts;
use crate::monitor::Shared;
use crate::waker::Half;

/// One poll of one half: the inner sees the combined waker, the caller's is parked where there is nothing to return.
pub(crate) fn polled_by<'a, S: Stream, P, T>(
    half: Half,
    parts: Parts<'a, S, P>,
    cx: &mut Context<'_>,
    poll: impl FnOnce(&mut Parts<'a, S, P>, &mut Context<'_>) -> Poll<T>,
) -> Poll<T> {
    parts.shared.fan.begin();
    parked_by(half, parts, cx, poll)
}

/// The rest of a poll that has begun.
pub(crate) fn parked_by<'a, S: Stream, P, T>(
    half: Half,
    mut parts: Parts<'a, S, P>,
    cx: &mut Context<'_>,
    poll: impl FnOnce(&mut Parts<'a, S, P>, &mut Context<'_>) -> Poll<T>,
) -> Poll<T> {
    let shared = parts.shared;
    let polled = poll(&mut parts, &mut Context::from_waker(&waker_ref(&shared.fan)));
    if polled.is_pending() {
        shared.park(half, cx.waker());
    }
    polled
}

/// A poll of the sink that is the inner's alone.
#[inline]
pub(crate) fn passed_on<T>(
    shared: &Shared,
    cx: &mut Context<'_>,
    poll: impl FnOnce(&mut Context<'_>) -> Poll<T>,
) -> Poll<T> {
    shared.fan.begin();
    let polled = poll(&mut Context::from_waker(&waker_ref(&shared.fan)));
    if polled.is_pending() {
        shared.park(Half::Sink, cx.waker());
    }
    polled
}
