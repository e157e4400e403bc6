//! Reading one answer off a connection: head by httparse, body by `Framing`. Owns the read buffer of a connection; an
//! answer must end exactly where the connection's bytes end, for nothing is pipelined.

use std::io;
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt};

use crate::framing::Framing;

const READ_BYTES: usize = 64 * 1024;

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) events: u64,
    pub(crate) body_bytes: u64,
    /// When the first byte of the body was there.
    pub(crate) first: Option<Instant>,
    /// The longest wait between two reads of the body.
    pub(crate) gap: Duration,
}

/// A connection's buffer, reused for every answer.
#[derive(Debug)]
pub(crate) struct Reader {
    buffer: Vec<u8>,
}

impl Reader {
    #[must_use]
    pub(crate) fn new() -> Self {
        Self { buffer: Vec::with_capacity(8 * 1024) }
    }

    /// Reads one whole answer; `begun` runs at its first body byte.
    pub(crate) async fn read(
        &mut self,
        from: &mut (impl AsyncRead + Unpin),
        begun: impl FnOnce(),
    ) -> io::Result<Answer> {
        self.buffer.clear();
        let (status, mut framing, head_bytes) = loop {
            if from.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if let Some(head) = parse_head(&self.buffer)? {
                break head;
            }
        };
        let mut first = None;
        let (mut gap, mut last) = (Duration::ZERO, None::<Instant>);
        let mut begun = Some(begun);
        let mut from_byte = head_bytes;
        loop {
            if !framing.feed(&self.buffer[from_byte..]) {
                return Err(invalid("the body's framing is not valid"));
            }
            let now = Instant::now();
            gap = gap.max(last.map_or(Duration::ZERO, |last| now.duration_since(last)));
            last = (framing.body_bytes > 0).then_some(now);
            if framing.body_bytes > 0 && first.is_none() {
                first = Some(now);
                if let Some(begun) = begun.take() {
                    begun();
                }
            }
            if framing.done() {
                return Ok(Answer { status, events: framing.events, body_bytes: framing.body_bytes, first, gap });
            }
            self.buffer.clear();
            from_byte = 0;
            self.grow();
            if from.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Whoever receives more than the buffer holds at once gets a larger one; slow streams keep the small one.
    fn grow(&mut self) {
        if self.buffer.capacity() < READ_BYTES && self.buffer.spare_capacity_mut().is_empty() {
            self.buffer.reserve(READ_BYTES);
        }
    }
}

fn parse_head(bytes: &[u8]) -> io::Result<Option<(u16, Framing, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(length) = head.parse(bytes).map_err(|error| invalid(&error.to_string()))? else {
        return Ok(None);
    };
    let status = head.code.unwrap_or(0);
    let find = |name: &str| head.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
    if find("transfer-encoding").is_some() {
        return Ok(Some((status, Framing::chunked(), length)));
    }
    let body = find("content-length")
        .and_then(|header| std::str::from_utf8(header.value).ok()?.trim().parse().ok())
        .ok_or_else(|| invalid("neither content-length nor chunks"))?;
    Ok(Some((status, Framing::length(body), length)))
}

fn invalid(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

#[cfg(test)]
mod tests {
    use super::Reader;

    #[tokio::test]
    async fn an_answer_is_read_whole_and_the_next_one_too() {
        let stream = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
        let mut reader = Reader::new();
        for _ in 0..2 {
            let mut seen = false;
            let answer = reader.read(&mut stream.as_slice(), || seen = true).await.unwrap();
            assert_eq!((answer.status, answer.body_bytes, answer.first.is_some()), (200, 2, true));
            assert!(seen);
        }
    }

    #[tokio::test]
    async fn a_cut_answer_is_an_error() {
        let stream = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab";
        assert!(Reader::new().read(&mut stream.as_slice(), || {}).await.is_err());
    }
}
