//! Opening a connection: name, address, a proxy's tunnel, handshake, all under the connect deadline.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderName, HeaderValue, header};
use rustls::ClientConfig;
use tokio::net::{TcpStream, UnixStream, lookup_host};
use tokio::time::{timeout, timeout_at};
use tokio_rustls::TlsConnector;

use super::UpstreamOptions;
use super::addresses::AddressRule;
use super::count::Place;
use super::error::{ProxyFault, SendError};
use super::origin::Origin;
use super::proxies::Proxy;
use super::tunnel::tunnel;
use super::wire::{Socket, Wire};

/// Time one of several addresses gets before the next is tried, when no deadline is set.
const ADDRESS_PATIENCE: Duration = Duration::from_secs(10);

/// What is offered to a peer at the TLS handshake.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Offer {
    Http1,
    /// And HTTP/1.1, should it not know better.
    Http2,
}

pub(super) enum Target {
    Tcp { origin: Origin, tls: Arc<ClientConfig>, addresses: AddressRule, by: Option<Box<By>> },
    Unix { path: PathBuf },
}

/// The proxy a target is reached by.
pub(super) struct By {
    proxy: Proxy,
    authorization: Option<HeaderValue>,
    /// In front of every path: the absolute form that a proxy wants for plain HTTP.
    prefix: String,
}

impl By {
    fn new(proxy: &Proxy, origin: &Origin) -> Self {
        let authorization =
            proxy.authorization().and_then(|value| HeaderValue::from_str(value).ok()).map(|mut value| {
                value.set_sensitive(true);
                value
            });
        Self { proxy: proxy.clone(), authorization, prefix: format!("http://{}{}", origin.authority, origin.prefix) }
    }

    fn failed(&self, fault: ProxyFault) -> SendError {
        SendError::Proxy { proxy: self.proxy.to_string(), fault }
    }
}

impl Target {
    pub(super) fn tcp(origin: Origin, options: &UpstreamOptions) -> Self {
        let proxy = options.proxies.choose(origin.server_name.is_some(), &origin.host, origin.port);
        let by = proxy.map(|proxy| Box::new(By::new(proxy, &origin)));
        Self::Tcp { origin, tls: Arc::clone(&options.tls.0), addresses: options.addresses.clone(), by }
    }

    pub(super) fn authority(&self) -> &str {
        match self {
            Self::Tcp { origin, .. } => &origin.authority,
            Self::Unix { .. } => "localhost",
        }
    }

    pub(super) fn prefix(&self) -> &str {
        match self {
            Self::Tcp { origin, .. } => self.in_plain_by().map_or(&origin.prefix, |by| &by.prefix),
            Self::Unix { .. } => "",
        }
    }

    /// The proxy that reads each request itself: there is one and no tunnel.
    fn in_plain_by(&self) -> Option<&By> {
        match self {
            Self::Tcp { origin, by, .. } if origin.server_name.is_none() => by.as_deref(),
            _ => None,
        }
    }

    /// What each request says to the proxy that reads it.
    pub(super) fn proxy_authorization(&self) -> Option<(HeaderName, HeaderValue)> {
        let value = self.in_plain_by()?.authorization.clone()?;
        Some((header::PROXY_AUTHORIZATION, value))
    }

    /// An answer with `status` may be the proxy's own, and no provider's.
    pub(super) fn judge(&self, status: u16) -> Result<(), SendError> {
        match self.in_plain_by() {
            Some(by) if status == 407 => Err(by.failed(ProxyFault::Answered(status))),
            _ => Ok(()),
        }
    }

    /// A fresh connection, ready for a request.
    pub(super) async fn open(&self, place: Place, deadline: Option<Instant>) -> Result<Wire, SendError> {
        let opening = self.open_socket(Offer::Http1, deadline);
        let socket = match deadline {
            Some(deadline) => timeout_at(deadline.into(), opening).await.map_err(|_| SendError::TimeoutConnect)??,
            None => opening.await?,
        };
        Ok(Wire::new(socket, place))
    }

    /// True where HTTP/2 can be spoken: not to a proxy that reads each request itself.
    pub(super) fn may_speak_http2(&self) -> bool {
        self.in_plain_by().is_none()
    }

