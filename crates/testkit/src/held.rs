//! What a process holds and must give back: tasks of its runtime, and open files, sockets among them.

use std::time::{Duration, Instant};

/// For what is given back a moment later: a connection's task ends after its socket.
const PATIENCE: Duration = Duration::from_secs(10);

/// A count of what is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Alive on this runtime.
    pub tasks: usize,
    pub open_files: usize,
}

impl Held {
    /// What is held now; must be called on a runtime.
    ///
    /// # Panics
    /// Without `/proc`.
    #[must_use]
    pub fn now() -> Self {
        let files = std::fs::read_dir("/proc/self/fd").expect("/proc");
        Self { tasks: tokio::runtime::Handle::current().metrics().num_alive_tasks(), open_files: files.count() }
    }

    /// Waits until no more is held than this; what there is in the end.
    pub async fn returned(self) -> Self {
        let begun = Instant::now();
        loop {
            let now = Self::now();
            if (now.tasks <= self.tasks && now.open_files <= self.open_files) || begun.elapsed() > PATIENCE {
                return now;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_taken_is_counted_until_it_is_given_back() {
        let before = Held::now();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let task = tokio::spawn(std::future::pending::<()>());
        assert_eq!(Held::now().tasks, before.tasks + 1);
        task.abort();
        drop(listener);
        assert_eq!(before.returned().await.tasks, before.tasks);
    }
}
