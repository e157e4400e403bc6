//! One answer on its way to everybody who asked the same. The one who leads writes, everybody reads from the beginning
//! at their own pace, and whoever leaves does not disturb the others; when nobody is left, the one who writes learns it.

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
    parts: Vec<Bytes>,
    bytes: usize,
    end: Option<Result<(), Broken>>,
    readers: FxHashMap<u64, Option<Waker>>,
    next: u64,
    /// Of the one who writes, waiting for the last reader to leave.
    writer: Option<Waker>,
}

impl State {
    fn wake_readers(&mut self) {
        self.readers.values_mut().filter_map(Option::take).for_each(Waker::wake);
    }
}

impl Flight {
    /// A reading end. None once the answer has ended: it is in the cache, or nowhere.
    pub(crate) fn tail(self: &Arc<Self>) -> Option<Tail> {
        let mut state = self.state.lock();
        if state.end.is_some() {
            return None;
        }
        let number = state.next;
        state.next += 1;
        state.readers.insert(number, None);
        drop(state);
        Some(Tail { flight: Arc::clone(self), number, at: 0 })
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
        state.parts.push(part);
        state.wake_readers();
        if state.bytes > self.bytes_max {
            drop(state);
            self.flights.close(&self.key, &self.flight);
        }
    }

    /// The answer as it would be kept until then; none when it is too large, or no plain success.
    pub(crate) fn entry(&self, facts: Facts, until_unix_ms: u64) -> Option<Entry> {
        let state = self.flight.state.lock();
        let head = state.head.clone().filter(|head| head.status == 200 && state.bytes <= self.bytes_max)?;
        Some(Entry::new(head, state.parts.clone(), facts, until_unix_ms))
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
    at: usize,
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
                    state.readers.insert(self.number, Some(context.waker().clone()));
                    Poll::Pending
                }
            }
        })
        .await
    }

    /// The next piece of the body; `None` at its end.
    pub fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Broken>>> {
        let mut state = self.flight.state.lock();
        if let Some(part) = state.parts.get(self.at) {
            self.at += 1;
            return Poll::Ready(Some(Ok(part.clone())));
        }
        match state.end {
            Some(Ok(())) => Poll::Ready(None),
            Some(Err(broken)) => Poll::Ready(Some(Err(broken))),
            None => {
                state.readers.insert(self.number, Some(context.waker().clone()));
                Poll::Pending
            }
        }
    }

    /// True when the last piece has been handed out.
    #[must_use]
    pub fn is_end(&self) -> bool {
        let state = self.flight.state.lock();
        state.end == Some(Ok(())) && self.at >= state.parts.len()
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        let mut state = self.flight.state.lock();
        state.readers.remove(&self.number);
        if state.readers.is_empty()
            && let Some(writer) = state.writer.take()
        {
            writer.wake();
        }
    }
}