    pub(super) fn is_secure(&self) -> bool {
        matches!(self, Self::Tcp { origin, .. } if origin.server_name.is_some())
    }

    /// The socket alone; `deadline` is kept by the caller, and shared out among several addresses here.
    pub(super) async fn open_socket(&self, offer: Offer, deadline: Option<Instant>) -> Result<Socket, SendError> {
        match self {
            Self::Unix { path } => UnixStream::connect(path).await.map(Socket::Unix).map_err(SendError::Connect),
            Self::Tcp { origin, tls, addresses, by } => {
                let stream = match by {
                    Some(by) => connect_by(by, origin, addresses, deadline).await?,
                    None => connect(origin, addresses, deadline).await?,
                };
                let Some(name) = &origin.server_name else { return Ok(Socket::Tcp(stream)) };
                let connector = TlsConnector::from(offered(tls, offer));
                let stream = connector.connect(name.clone(), stream).await;
                stream.map(|stream| Socket::Tls(Box::new(stream))).map_err(|error| SendError::Tls(error.to_string()))
            }
        }
    }
}

fn offered(tls: &Arc<ClientConfig>, offer: Offer) -> Arc<ClientConfig> {
    match offer {
        Offer::Http1 => Arc::clone(tls),
        Offer::Http2 => {
            let mut tls = ClientConfig::clone(tls);
            tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
            Arc::new(tls)
        }
    }
}

/// Through a proxy: the proxy resolves the name, so only a host whose text is an address can be judged here. Where the
/// proxy itself is, the operator decides.
async fn connect_by(
    by: &By,
    origin: &Origin,
    rule: &AddressRule,
    deadline: Option<Instant>,
) -> Result<TcpStream, SendError> {
    if origin.is_number() {
        permitted(origin, rule).await?;
    }
    let failed = |error| by.failed(ProxyFault::Connect(error));
    let found = lookup_host((by.proxy.host.as_str(), by.proxy.port)).await.map_err(failed)?;
    let mut stream = connect_in_turn(&found.collect::<Vec<_>>(), deadline).await.map_err(failed)?;
    if origin.server_name.is_some() {
        let opened = tunnel(&mut stream, &origin.host_and_port(), by.authorization.as_ref()).await;
        opened.map_err(|fault| by.failed(fault))?;
    }
    Ok(stream)
}

async fn connect(origin: &Origin, rule: &AddressRule, deadline: Option<Instant>) -> Result<TcpStream, SendError> {
    // The text of a literal address, and of a name, was judged when the upstream was made.
    if let Ok(address) = origin.host.parse::<IpAddr>() {
        let address = SocketAddr::new(address, origin.port);
        return connect_in_turn(&[address], deadline).await.map_err(SendError::Connect);
    }
    let addresses = permitted(origin, rule).await?;
    connect_in_turn(&addresses, deadline).await.map_err(SendError::Connect)
}

/// Resolves the host anew and keeps to the addresses that are permitted, in their order.
async fn permitted(origin: &Origin, rule: &AddressRule) -> Result<Vec<SocketAddr>, SendError> {
    let found = lookup_host((origin.host.as_str(), origin.port)).await.map_err(SendError::Connect)?;
    let mut refused = None;
    let mut permitted = Vec::new();
    for address in found {
        if rule.permits(&origin.host, address.ip()) {
            permitted.push(address);
        } else {
            refused.get_or_insert(address.ip());
        }
    }
    match refused {
        Some(address) if permitted.is_empty() => Err(SendError::AddressRefused(address.to_string())),
        _ => Ok(permitted),
    }
}

/// Tries the addresses in turn; each gets an equal share of the time that is left, so that one black hole among them
/// does not use it up.
async fn connect_in_turn(addresses: &[SocketAddr], deadline: Option<Instant>) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for (index, &address) in addresses.iter().enumerate() {
        let left = addresses.len() - index;
        let share = match deadline {
            // The deadline itself ends the last one.
            Some(_) if left == 1 => Duration::MAX,
            Some(deadline) => {
                deadline.saturating_duration_since(Instant::now()) / u32::try_from(left).unwrap_or(u32::MAX)
            }
            None => ADDRESS_PATIENCE,
        };
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return stream.set_nodelay(true).map(|()| stream),
            Ok(Err(error)) => last = error,
            Err(_) => last = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(last)
}
