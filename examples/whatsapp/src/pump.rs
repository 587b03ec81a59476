//! What comes in, on its way to the client, until the end and the reason for it.

use futures_util::{Stream, StreamExt};
use tokio_util::sync::CancellationToken;
use tokio_websockets::{Error, Message};
use whatsapp_rust::async_channel::Sender;
use whatsapp_rust::bytes::Bytes;
use whatsapp_rust::transport::TransportEvent;
use whatsapp_rust::wacore::net::DisconnectReason;
use ws_liveness::{Health, LivenessError, Monitor};

/// Ends with the connection or with `over`, whichever is first; the last event tells why.
pub(crate) async fn pump<S>(mut stream: S, events: Sender<TransportEvent>, over: CancellationToken, monitor: Monitor)
where
    S: Stream<Item = Result<Message, Error>> + Unpin,
{
    let reason = match over.run_until_cancelled(forward(&mut stream, &events)).await {
        Some(reason) => reason,
        None => after_hanging_up(&mut stream, &monitor).await,
    };
    over.cancel();
    drop(stream);
    // Nobody listens any more if the client hung up.
    let _ = events.send(TransportEvent::Disconnected(reason)).await;
}

async fn forward<S>(stream: &mut S, events: &Sender<TransportEvent>) -> DisconnectReason
where
    S: Stream<Item = Result<Message, Error>> + Unpin,
{
    loop {
        match read(stream.next().await) {
            Ok(Some(data)) => {
                if events.send(TransportEvent::DataReceived(data)).await.is_err() {
                    return DisconnectReason::Unknown;
                }
            }
            Ok(None) => {}
            Err(reason) => return reason,
        }
    }
}

/// The client hangs up when a send failed. If the connection was given up, that is the reason: the stream's error comes
/// up to a second after the failure.
async fn after_hanging_up<S>(stream: &mut S, monitor: &Monitor) -> DisconnectReason
where
    S: Stream<Item = Result<Message, Error>> + Unpin,
{
    if !matches!(monitor.health(), Health::Ended(_)) {
        return DisconnectReason::Unknown;
    }
    loop {
        if let Err(reason) = read(stream.next().await) {
            return reason;
        }
    }
}

/// Data for the client, nothing for it, or the end.
fn read(item: Option<Result<Message, Error>>) -> Result<Option<Bytes>, DisconnectReason> {
    match item {
        Some(Ok(message)) if message.is_binary() => Ok(Some(message.into_payload().into())),
        Some(Ok(message)) if message.is_close() => Err(server_close(&message)),
        Some(Ok(_)) => Ok(None),
        Some(Err(error)) => Err(DisconnectReason::ReadError(why(&error))),
        None => Err(DisconnectReason::StreamEnded),
    }
}

fn server_close(message: &Message) -> DisconnectReason {
    let (code, reason) = message.as_close().unzip();
    DisconnectReason::ServerClose { code: code.map(u16::from), reason: reason.unwrap_or_default().to_owned() }
}

fn why(error: &Error) -> String {
    LivenessError::find(error).map_or_else(|| error.to_string(), ToString::to_string)
}
