//! A caller that may leave: one request on a connection of its own, read to its end, or given up at a byte of the answer
//! or after a time, politely or with a reset. Says what it heard and how that ended; judges nothing.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// No answer of a test takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// When a caller leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// Not before the answer's end.
    Stays,
    /// As soon as so many bytes of the answer, its head included, have come.
    AtByte(usize),
    /// So long after its request was sent.
    After(Duration),
}

/// How what a caller heard came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// As the framing says it should.
    Whole,
    /// The connection was closed or reset before the end that the framing promises; also before any head.
    Broken,
    /// The caller left.
    Left,
}

/// What a caller heard.
#[derive(Debug)]
pub struct Heard {
    /// 0 when there was no whole head.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// Without chunk framing.
    pub body: Vec<u8>,
    pub end: End,
    /// Just before the connection was given up.
    pub left: Option<Instant>,
    pub sent: Instant,
    /// First byte of the answer.
    pub first: Option<Instant>,
    pub ended: Instant,
}

impl Heard {
    /// A header's value; the name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

/// Sends one request, as it is, and listens.
///
/// # Panics
/// When nobody listens, or nothing happens for a minute.
pub async fn call(address: SocketAddr, request: &[u8], leave: Leave, reset: bool) -> Heard {
    let stream = TcpStream::connect(address).await.expect("somebody listens");
    stream.set_nodelay(true).expect("a TCP socket");
    let mut caller = Caller { stream, raw: Vec::new(), read: Reading::default() };
    // The gateway may answer and close before it has read everything.
    let _ = caller.stream.write_all(request).await;
    let sent = Instant::now();
    let listening = tokio::time::timeout(PATIENCE, caller.listen(leave, sent));
    let (end, first) = listening.await.expect("an answer, or its end, in time");
    let ended = Instant::now();
    if reset || end != End::Left {
        // No connection of a test lingers in the kernel: thousands of them would use up the ports.
        let _ = caller.stream.set_zero_linger();
    }
    let left = (end == End::Left).then_some(ended);
    drop(caller.stream);
    let Reading { status, headers, body, .. } = caller.read;
    Heard { status, headers, body, end, left, sent, first, ended }
}

struct Caller {
    stream: TcpStream,
    raw: Vec<u8>,
    read: Reading,
}

impl Caller {
    async fn listen(&mut self, leave: Leave, sent: Instant) -> (End, Option<Instant>) {
        let (room, until) = match leave {
            Leave::Stays => (usize::MAX, None),
            Leave::AtByte(bytes) => (bytes, None),
            Leave::After(time) => (usize::MAX, Some(sent + time)),
        };
        let mut first = None;
        let mut some = vec![0; 16 * 1024];
        while self.raw.len() < room {
            let most = some.len().min(room - self.raw.len());
            let read = self.stream.read(&mut some[..most]);
            let got = match until {
                None => read.await,
                Some(until) => match tokio::time::timeout_at(until.into(), read).await {
                    Ok(got) => got,
                    Err(_) => return (End::Left, first),
                },
            };
            let got = got.unwrap_or(0);
            if got == 0 {
                return (self.read.closed(), first);
            }
            first.get_or_insert_with(Instant::now);
            self.raw.extend_from_slice(&some[..got]);
            if self.read.take(&self.raw) {
                return (End::Whole, first);
            }
        }
        (End::Left, first)
    }
}

/// An answer as far as it has come.
#[derive(Default)]
struct Reading {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    framing: Framing,
    /// Raw bytes that are read already.
    at: usize,
}

#[derive(Clone, Copy, Default)]
enum Framing {
    #[default]
    Head,
    Length(usize),
    Chunked,
    UntilClose,
}

impl Reading {
    /// Reads what is new; true at the end of the answer.
    fn take(&mut self, raw: &[u8]) -> bool {
        if matches!(self.framing, Framing::Head) && !self.head(raw) {
            return false;
        }
        match self.framing {
            Framing::Length(length) => {
                let end = raw.len().min(self.at + length - self.body.len());
                self.body.extend_from_slice(&raw[self.at..end]);
                self.at = end;
                self.body.len() == length
            }
            Framing::Chunked => self.chunks(raw),
            Framing::UntilClose | Framing::Head => {
                self.body.extend_from_slice(&raw[self.at..]);
                self.at = raw.len();
                false
            }
        }
    }

    fn head(&mut self, raw: &[u8]) -> bool {
        let Some(end) = raw.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
        let head = std::str::from_utf8(&raw[..end]).expect("a head in ASCII");
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1));
        self.status = status.and_then(|status| status.parse().ok()).expect("a status");
        let fields = lines.filter_map(|line| line.split_once(':'));
        self.headers = fields.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
        let find = |name: &str| self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str());
        self.framing = match (find("transfer-encoding"), find("content-length")) {
            (Some(coding), _) if coding.ends_with("chunked") => Framing::Chunked,
            (_, Some(length)) => Framing::Length(length.parse().expect("a length")),
            _ if matches!(self.status, 204 | 304) => Framing::Length(0),
            _ => Framing::UntilClose,
        };
        self.at = end + 4;
        true
    }

    /// Undoes whole chunks, and of one that is still coming what has come.
    fn chunks(&mut self, raw: &[u8]) -> bool {
        loop {
            let Some(line) = raw[self.at..].windows(2).position(|window| window == b"\r\n") else { return false };
            let size = std::str::from_utf8(&raw[self.at..self.at + line]).expect("a chunk size");
            let size = usize::from_str_radix(size, 16).expect("a chunk size");
            let data = self.at + line + 2;
            if raw.len() < data + size + 2 {
                return false;
            }
            self.body.extend_from_slice(&raw[data..data + size]);
            self.at = data + size + 2;
            if size == 0 {
                return true;
            }
        }
    }

    /// The connection ended.
    fn closed(&self) -> End {
        if matches!(self.framing, Framing::UntilClose) { End::Whole } else { End::Broken }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_the_same_however_it_is_cut() {
        let chunked = b"HTTP/1.1 200 OK\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
        let sized = b"HTTP/1.1 429 Slow\r\ncontent-length: 5\r\n\r\nabcde";
        for (raw, status) in [(&chunked[..], 200), (&sized[..], 429)] {
            for cut in 0..raw.len() {
                let mut read = Reading::default();
                assert!(!read.take(&raw[..cut]), "{cut}");
                assert!(b"abcde".starts_with(&read.body) && read.closed() == End::Broken, "{cut}");
                assert!(read.take(raw), "{cut}");
                assert_eq!((read.status, &read.body[..]), (status, &b"abcde"[..]));
            }
        }
    }

    #[test]
    fn an_answer_without_length_ends_with_its_connection() {
        let mut read = Reading::default();
        assert!(!read.take(b"HTTP/1.1 200 OK\r\n\r\nabc"));
        assert_eq!((read.closed(), &read.body[..]), (End::Whole, &b"abc"[..]));
    }
}
