//! The closed loop: each connection sends its next request when the last answer was read whole, until the run's requests
//! are used up. Owns connections and their replacement when the server closed one between two requests.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::answer::Reader;
use crate::options::Options;
use crate::tally::Tally;

/// What the connections of a run share.
struct Run {
    address: String,
    request: Bytes,
    /// Requests not yet begun.
    left: AtomicUsize,
    /// Connections that have not yet received anything.
    silent: AtomicUsize,
    announce: bool,
}

/// Runs to the end. Connecting comes first, one after the other, so that no listen queue overflows.
pub(crate) async fn run(options: &Options) -> io::Result<Tally> {
    let mut streams = Vec::with_capacity(options.connections);
    for _ in 0..options.connections {
        streams.push(connect(&options.address).await?);
    }
    let run = Arc::new(Run {
        address: options.address.clone(),
        request: options.request.clone(),
        left: AtomicUsize::new(options.requests),
        silent: AtomicUsize::new(options.connections),
        announce: options.announce,
    });
    let began = Instant::now();
    let tasks: Vec<_> = streams.into_iter().map(|stream| tokio::spawn(drive(run.clone(), stream))).collect();
    let mut tally = Tally::default();
    for task in tasks {
        tally.add(task.await.map_err(io::Error::other)??);
    }
    tally.elapsed = began.elapsed();
    Ok(tally)
}

async fn connect(address: &str) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn drive(run: Arc<Run>, mut stream: TcpStream) -> io::Result<Tally> {
    let mut tally = Tally::default();
    let mut reader = Reader::new();
    let mut fresh = true;
    while run.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
        let began = Instant::now();
        let begun = || run.begun(std::mem::take(&mut fresh));
        let answer = match stream.write_all(&run.request).await {
            Ok(()) => reader.read(&mut stream, begun).await,
            Err(error) => Err(error),
        };
        match answer {
            Ok(answer) if (200..300).contains(&answer.status) => {
                tally.answered += 1;
                tally.events += answer.events;
                tally.body_bytes += answer.body_bytes;
                tally.total_us.push(microseconds(began.elapsed()));
                tally.gap_us.push(microseconds(answer.gap));
                tally.first_us.extend(answer.first.map(|first| microseconds(first.duration_since(began))));
            }
            Ok(_) => tally.failed += 1,
            Err(_) => {
                tally.failed += 1;
                stream = connect(&run.address).await?;
            }
        }
    }
    Ok(tally)
}

impl Run {
    fn begun(&self, first_time: bool) {
        if first_time && self.silent.fetch_sub(1, Ordering::Relaxed) == 1 && self.announce {
            println!("begun");
        }
    }
}

fn microseconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_micros()).unwrap_or(u32::MAX)
}
