//! One answer on its way to everybody who asked the same. The one who leads writes, everybody reads from the beginning
//! at their own pace, and whoever leaves does not disturb the others; when nobody is left, the one who writes learns it.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use crate::entry::{Entry, Facts, Head};
use crate::flights::Flights;
use crate::key::Key;

/// The answer ended early; who has read nothing of it yet may ask again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken;

/// One answer under way.
#[derive(Debug, Default)]
pub(crate) struct Flight {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    head: Option<Head>,
    parts: VecDeque<Bytes>,
    /// Parts that every reader has had and nobody needs any more; only of a flight that is closed.
    dropped: usize,
    /// Of all parts there ever were, and of those still here.
    bytes: usize,
    held_bytes: usize,
    /// Nobody joins any more, since the answer is too large to be kept.
    closed: bool,
    end: Option<Result<(), Broken>>,
    readers: FxHashMap<u64, Reader>,
    next: u64,
    /// Of the one who writes, waiting for the last reader to leave, or for room.
    writer: Option<Waker>,
}

#[derive(Debug, Default)]
struct Reader {
    at: usize,
    waker: Option<Waker>,
}

impl State {
    fn wake_readers(&mut self) {
        self.readers.values_mut().filter_map(|reader| reader.waker.take()).for_each(Waker::wake);
    }

    fn wait(&mut self, number: u64, context: &Context<'_>) {
        if let Some(reader) = self.readers.get_mut(&number) {
            reader.waker = Some(context.waker().clone());
        }
    }

    /// Of a closed flight: lets go what every reader has had, and the writer go on.
    fn trim(&mut self) {
        if !self.closed {
            return;
        }
        let slowest = self.readers.values().map(|reader| reader.at).min().unwrap_or(usize::MAX);
        while self.dropped < slowest
            && let Some(part) = self.parts.pop_front()
        {
            self.dropped += 1;
            self.held_bytes -= part.len();
        }
        if let Some(writer) = self.writer.take() {
            writer.wake();
        }
    }
}

impl Flight {
    /// A reading end. None once the answer has ended (it is in the cache, or nowhere) or is too large to be joined.
    pub(crate) fn tail(self: &Arc<Self>) -> Option<Tail> {
        let mut state = self.state.lock();
        if state.end.is_some() || state.closed {
            return None;
        }
        let number = state.next;
        state.next += 1;
        state.readers.insert(number, Reader::default());
        drop(state);
        Some(Tail { flight: Arc::clone(self), number })
    }

    fn end(&self, end: Result<(), Broken>) {
        let mut state = self.state.lock();
        state.end.get_or_insert(end);
        state.wake_readers();
    }
}

/// The writing end. Dropped before its end, the answer is broken off for everybody.
#[derive(Debug)]
pub struct Lead {
    pub(crate) flight: Arc<Flight>,
    pub(crate) flights: Arc<Flights>,
    pub(crate) key: Key,
    /// Past this many bytes the answer is not kept, and nobody joins any more.
    pub(crate) bytes_max: usize,
}

impl Lead {
    /// The leader's own reading end.
    #[must_use]
    pub fn tail(&self) -> Option<Tail> {
        self.flight.tail()
    }

    pub fn head(&mut self, head: Head) {
        let mut state = self.flight.state.lock();
        state.head = Some(head);
        state.wake_readers();
    }

    pub fn push(&mut self, part: Bytes) {
        if part.is_empty() {
            return;
        }
        let mut state = self.flight.state.lock();
        state.bytes += part.len();
        state.held_bytes += part.len();
        state.parts.push_back(part);
        state.wake_readers();
        if state.bytes > self.bytes_max && !state.closed {
            state.closed = true;
            drop(state);
            self.flights.close(&self.key, &self.flight);
        }
    }

    /// Ready when there is room for more: what is too large to be kept waits for its slowest reader.
    pub fn poll_room(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.flight.state.lock();
        state.trim();
        if state.held_bytes <= self.bytes_max || state.readers.is_empty() {
            return Poll::Ready(());
        }
        state.writer = Some(context.waker().clone());
        Poll::Pending
    }

    /// The answer as it would be kept until then; none when it is too large, or no plain success.
    pub(crate) fn entry(&self, facts: Facts, until_unix_ms: u64) -> Option<Entry> {
        let state = self.flight.state.lock();
        let head = state.head.clone().filter(|head| head.status == 200 && !state.closed)?;
        Some(Entry::new(head, state.parts.iter().cloned().collect(), facts, until_unix_ms))
    }

    /// Ends the answer well.
    pub(crate) fn complete(self) {
        self.flight.end(Ok(()));
    }

    /// Ready when nobody reads any more: from then on nobody joins.
    pub fn poll_alone(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            let mut state = self.flight.state.lock();
            if !state.readers.is_empty() {
                state.writer = Some(context.waker().clone());
                return Poll::Pending;
            }
            drop(state);
            if self.flights.close_if_alone(&self.key, &self.flight) {
                return Poll::Ready(());
            }
        }
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        self.flights.close(&self.key, &self.flight);
        self.flight.end(Err(Broken));
    }
}

impl Flight {
    pub(crate) fn is_alone(&self) -> bool {
        self.state.lock().readers.is_empty()
    }
}

/// A reading end. Dropping it leaves the flight.
#[derive(Debug)]
pub struct Tail {
    flight: Arc<Flight>,
    number: u64,
}

impl Tail {
    /// Waits for the head.
    ///
    /// # Errors
    /// When the flight ended without one.
    pub async fn head(&mut self) -> Result<Head, Broken> {
        poll_fn(|context| {
            let mut state = self.flight.state.lock();
            match (&state.head, state.end) {
                (Some(head), _) => Poll::Ready(Ok(head.clone())),
                (None, Some(_)) => Poll::Ready(Err(Broken)),
                (None, None) => {
                    state.wait(self.number, context);
                    Poll::Pending
                }
            }
        })
        .await
    }

    /// The next piece of the body; `None` at its end.
    pub fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Broken>>> {
        let mut state = self.flight.state.lock();
        let state = &mut *state;
        let Some(reader) = state.readers.get_mut(&self.number) else { return Poll::Ready(Some(Err(Broken))) };
        if let Some(part) = state.parts.get(reader.at - state.dropped) {
            let part = part.clone();
            reader.at += 1;
            state.trim();
            return Poll::Ready(Some(Ok(part)));
        }
        match state.end {
            Some(Ok(())) => Poll::Ready(None),
            Some(Err(broken)) => Poll::Ready(Some(Err(broken))),
            None => {
                state.wait(self.number, context);
                Poll::Pending
            }
        }
    }

    /// True when the last piece has been handed out.
    #[must_use]
    pub fn is_end(&self) -> bool {
        let state = self.flight.state.lock();
        let at = state.readers.get(&self.number).map_or(0, |reader| reader.at);
        state.end == Some(Ok(())) && at >= state.dropped + state.parts.len()
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        let mut state = self.flight.state.lock();
        state.readers.remove(&self.number);
        state.trim();
        if state.readers.is_empty()
            && let Some(writer) = state.writer.take()
        {
            writer.wake();
        }
    }
}
