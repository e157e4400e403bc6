//! What to send, where, how often. Owns the reading of arguments; every request of a run is the same bytes.

use bytes::Bytes;

/// One run.
#[derive(Debug, Default)]
pub(crate) struct Options {
    /// `HOST:PORT`
    pub(crate) address: String,
    pub(crate) connections: usize,
    /// Over all connections.
    pub(crate) requests: usize,
    /// Print `begun` as soon as every connection has received the first byte of a body.
    pub(crate) announce: bool,
    /// Head and body, ready to send.
    pub(crate) request: Bytes,
}

impl Options {
    /// Reads `--to HOST:PORT --path P --body FILE --header 'name: value' --connections C --requests N --announce`.
    pub(crate) fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self { connections: 1, requests: 1, ..Self::default() };
        let mut path = String::from("/");
        let mut headers = String::new();
        let mut body = Vec::new();
        let mut arguments = arguments;
        while let Some(name) = arguments.next() {
            if name == "--announce" {
                options.announce = true;
                continue;
            }
            let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
            match name.as_str() {
                "--to" => options.address = value,
                "--path" => path = value,
                "--header" => headers.push_str(&format!("{value}\r\n")),
                "--body" => body = std::fs::read(&value).map_err(|error| format!("{value}: {error}"))?,
                "--connections" => options.connections = number(&name, &value)?,
                "--requests" => options.requests = number(&name, &value)?,
                _ => return Err(format!("unknown argument {name}")),
            }
        }
        if options.address.is_empty() {
            return Err("--to HOST:PORT is needed".into());
        }
        let (host, length) = (&options.address, body.len());
        let mut request = format!(
            "POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n{headers}content-length: {length}\r\n\r\n"
        )
        .into_bytes();
        request.extend_from_slice(&body);
        options.request = request.into();
        Ok(options)
    }
}

fn number(name: &str, value: &str) -> Result<usize, String> {
    value.parse().map_err(|_| format!("{name}: {value:?} is not a whole number"))
}

#[cfg(test)]
mod tests {
    use super::Options;

    fn parse(line: &str) -> Result<Options, String> {
        Options::parse(line.split(' ').map(str::to_owned))
    }

    #[test]
    fn a_request_is_complete() {
        let options = parse("--to 127.0.0.1:1 --path /v1 --header a:b --connections 3 --requests 9").unwrap();
        let text = std::str::from_utf8(&options.request).unwrap();
        assert!(text.starts_with("POST /v1 HTTP/1.1\r\nhost: 127.0.0.1:1\r\n"));
        assert!(text.contains("\r\na:b\r\n") && text.ends_with("content-length: 0\r\n\r\n"));
        assert_eq!((options.connections, options.requests), (3, 9));
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert!(parse("--connections 3").unwrap_err().contains("--to"));
        assert!(parse("--to x --requests many").unwrap_err().contains("--requests"));
        assert!(parse("--speed 3").unwrap_err().contains("--speed"));
    }
}
