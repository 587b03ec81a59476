//! One poll from outside: which waker the inner sees, and who is parked.

use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::Stream;
use futures_util::task::waker_ref;

use crate::drive::Parts;
use crate::waker::{Fan, Half};

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
    parked(half, &parts.shared.fan, cx, |cx| poll(&mut parts, cx))
}

/// A poll that is the inner's alone.
#[inline]
pub(crate) fn passed_on<T>(
    half: Half,
    fan: &Arc<Fan>,
    cx: &mut Context<'_>,
    poll: impl FnOnce(&mut Context<'_>) -> Poll<T>,
) -> Poll<T> {
    fan.begin();
    parked(half, fan, cx, poll)
}

#[inline]
fn parked<T>(
    half: Half,
    fan: &Arc<Fan>,
    cx: &mut Context<'_>,
    poll: impl FnOnce(&mut Context<'_>) -> Poll<T>,
) -> Poll<T> {
    let polled = poll(&mut Context::from_waker(&waker_ref(fan)));
    if polled.is_pending() {
        fan.park(half, cx.waker());
    }
    polled
}
