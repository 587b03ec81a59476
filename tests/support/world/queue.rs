//! Bytes in a row.

use std::collections::VecDeque;

use tokio_tungstenite::tungstenite::Bytes;

#[derive(Default)]
pub struct Queue {
    chunks: VecDeque<Bytes>,
    len: usize,
}

impl Queue {
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub fn push(&mut self, bytes: Bytes) {
        self.len += bytes.len();
        if !bytes.is_empty() {
            self.chunks.push_back(bytes);
        }
    }

    /// At most `most`, and no more than lies together; small pieces are put together.
    pub fn take(&mut self, most: usize) -> Bytes {
        let Some(front) = self.chunks.front_mut() else { return Bytes::new() };
        let mut taken = front.split_to(most.min(front.len()));
        if front.is_empty() {
            self.chunks.pop_front();
        }
        if taken.len() < most && !self.chunks.is_empty() {
            taken = self.gather(taken, most);
        }
        self.len -= taken.len();
        taken
    }

    fn gather(&mut self, first: Bytes, most: usize) -> Bytes {
        let mut all = first.to_vec();
        while let Some(front) = self.chunks.front_mut() {
            let more = front.split_to(front.len().min(most - all.len()));
            all.extend_from_slice(&more);
            if !front.is_empty() {
                break;
            }
            self.chunks.pop_front();
        }
        all.into()
    }
}
