//! A deadline that costs nothing while it moves: one timer entry per connection, which stays where it was registered
//! until it fires too early or a sooner deadline is set. (A timer entry per request cost a tenth of the relay.)

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::time::{Sleep, sleep_until};

#[derive(Default)]
pub(crate) struct Alarm {
    entry: Option<(Pin<Box<Sleep>>, Instant)>,
    #[cfg(test)]
    pub(crate) registrations: u32,
}

impl Alarm {
    /// Ready once `deadline` has passed.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        let (sleep, armed) = match &mut self.entry {
            Some(entry) if entry.1 <= deadline => entry,
            Some(entry) => {
                #[cfg(test)]
                (self.registrations += 1);
                entry.0.as_mut().reset(deadline.into());
                entry.1 = deadline;
                entry
            }
            None => {
                #[cfg(test)]
                (self.registrations += 1);
                self.entry.insert((Box::pin(sleep_until(deadline.into())), deadline))
            }
        };
        loop {
            if sleep.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            if *armed >= deadline {
                return Poll::Ready(());
            }
            #[cfg(test)]
            (self.registrations += 1);
            sleep.as_mut().reset(deadline.into());
            *armed = deadline;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use super::*;

    fn after(ms: u64) -> Instant {
        tokio::time::Instant::now().into_std() + Duration::from_millis(ms)
    }

    async fn wait(alarm: &mut Alarm, deadline: Instant) {
        poll_fn(|context| alarm.poll(context, deadline)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn it_fires_at_the_deadline_and_registers_once_for_many_later_ones() {
        let mut alarm = Alarm::default();
        let first = after(100);
        let pending = poll_fn(|context| Poll::Ready(alarm.poll(context, first).is_pending())).await;
        assert!(pending);
        for ms in 100..200 {
            let later = after(ms);
            assert!(poll_fn(|context| Poll::Ready(alarm.poll(context, later).is_pending())).await);
        }
        assert_eq!(alarm.registrations, 1);
        let last = after(300);
        wait(&mut alarm, last).await;
        assert!(tokio::time::Instant::now().into_std() >= last);
        assert_eq!(alarm.registrations, 2, "one more, when the first fired early");
    }

    #[tokio::test(start_paused = true)]
    async fn a_sooner_deadline_registers_anew_and_a_passed_one_fires_at_once() {
        let mut alarm = Alarm::default();
        let late = after(60_000);
        assert!(poll_fn(|context| Poll::Ready(alarm.poll(context, late).is_pending())).await);
        let soon = after(10);
        wait(&mut alarm, soon).await;
        assert!(tokio::time::Instant::now().into_std() < late);
        wait(&mut alarm, soon).await;
        assert!(alarm.registrations <= 3);
    }
}
