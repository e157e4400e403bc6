//! Opening a connection: name, address, handshake, all under the connect deadline.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::ClientConfig;
use tokio::net::{TcpStream, UnixStream, lookup_host};
use tokio::time::{timeout, timeout_at};
use tokio_rustls::TlsConnector;

use super::addresses::AddressRule;
use super::count::Place;
use super::error::SendError;
use super::origin::Origin;
use super::wire::{Socket, Wire};

/// Time one of several addresses gets before the next is tried, when no deadline is set.
const ADDRESS_PATIENCE: Duration = Duration::from_secs(10);

pub(super) enum Target {
    Tcp { origin: Origin, tls: Arc<ClientConfig>, addresses: AddressRule },
    Unix { path: PathBuf },
}

impl Target {
    pub(super) fn authority(&self) -> &str {
        match self {
            Self::Tcp { origin, .. } => &origin.authority,
            Self::Unix { .. } => "localhost",
        }
    }

    pub(super) fn prefix(&self) -> &str {
        match self {
            Self::Tcp { origin, .. } => &origin.prefix,
            Self::Unix { .. } => "",
        }
    }

    /// A fresh connection, ready for a request.
    pub(super) async fn open(&self, place: Place, deadline: Option<Instant>) -> Result<Wire, SendError> {
        let opening = self.open_at_leisure(deadline);
        let socket = match deadline {
            Some(deadline) => timeout_at(deadline.into(), opening).await.map_err(|_| SendError::TimeoutConnect)??,
            None => opening.await?,
        };
        Ok(Wire::new(socket, place))
    }

    async fn open_at_leisure(&self, deadline: Option<Instant>) -> Result<Socket, SendError> {
        match self {
            Self::Unix { path } => UnixStream::connect(path).await.map(Socket::Unix).map_err(SendError::Connect),
            Self::Tcp { origin, tls, addresses } => {
                let stream = connect(origin, addresses, deadline).await?;
                stream.set_nodelay(true).map_err(SendError::Connect)?;
                let Some(name) = &origin.server_name else { return Ok(Socket::Tcp(stream)) };
                let connector = TlsConnector::from(Arc::clone(tls));
                let stream = connector.connect(name.clone(), stream).await;
                stream.map(|stream| Socket::Tls(Box::new(stream))).map_err(|error| SendError::Tls(error.to_string()))
            }
        }
    }
}

/// Resolves the host anew and keeps to the addresses that are permitted, in their order.
async fn connect(origin: &Origin, rule: &AddressRule, deadline: Option<Instant>) -> Result<TcpStream, SendError> {
    // The text of a literal address, and of a name, was judged when the upstream was made.
    if let Ok(address) = origin.host.parse::<IpAddr>() {
        return TcpStream::connect(SocketAddr::new(address, origin.port)).await.map_err(SendError::Connect);
    }
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
        _ => connect_in_turn(&permitted, deadline).await.map_err(SendError::Connect),
    }
}

/// Tries the addresses in turn; each gets an equal share of the time that is left, so that one black hole among them
/// does not use it up.
async fn connect_in_turn(addresses: &[SocketAddr], deadline: Option<Instant>) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for (index, &address) in addresses.iter().enumerate() {
        let left = addresses.len() - index;
        let share = deadline.map_or(ADDRESS_PATIENCE, |deadline| {
            deadline.saturating_duration_since(Instant::now()) / u32::try_from(left).unwrap_or(u32::MAX)
        });
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error,
            Err(_) => last = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(last)
}
