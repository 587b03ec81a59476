//! One poll from outside: which waker the inner sees, and who is parked.

use std::sync::Arc;
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
    parked(half, parts.shared, cx, |cx| poll(&mut parts, cx))
}

/// A poll that is the inner's alone, or the rest of one.
#[inline]
pub(crate) fn parked<T>(
    half: Half,
    shared: &Arc<Shared>,
    cx: &mut Context<'_>,
    poll: impl FnOnce(&mut Context<'_>) -> Poll<T>,
) -> Poll<T> {
    let polled = poll(&mut Context::from_waker(&waker_ref(shared)));
    if polled.is_pending() {
        shared.fan.park(half, cx.waker());
    }
    polled
}
