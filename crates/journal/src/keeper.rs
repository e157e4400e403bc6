//! The journal's one thread: syncs at the stated interval, lays out the next segment ahead of need, and notices that
//! ingest has made room. It shares state with the journal and decides nothing about requests.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use parking_lot::{Condvar, Mutex};

use crate::shared::Shared;

pub(crate) struct Keeper {
    bell: Arc<Bell>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Bell {
    asked: Mutex<Asked>,
    rung: Condvar,
}

#[derive(Default)]
struct Asked {
    look: bool,
    stop: bool,
}

impl Keeper {
    pub(crate) fn start(shared: Arc<Shared>) -> io::Result<Self> {
        let bell = Arc::new(Bell::default());
        let inner = Arc::clone(&bell);
        let thread = std::thread::Builder::new().name("journal".into()).spawn(move || keep(&shared, &inner))?;
        Ok(Self { bell, thread: Some(thread) })
    }

    /// Asks for a look now rather than at the next interval.
    pub(crate) fn wake(&self) {
        self.bell.asked.lock().look = true;
        self.bell.rung.notify_one();
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.bell.asked.lock().stop = true;
        self.bell.rung.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn keep(shared: &Shared, bell: &Bell) {
    loop {
        let stop = {
            let mut asked = bell.asked.lock();
            if !asked.look && !asked.stop {
                bell.rung.wait_for(&mut asked, shared.sync_every());
            }
            asked.look = false;
            asked.stop
        };
        shared.prepare();
        shared.sync();
        if stop {
            return;
        }
    }
}
