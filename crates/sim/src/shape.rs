//! What the transport does to an answer's body: compression, trickling, an early end. Sits between the content and the
//! socket, and counts what really leaves.

use std::future::Future;
use std::io::Write;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use paceline_http::{Abort, Chunks};
use tokio::time::{Instant, Sleep};

use crate::fault::Fault;
use crate::play::Play;
use crate::truth::Recorder;

/// Where a body comes from.
pub(crate) enum Content {
    Stream(Box<Play>),
    Whole(Option<Bytes>),
}

/// A body on its way out, with its record.
pub(crate) struct Shaped {
    content: Content,
    gzip: Option<GzEncoder<Vec<u8>>>,
    trickle: Option<Trickle>,
    /// Bytes that may still leave before the connection ends.
    room: Option<u64>,
    /// It ends as if the body did.
    ends_cleanly: bool,
    /// The head has yet to leave before a cut; it does when the body makes it wait.
    head_held: bool,
    over: bool,
    recorder: Recorder,
}

struct Trickle {
    bytes: usize,
    pause: Duration,
    due: Pin<Box<Sleep>>,
    rest: Bytes,
}

impl Shaped {
    #[must_use]
    pub(crate) fn new(content: Content, fault: &Fault, recorder: Recorder) -> Self {
        let trickle = fault.trickle.map(|(bytes, pause)| Trickle {
            bytes,
            pause,
            due: Box::pin(tokio::time::sleep_until(Instant::now())),
            rest: Bytes::new(),
        });
        Self {
            content,
            gzip: fault.gzip.then(|| GzEncoder::new(Vec::new(), Compression::fast())),
            trickle,
            room: if fault.reset { Some(0) } else { fault.cut.or(fault.end) },
            ends_cleanly: fault.end.is_some() && fault.cut.is_none() && !fault.reset,
            head_held: fault.cut == Some(0) && !fault.reset,
            over: false,
            recorder,
        }
    }

    fn poll_content(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        match &mut self.content {
            Content::Stream(play) => play.poll_piece(cx, &mut self.recorder),
            Content::Whole(body) => Poll::Ready(body.take()),
        }
    }

    fn poll_coded(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            let piece = ready!(self.poll_content(cx));
            let Some(gzip) = &mut self.gzip else { return Poll::Ready(piece) };
            let coded = match piece {
                Some(piece) => {
                    // Writing into memory cannot fail.
                    let _ = gzip.write_all(&piece).and_then(|()| gzip.flush());
                    std::mem::take(gzip.get_mut())
                }
                None => match self.gzip.take().map(GzEncoder::finish) {
                    Some(Ok(tail)) => tail,
                    _ => return Poll::Ready(None),
                },
            };
            if !coded.is_empty() {
                return Poll::Ready(Some(coded.into()));
            }
        }
    }

    fn poll_trickled(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let Some(mut trickle) = self.trickle.take() else { return self.poll_coded(cx) };
        let piece = trickle.poll(cx, |cx| self.poll_coded(cx));
        self.trickle = Some(trickle);
        piece
    }

    /// True when the content has ended and nothing is held back.
    fn is_exhausted(&self) -> bool {
        self.gzip.is_none()
            && self.trickle.as_ref().is_none_or(|trickle| trickle.rest.is_empty())
            && match &self.content {
                Content::Stream(play) => play.is_over(),
                Content::Whole(body) => body.is_none(),
            }
    }

    fn finish(&mut self) {
        self.over = true;
        self.recorder.end();
    }
}

impl Trickle {
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        mut more: impl FnMut(&mut Context<'_>) -> Poll<Option<Bytes>>,
    ) -> Poll<Option<Bytes>> {
        if self.rest.is_empty() {
            match ready!(more(cx)) {
                Some(piece) => self.rest = piece,
                None => return Poll::Ready(None),
            }
        }
        ready!(self.due.as_mut().poll(cx));
        self.due.as_mut().reset(Instant::now() + self.pause);
        Poll::Ready(Some(self.rest.split_to(self.bytes.min(self.rest.len()))))
    }
}

impl Chunks for Shaped {
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Abort>>> {
        if self.over {
            return Poll::Ready(None);
        }
        if std::mem::take(&mut self.head_held) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self.room == Some(0) {
            self.over = true;
            self.recorder.break_off();
            return Poll::Ready(if self.ends_cleanly { None } else { Some(Err(Abort)) });
        }
        let Some(mut piece) = ready!(self.poll_trickled(cx)) else {
            self.finish();
            return Poll::Ready(None);
        };
        let whole = piece.len();
        if let Some(room) = &mut self.room {
            piece.truncate(usize::try_from(*room).unwrap_or(usize::MAX));
            *room -= piece.len() as u64;
        }
        self.recorder.truth.bytes += piece.len() as u64;
        if piece.len() == whole && self.is_exhausted() {
            self.finish();
        }
        Poll::Ready(Some(Ok(piece)))
    }

    fn is_end(&self) -> bool {
        self.over
    }
}
