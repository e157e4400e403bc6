//! The way through a proxy: a tunnel by CONNECT, and what the proxy said instead of one. Quotes nothing but the status.

use std::io;

use http::HeaderValue;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::error::ProxyFault;

/// Bound on the head of a proxy's answer.
const HEAD_BYTES_MAX: usize = 16 * 1024;
const HEADERS_MAX: usize = 64;

/// Turns a connection to a proxy into one to `target` (`host:port`). The caller bounds the time.
pub(super) async fn tunnel(
    stream: &mut TcpStream,
    target: &str,
    authorization: Option<&HeaderValue>,
) -> Result<(), ProxyFault> {
    let mut request = format!("CONNECT {target} HTTP/1.1\r\nhost: {target}\r\n").into_bytes();
    if let Some(value) = authorization {
        request.extend_from_slice(b"proxy-authorization: ");
        request.extend_from_slice(value.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    stream.write_all(&request).await.map_err(ProxyFault::Broke)?;
    match read_status(stream).await? {
        200 => Ok(()),
        status => Err(ProxyFault::Answered(status)),
    }
}

async fn read_status(stream: &mut TcpStream) -> Result<u16, ProxyFault> {
    let mut head = Vec::new();
    loop {
        let mut room = [0; 2048];
        let read = stream.read(&mut room).await.map_err(ProxyFault::Broke)?;
        if read == 0 {
            return Err(ProxyFault::Broke(io::ErrorKind::UnexpectedEof.into()));
        }
        head.extend_from_slice(&room[..read]);
        if let Some((status, length)) = parse(&head)? {
            // A tunnel's far side waits for our handshake: nothing can have come yet.
            return if status == 200 && length != head.len() { Err(ProxyFault::Malformed) } else { Ok(status) };
        }
        if head.len() > HEAD_BYTES_MAX {
            return Err(ProxyFault::Malformed);
        }
    }
}

/// The status and the head's length, once the head is whole.
fn parse(bytes: &[u8]) -> Result<Option<(u16, usize)>, ProxyFault> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut headers);
    match response.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => {
            response.code.map(|status| Some((status, length))).ok_or(ProxyFault::Malformed)
        }
        Ok(httparse::Status::Partial) => Ok(None),
        Err(_) => Err(ProxyFault::Malformed),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_when_it_is_whole_and_refused_when_it_is_none() {
        assert_eq!(parse(b"HTTP/1.1 200 Connection established\r\n\r\n").unwrap(), Some((200, 39)));
        assert_eq!(parse(b"HTTP/1.0 407 No\r\nproxy-authenticate: Basic\r\n\r\nbody").unwrap().unwrap().0, 407);
        assert!(parse(b"HTTP/1.1 200 OK\r\n").unwrap().is_none() && parse(b"").unwrap().is_none());
        assert!(matches!(parse(b"SSH-2.0-x\r\n\r\n"), Err(ProxyFault::Malformed)));
        let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(HEADERS_MAX + 1));
        assert!(matches!(parse(many.as_bytes()), Err(ProxyFault::Malformed)));
    }
}
