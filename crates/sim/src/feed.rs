//! When tokens exist: a feed that an engine fills, a fixed pace, or at once. Tokens carry no data, so a feed is a count
//! and a waker, not a channel.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::{Instant, Sleep};

/// Between an engine and one answer.
#[derive(Debug)]
pub(crate) struct Feed {
    id: u64,
    state: Mutex<State>,
    left: AtomicBool,
    leavers: Arc<Leavers>,
}

/// Requests whose callers left since the engine last looked.
pub(crate) type Leavers = Mutex<Vec<u64>>;

#[derive(Debug, Default)]
struct State {
    cached: Option<u32>,
    refused: bool,
    tokens: u32,
    waker: Option<Waker>,
}

/// The engine's queue is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused;

impl Feed {
    pub(crate) fn new(id: u64, leavers: Arc<Leavers>) -> Arc<Self> {
        Arc::new(Self { id, state: Mutex::default(), left: AtomicBool::new(false), leavers })
    }

    pub(crate) const fn id(&self) -> u64 {
        self.id
    }

    /// True when its answer is gone; then its name is, or will be, among the leavers.
    pub(crate) fn left(&self) -> bool {
        self.left.load(Ordering::Acquire)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let waker = {
            let mut state = self.state.lock();
            change(&mut state);
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    pub(crate) fn admit(&self, cached_tokens: u32) {
        self.change(|state| state.cached = Some(cached_tokens));
    }

    pub(crate) fn refuse(&self) {
        self.change(|state| state.refused = true);
    }

    pub(crate) fn push(&self) {
        self.change(|state| state.tokens += 1);
    }

    fn poll<T>(&self, cx: &Context<'_>, look: impl FnOnce(&State) -> Option<T>) -> Poll<T> {
        let mut state = self.state.lock();
        if let Some(found) = look(&state) {
            return Poll::Ready(found);
        }
        if !state.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            state.waker = Some(cx.waker().clone());
        }
        Poll::Pending
    }
}

/// The answer's end of a feed; dropped, it tells the engine that the caller left.
#[derive(Debug)]
pub(crate) struct Reader(pub(crate) Arc<Feed>);

impl Drop for Reader {
    fn drop(&mut self) {
        self.0.left.store(true, Ordering::Release);
        self.0.leavers.lock().push(self.0.id);
    }
}

/// When the tokens of one answer exist.
#[derive(Debug)]
pub(crate) enum Pace {
    /// No delays; but between two events the server gets to flush, so that each is a write of its own, as an engine's is.
    Instant {
        flushed: bool,
    },
    Paced(Paced),
    Engine(Reader),
}

/// A fixed interval, from an instant on; late wake-ups do not add up.
#[derive(Debug)]
pub(crate) struct Paced {
    first: Instant,
    interval: Duration,
    sleep: Pin<Box<Sleep>>,
}

impl Paced {
    #[must_use]
    pub(crate) fn new(first: Duration, interval: Duration) -> Self {
        let first = Instant::now() + first;
        Self { first, interval, sleep: Box::pin(tokio::time::sleep_until(first)) }
    }

    fn poll(&mut self, cx: &mut Context<'_>, have: u32) -> Poll<u32> {
        loop {
            let now = Instant::now();
            if let Some(since) = now.checked_duration_since(self.first) {
                let nanos = self.interval.as_nanos().max(1);
                let exist = u32::try_from(since.as_nanos() / nanos).unwrap_or(u32::MAX).saturating_add(1);
                if exist > have {
                    return Poll::Ready(exist);
                }
            }
            let due = self.first + self.interval.saturating_mul(have);
            if self.sleep.deadline() != due {
                self.sleep.as_mut().reset(due);
            }
            ready!(self.sleep.as_mut().poll(cx));
        }
    }
}

impl Pace {
    /// Ready when generation has begun, with the prompt tokens found cached.
    pub(crate) fn poll_begun(&mut self, cx: &mut Context<'_>) -> Poll<Result<u32, Refused>> {
        match self {
            Self::Engine(reader) => reader.0.poll(cx, |state| match (state.refused, state.cached) {
                (true, _) => Some(Err(Refused)),
                (false, Some(cached)) => Some(Ok(cached)),
                (false, None) => None,
            }),
            _ => Poll::Ready(Ok(0)),
        }
    }

    /// Ready when more than `have` tokens exist, with how many do.
    pub(crate) fn poll_more(&mut self, cx: &mut Context<'_>, have: u32) -> Poll<u32> {
        match self {
            Self::Instant { flushed } => {
                *flushed = !*flushed;
                if *flushed {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Poll::Ready(u32::MAX)
            }
            Self::Paced(paced) => paced.poll(cx, have),
            Self::Engine(reader) => reader.0.poll(cx, |state| (state.tokens > have).then_some(state.tokens)),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_pace_is_kept_and_lateness_does_not_add_up() {
        let begun = Instant::now();
        let ms = |count| Duration::from_millis(count);
        let mut pace = Pace::Paced(Paced::new(ms(30), ms(5)));
        let mut seen = Vec::new();
        for have in 0..4 {
            assert_eq!(poll_fn(|cx| pace.poll_more(cx, have)).await, have + 1);
            seen.push(begun.elapsed());
        }
        assert_eq!(seen, [30, 35, 40, 45].map(ms));
        tokio::time::advance(ms(23)).await;
        assert_eq!(poll_fn(|cx| pace.poll_more(cx, 4)).await, 8, "those that were due meanwhile exist at once");
        assert_eq!(poll_fn(|cx| pace.poll_more(cx, 8)).await, 9);
        assert_eq!(begun.elapsed(), ms(70));
    }

    #[tokio::test]
    async fn an_instant_answer_lets_the_server_flush_between_events() {
        let mut pace = Pace::Instant { flushed: true };
        let mut polls = Vec::new();
        for have in [0, 1, 1, 2, 2] {
            polls.push(poll_fn(|cx| Poll::Ready(pace.poll_more(cx, have).is_ready())).await);
        }
        assert_eq!(polls, [true, false, true, false, true]);
    }

    #[tokio::test]
    async fn a_feed_wakes_its_reader_and_tells_when_it_left() {
        let leavers = Arc::new(Leavers::default());
        let feed = Feed::new(7, Arc::clone(&leavers));
        let mut pace = Pace::Engine(Reader(Arc::clone(&feed)));
        let reader = tokio::spawn(async move {
            assert_eq!(poll_fn(|cx| pace.poll_begun(cx)).await, Ok(64));
            poll_fn(|cx| pace.poll_more(cx, 0)).await
        });
        tokio::task::yield_now().await;
        feed.admit(64);
        tokio::task::yield_now().await;
        feed.push();
        assert_eq!(reader.await.unwrap(), 1);
        assert!(feed.left());
        assert_eq!(*leavers.lock(), [7]);
    }

    #[tokio::test]
    async fn a_refusal_reaches_the_reader() {
        let feed = Feed::new(1, Arc::default());
        feed.refuse();
        let mut pace = Pace::Engine(Reader(feed));
        assert_eq!(poll_fn(|cx| pace.poll_begun(cx)).await, Err(Refused));
    }
}
