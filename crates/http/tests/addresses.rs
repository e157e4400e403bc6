//! The guard of addresses on real sockets: what a name resolves to is judged before anything is sent there. The names
//! are numbers: not literal addresses for a parser, but resolved by the system without any server.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use paceline_http::{AddressRule, CallError, SendError, Upstream, UpstreamFault, UpstreamOptions, client_tls};
use support::{Server, echo, handler, options, upstream};

fn allowing(allowed: &[&str]) -> UpstreamOptions {
    let allowed: Vec<String> = allowed.iter().map(ToString::to_string).collect();
    UpstreamOptions { addresses: AddressRule::new(&allowed).unwrap(), ..options(client_tls().unwrap()) }
}

#[tokio::test]
async fn a_name_that_resolves_to_a_refused_address_is_not_connected_to() {
    // 169.254.169.254 and 0.0.0.0, as numbers.
    for (host, address) in [("2852039166", "169.254.169.254"), ("0xa9fea9fe", "169.254.169.254"), ("0", "0.0.0.0")] {
        let error = upstream(&format!("http://{host}:9")).get("/").await.unwrap_err();
        let CallError::Send(error) = error else { panic!("{error}") };
        assert!(matches!(&error, SendError::AddressRefused(text) if text == address), "{host}: {error}");
        assert!(error.nothing_sent() && error.before_first_byte());
    }
}

#[tokio::test]
async fn a_name_that_resolves_to_this_machine_is_reached() {
    let server = Server::start(handler(echo));
    for host in ["localhost", "2130706433", "127.0.0.1"] {
        let called = upstream(&format!("http://{host}:{}", server.address.port())).post("/", "hello").await.unwrap();
        assert_eq!(called.text(), "hello", "{host}");
    }
}

#[tokio::test]
async fn an_exception_lets_a_refused_address_be_tried() {
    // On this system the unspecified address leads to this machine.
    let server = Server::start(handler(echo));
    for (host, allowed) in [("0", "0.0.0.0/32"), ("0", "0"), ("0.0.0.0", "0.0.0.0")] {
        let base = format!("http://{host}:{}", server.address.port());
        let upstream = Upstream::new(&base, allowing(&[allowed])).unwrap();
        assert_eq!(upstream.post("/", "hello").await.unwrap().text(), "hello", "{host} {allowed}");
    }
}

#[test]
fn a_base_url_with_a_refused_host_is_no_upstream() {
    for host in ["169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]", "0.0.0.0", "metadata.google.internal"] {
        let fault = Upstream::new(&format!("http://{host}/v1"), allowing(&[])).unwrap_err();
        assert_eq!(fault, UpstreamFault::Address, "{host}");
    }
    assert!(Upstream::new("http://169.254.169.254/v1", allowing(&["169.254.169.254"])).is_ok());
}
