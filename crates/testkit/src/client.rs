//! A plain HTTP/1.1 client that hides nothing: what was sent is what the test wrote, what came is kept with its
//! instants, and an answer that ended early says so.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// No answer of a test takes longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// One connection.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer as it came.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// Without chunk framing.
    pub body: Vec<u8>,
    /// How many bytes of the body there were at which instant, after each read.
    pub arrivals: Vec<(Instant, usize)>,
    /// False when the connection ended before the body did.
    pub complete: bool,
}

/// One server-sent event and when its last byte came.
#[derive(Clone, Debug)]
pub struct Event {
    pub at: Instant,
    pub name: Option<String>,
    pub data: String,
}

impl Connection {
    /// Connects, without delay on small writes.
    ///
    /// # Panics
    /// When nobody listens.
    pub async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("somebody listens");
        stream.set_nodelay(true).expect("a TCP socket");
        Self { stream, buffer: Vec::new() }
    }

    /// Sends bytes as they are.
    ///
    /// # Panics
    /// When the connection is broken.
    pub async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.expect("an open connection");
    }

    /// Reads more; false at the end of the connection, however it ended.
    ///
    /// # Panics
    /// When nothing comes for half a minute.
    pub async fn read_more(&mut self) -> bool {
        let read = self.stream.read_buf(&mut self.buffer);
        matches!(tokio::time::timeout(PATIENCE, read).await.expect("bytes in time"), Ok(count) if count > 0)
    }

    /// All bytes until the connection ends.
    pub async fn read_to_end(mut self) -> Vec<u8> {
        while self.read_more().await {}
        self.buffer
    }

    /// One answer; `None` when the connection ended before its head did.
    ///
    /// # Panics
    /// When what came is not HTTP.
    pub async fn read_answer(&mut self) -> Option<Answer> {
        let mut answer = self.read_head().await?;
        let length = answer.header("content-length").map(|text| text.parse::<usize>().expect("a length"));
        let chunked = answer.header("transfer-encoding").is_some_and(|coding| coding == "chunked");
        loop {
            let (body, end) = if chunked { unchunk(&self.buffer) } else { (self.buffer.clone(), length) };
            let end = if chunked { end } else { end.filter(|&end| body.len() >= end) };
            if body.len() > answer.body.len() {
                answer.arrivals.push((Instant::now(), body.len()));
            }
            answer.body = body;
            if let Some(end) = end {
                self.buffer.drain(..end);
                answer.body.truncate(length.unwrap_or(usize::MAX));
                return Some(answer);
            }
            if !self.read_more().await {
                answer.complete = !chunked && length.is_none();
                return Some(answer);
            }
        }
    }

    async fn read_head(&mut self) -> Option<Answer> {
        let end = loop {
            if let Some(at) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break at;
            }
            if !self.read_more().await {
                return None;
            }
        };
        let head: Vec<u8> = self.buffer.drain(..end + 4).collect();
        let head = String::from_utf8(head).expect("a head in ASCII");
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().expect("a status");
        let headers = lines.filter_map(|line| line.split_once(':'));
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
        Some(Answer { status, headers, body: Vec::new(), arrivals: Vec::new(), complete: true })
    }
}

/// Undoes chunk framing as far as it goes; with where the last chunk ended, when it did.
fn unchunk(bytes: &[u8]) -> (Vec<u8>, Option<usize>) {
    let mut body = Vec::new();
    let mut at = 0;
    while let Some(line) = bytes[at..].windows(2).position(|window| window == b"\r\n") {
        let size = std::str::from_utf8(&bytes[at..at + line]).expect("a chunk size");
        let size = usize::from_str_radix(size, 16).expect("a chunk size");
        let data = at + line + 2;
        if size == 0 {
            return (body, bytes.get(data..data + 2).map(|_| data + 2));
        }
        body.extend_from_slice(&bytes[data.min(bytes.len())..(data + size).min(bytes.len())]);
        at = data + size + 2;
        if at > bytes.len() {
            break;
        }
    }
    (body, None)
}

impl Answer {
    /// A header's value; the name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    ///
    /// # Panics
    /// When it is not UTF-8.
    #[must_use]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("UTF-8")
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is not.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// The body's whole events.
    ///
    /// # Panics
    /// When it is not UTF-8.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        let mut events = Vec::new();
        let mut end = 0;
        for text in self.text().split_inclusive("\n\n").filter(|text| text.ends_with("\n\n")) {
            end += text.len();
            let arrival = self.arrivals.iter().find(|(_, have)| *have >= end).expect("it arrived");
            let field =
                |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(|rest| rest.trim_start());
            events.push(Event {
                at: arrival.0,
                name: field("event:").map(ToOwned::to_owned),
                data: field("data:").unwrap_or_default().to_owned(),
            });
        }
        events
    }
}

/// One request on a connection of its own, with a content-length when there is a body.
///
/// # Panics
/// When nobody listens or no answer comes.
pub async fn request(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Option<Answer> {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        head.push_str(&format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len()));
    }
    let mut connection = Connection::open(address).await;
    connection.send(format!("{head}\r\n{body}").as_bytes()).await;
    connection.read_answer().await
}

/// A POST that must be answered.
///
/// # Panics
/// When it is not.
pub async fn post(address: SocketAddr, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    request(address, "POST", path, headers, body).await.expect("an answer")
}

/// A GET that must be answered.
///
/// # Panics
/// When it is not.
pub async fn get(address: SocketAddr, path: &str) -> Answer {
    request(address, "GET", path, &[], "").await.expect("an answer")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_undone_wherever_they_are_cut() {
        let framed = b"3\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n";
        for cut in 0..framed.len() {
            let (body, end) = unchunk(&framed[..cut]);
            assert!(b"abc0123456789abcdef".starts_with(&body), "{cut}");
            assert_eq!(end, None, "{cut}");
        }
        assert_eq!(unchunk(framed), (b"abc0123456789abcdef".to_vec(), Some(framed.len())));
    }
}
