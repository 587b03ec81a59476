//! One message of a given size each way, compared byte by byte.

use futures_util::{SinkExt, StreamExt};
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};

use crate::Socket;
use crate::report::Report;

const DONE: &str = "I have it all";

/// Ends where both ends have what they were to take, and both know it.
pub(crate) async fn run(ws: &mut impl Socket, give: usize, take: usize, report: &Report) -> Result<(), Error> {
    let (mut write, mut read) = ws.split();
    let (taken, took) = oneshot::channel();
    let writes = async {
        if give > 0 {
            write.send(Message::Binary(pattern(give))).await?;
            report.say("written", format_args!("bytes={give}"));
        }
        if took.await.is_ok() {
            write.send(DONE.into()).await?;
        }
        Ok::<_, Error>(())
    };
    let reads = async {
        let start = Instant::now();
        let (mut taken, mut known) = (Some(taken), false);
        if take == 0 {
            tell(&mut taken);
        }
        while let Some(message) = read.next().await.transpose()? {
            match message {
                Message::Binary(bytes) => {
                    let event = if bytes == pattern(take) { "whole" } else { "broken" };
                    report.say(event, format_args!("bytes={take} seconds={:.1}", start.elapsed().as_secs_f64()));
                    tell(&mut taken);
                }
                Message::Text(text) if text == DONE => known = true,
                _ => {}
            }
            if known && taken.is_none() {
                break;
            }
        }
        Ok(())
    };
    // The stream tells the verdict with everything that is known about it: it goes first.
    let (whole, written) = tokio::join!(reads, writes);
    whole.and(written)?;
    write.close().await?;
    while read.next().await.transpose()?.is_some() {}
    Ok(())
}

fn tell(taken: &mut Option<oneshot::Sender<()>>) {
    if let Some(taken) = taken.take() {
        let _ = taken.send(());
    }
}

/// Bytes in which a hole or an exchange shows.
fn pattern(bytes: usize) -> Bytes {
    let block: Vec<u8> = (0..=250).collect();
    let mut all = block.repeat(bytes / block.len() + 1);
    all.truncate(bytes);
    all.into()
}
