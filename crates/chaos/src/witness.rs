//! Both sides' own account of each request: the gateway's usage records and the providers' truths, by the request's tag.
//! One task reads on; whoever waits for a request to be settled is told when there is more.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use paceline_sim::{Truth, TruthLog};
use paceline_testkit::Records;
use paceline_types::{Flags, UsageRecord};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(4);
/// For an account that does not come: that is then what is wrong.
const PATIENCE: Duration = Duration::from_secs(6);
/// A request that neither side has seen may never have been one.
const UNSEEN: Duration = Duration::from_millis(800);

/// What both sides say of one request.
#[derive(Debug, Default)]
pub struct Account {
    pub records: Vec<UsageRecord>,
    pub truths: Vec<Truth>,
}

/// Reads on until it is dropped.
pub(crate) struct Witness {
    seen: Arc<Seen>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Seen {
    accounts: Mutex<HashMap<String, Account>>,
    more: Notify,
}

impl Witness {
    pub(crate) fn start(mut records: Records, logs: Vec<Arc<TruthLog>>) -> Self {
        let seen = Arc::new(Seen::default());
        let told = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            let mut next = vec![0; logs.len()];
            loop {
                told.look(&mut records, &logs, &mut next);
                tokio::time::sleep(PAUSE).await;
            }
        });
        Self { seen, task }
    }

    /// What both sides say of a request, once it is over for both; it is forgotten here. `taken` says that it certainly
    /// was one: its caller heard something.
    pub(crate) async fn account(&self, tag: &str, taken: bool) -> Account {
        let begun = Instant::now();
        loop {
            let more = self.seen.more.notified();
            let waited = begun.elapsed();
            let (settled, seen) = match self.seen.accounts.lock().get(tag) {
                Some(account) => (account.is_settled(waited), true),
                None => (false, false),
            };
            if settled || waited > PATIENCE || (!seen && !taken && waited > UNSEEN) {
                return self.seen.accounts.lock().remove(tag).unwrap_or_default();
            }
            let _ = tokio::time::timeout(UNSEEN, more).await;
        }
    }

    /// Accounts that nobody asked for, or that came when they had been.
    pub(crate) async fn left_over(&self) -> Vec<(String, Account)> {
        // The look that is under way may have begun before the last of them.
        for _ in 0..2 {
            self.seen.more.notified().await;
        }
        self.seen.accounts.lock().drain().collect()
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Seen {
    fn look(&self, records: &mut Records, logs: &[Arc<TruthLog>], next: &mut [u64]) {
        let records = records.more();
        let mut truths = Vec::new();
        for (log, next) in logs.iter().zip(next) {
            let page = log.page(*next, usize::MAX, None);
            *next = page.next;
            truths.extend(page.requests);
        }
        let mut accounts = self.accounts.lock();
        for record in records {
            accounts.entry(record.session.clone()).or_default().records.push(record);
        }
        for truth in truths.into_iter().filter(|truth| !truth.tag.is_empty()) {
            accounts.entry(truth.tag.clone()).or_default().truths.push(truth);
        }
        drop(accounts);
        self.more.notify_waiters();
    }
}

impl Account {
    /// The record is there, and a truth for each time the request was sent; after a while without those that may have
    /// been sent on a connection that was dead.
    fn is_settled(&self, waited: Duration) -> bool {
        let Some(record) = self.records.first() else { return false };
        let patient = waited < UNSEEN / 4;
        self.truths.len() >= if patient { usize::from(record.attempts) } else { seen_at_least(record) }
    }
}

/// How often a provider has seen a request that was sent so often: what went out on a connection that was dead already
/// was seen by nobody.
pub(crate) fn seen_at_least(record: &UsageRecord) -> usize {
    let sent = usize::from(record.attempts);
    if record.flags.has(Flags::RECONNECTED) { sent.div_ceil(2) } else { sent }
}
