//! Load for scenarios: callers that ask again and again, and what became of each request. Judges nothing.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use paceline_sim::Truth;
use paceline_testkit::{End, Leave, call};
use paceline_types::Api;
use tokio::task::JoinSet;

use crate::case::Shape;
use crate::request;
use crate::stage::Stage;

/// One request of a load.
#[derive(Clone, Debug)]
pub struct Asked {
    pub began: Instant,
    pub ended: Instant,
    pub status: u16,
    /// The gateway's code, when it refused.
    pub code: Option<String>,
    pub deployment: Option<String>,
    /// Answered with 200 and whole, a stream with its terminal event.
    pub whole: bool,
}

/// Who asks what.
#[derive(Clone, Debug)]
pub struct Load {
    pub gateway: SocketAddr,
    pub callers: usize,
    pub model: &'static str,
    pub streamed: bool,
    pub output_tokens: u32,
}

impl Load {
    /// Each caller asks once.
    pub async fn once(&self) -> Vec<Asked> {
        let turns = Arc::new(AtomicU64::new(u64::try_from(self.callers).unwrap_or(u64::MAX)));
        self.run(move || turns.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok())
            .await
    }

    /// The callers ask again and again until then.
    pub async fn until(&self, end: Instant) -> Vec<Asked> {
        self.run(move || Instant::now() < end).await
    }

    async fn run(&self, more: impl Fn() -> bool + Clone + Send + 'static) -> Vec<Asked> {
        let mut callers = JoinSet::new();
        for _ in 0..self.callers {
            let (load, more) = (self.clone(), more.clone());
            callers.spawn(async move {
                let mut asked = Vec::new();
                while more() {
                    asked.push(load.ask().await);
                }
                asked
            });
        }
        let mut all: Vec<Asked> = callers.join_all().await.into_iter().flatten().collect();
        all.sort_by_key(|asked| asked.began);
        all
    }

    async fn ask(&self) -> Asked {
        let shape = if self.streamed { Shape::Stream } else { Shape::Whole };
        let body = request::body(Api::Chat, shape, self.model, false).to_string();
        let bytes = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {}\r\nx-sim-output-tokens: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            Stage::key(),
            self.output_tokens,
            body.len()
        );
        let began = Instant::now();
        let heard = call(self.gateway, bytes.as_bytes(), Leave::Stays, false).await;
        let done = !self.streamed || heard.body.ends_with(b"data: [DONE]\n\n");
        Asked {
            began,
            ended: heard.ended,
            status: heard.status,
            code: heard.header("x-paceline-code").map(ToOwned::to_owned),
            deployment: heard.header("x-paceline-deployment").map(ToOwned::to_owned),
            whole: heard.status == 200 && heard.end == End::Whole && done,
        }
    }
}

/// The most requests that a provider was working on at one instant: from a request's head to the last byte handed over.
/// Both lie within the time in which whoever sent it must count it.
#[must_use]
pub fn most_at_once(truths: &[Truth]) -> usize {
    let ended = |truth: &Truth| truth.end_ns.or(truth.cancelled_ns).unwrap_or(u64::MAX);
    let begins = truths.iter().map(|truth| (truth.received_ns, 1));
    let mut changes: Vec<(u64, i64)> = begins.chain(truths.iter().map(|truth| (ended(truth), -1))).collect();
    // At the same instant the one that ends goes first.
    changes.sort_unstable();
    let mut now = 0_i64;
    let most = changes.into_iter().map(|(_, change)| {
        now += change;
        now
    });
    usize::try_from(most.max().unwrap_or(0)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_touch_do_not_overlap() {
        let truth = |received_ns, end_ns| Truth { received_ns, end_ns: Some(end_ns), ..Truth::default() };
        assert_eq!(most_at_once(&[]), 0);
        assert_eq!(most_at_once(&[truth(1, 5), truth(5, 9), truth(9, 12)]), 1);
        assert_eq!(most_at_once(&[truth(1, 6), truth(5, 9), truth(2, 12)]), 3);
    }
}
