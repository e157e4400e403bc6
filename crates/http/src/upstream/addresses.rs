//! Which addresses a provider may have. Refuses those that are no provider's whatever a name resolves to: link-local,
//! cloud metadata, unspecified, multicast, broadcast. Loopback and private nets pass: in-house engines live there.
//! Pure: resolves nothing and connects to nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Metadata services outside the link-local net.
const METADATA: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)), IpAddr::V6(Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254))];

/// Names of metadata services; judged before any resolution.
const METADATA_NAMES: [&str; 1] = ["metadata.google.internal"];

/// The refused addresses, with the exceptions the operator allowed. The default has no exception.
#[derive(Debug, Clone, Default)]
pub struct AddressRule {
    nets: Vec<Net>,
    hosts: Vec<String>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Net {
    address: IpAddr,
    bits: u8,
}

impl AddressRule {
    /// A rule with exceptions: addresses (`169.254.7.1`), nets (`169.254.7.0/24`) and host names. A host name opens
    /// whatever that name resolves to, and no other name for the same address.
    ///
    /// # Errors
    /// When an entry is neither; the text names it.
    pub fn new(allowed: &[String]) -> Result<Self, String> {
        let mut rule = Self::default();
        for entry in allowed {
            if entry.contains('/') || entry.parse::<IpAddr>().is_ok() {
                rule.nets.push(Net::parse(entry)?);
            } else if is_host(entry) {
                rule.hosts.push(bare(entry).to_ascii_lowercase());
            } else {
                return Err(format!("{entry:?} is neither an address, nor a net, nor a host name"));
            }
        }
        Ok(rule)
    }

    /// False for a host whose very text is refused: a literal address, or the name of a metadata service.
    pub(super) fn permits_host(&self, host: &str) -> bool {
        let named = bare(host);
        if let Ok(address) = named.parse() {
            return self.permits(host, address);
        }
        self.is_allowed_host(host) || !METADATA_NAMES.iter().any(|name| name.eq_ignore_ascii_case(named))
    }

    /// Whether `host`, having resolved to `address`, may be connected to there.
    pub(super) fn permits(&self, host: &str, address: IpAddr) -> bool {
        let address = plain(address);
        !is_refused(address) || self.nets.iter().any(|net| net.contains(address)) || self.is_allowed_host(host)
    }

    fn is_allowed_host(&self, host: &str) -> bool {
        self.hosts.iter().any(|allowed| allowed.eq_ignore_ascii_case(bare(host)))
    }
}

impl Net {
    fn parse(text: &str) -> Result<Self, String> {
        let net = Self::masked_from(text)?;
        if net.first() != net.bits_of(net.address) {
            return Err(format!("{text:?} has bits set behind its prefix"));
        }
        // Addresses are compared in their plain form; so must a net of mapped ones be.
        match plain(net.address) {
            IpAddr::V4(inner) if net.address.is_ipv6() && net.bits >= 96 => {
                Ok(Self { address: inner.into(), bits: net.bits - 96 })
            }
            _ => Ok(net),
        }
    }

    /// The net of an address with its prefix; bits behind the prefix count for nothing.
    pub(super) fn masked_from(text: &str) -> Result<Self, String> {
        let fault = |why: &str| format!("{text:?} {why}");
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| fault("is not a net"))?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            None => width,
            Some(bits) if !bits.is_empty() && bits.bytes().all(|byte| byte.is_ascii_digit()) => {
                bits.parse().map_err(|_| fault("has a prefix that is too long"))?
            }
            Some(_) => return Err(fault("has a prefix that is no number")),
        };
        if bits > width {
            return Err(fault("has a prefix that is too long"));
        }
        Ok(Self { address, bits })
    }

    pub(super) fn contains(self, address: IpAddr) -> bool {
        self.address.is_ipv4() == address.is_ipv4() && self.masked(self.bits_of(address)) == self.first()
    }

    fn first(self) -> u128 {
        self.masked(self.bits_of(self.address))
    }

    /// The address, its highest bit the number's highest.
    fn bits_of(self, address: IpAddr) -> u128 {
        match address {
            IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
            IpAddr::V6(address) => address.to_bits(),
        }
    }

    fn masked(self, bits: u128) -> u128 {
        bits & u128::MAX.checked_shl(128 - u32::from(self.bits)).unwrap_or(0)
    }
}

/// The IPv4 address inside an IPv6 one that only wraps it: mapped, or translated by NAT64 (64:ff9b::/96).
fn plain(address: IpAddr) -> IpAddr {
    let IpAddr::V6(wrapped) = address else { return address };
    if let Some(inner) = wrapped.to_ipv4_mapped() {
        return inner.into();
    }
    match wrapped.segments() {
        [0x0064, 0xff9b, 0, 0, 0, 0, high, low] => Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)).into(),
        _ => address,
    }
}

fn is_refused(address: IpAddr) -> bool {
    let by_kind = match address {
        IpAddr::V4(address) => address.is_link_local() || address.is_broadcast(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    by_kind || address.is_unspecified() || address.is_multicast() || METADATA.contains(&address)
}

/// A host without its brackets or the dot of a fully qualified name.
fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.')
}

fn is_host(text: &str) -> bool {
    !bare(text).is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn rule(allowed: &[&str]) -> Result<AddressRule, String> {
        AddressRule::new(&allowed.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn what_is_no_providers_address_is_refused_and_in_house_nets_are_not() {
        let refused = [
            "169.254.169.254",
            "169.254.0.0",
            "169.254.255.255",
            "100.100.100.200",
            "0.0.0.0",
            "224.0.0.1",
            "239.255.255.255",
            "255.255.255.255",
            "fe80::1",
            "febf::1",
            "fd00:ec2::254",
            "::",
            "ff02::1",
            "::ffff:169.254.169.254",
            "::ffff:0.0.0.0",
            "::ffff:100.100.100.200",
            "64:ff9b::169.254.169.254",
        ];
        let permitted = [
            "127.0.0.1",
            "10.0.0.5",
            "172.16.3.4",
            "192.168.1.1",
            "169.253.255.255",
            "169.255.0.0",
            "100.100.100.201",
            "8.8.8.8",
            "::1",
            "fd00::1",
            "fd00:ec2::253",
            "fec0::1",
            "2001:db8::1",
            "::ffff:127.0.0.1",
            "64:ff9b::8.8.8.8",
        ];
        let rule = AddressRule::default();
        for text in refused {
            assert!(!rule.permits("name", text.parse().unwrap()), "{text}");
            assert!(!rule.permits_host(text), "{text}");
        }
        for text in permitted {
            assert!(rule.permits("name", text.parse().unwrap()), "{text}");
            assert!(rule.permits_host(text), "{text}");
        }
        for name in ["metadata.google.internal", "Metadata.Google.Internal.", "169.254.169.254."] {
            assert!(!rule.permits_host(name), "{name}");
        }
        assert!(rule.permits_host("api.openai.com") && rule.permits_host("xmetadata.google.internal"));
    }

    #[test]
    fn an_exception_opens_what_it_names_and_no_more() {
        let net = rule(&["169.254.7.0/24", "fe80::/64"]).unwrap();
        for (address, permitted) in [
            ("169.254.7.9", true),
            ("::ffff:169.254.7.9", true),
            ("169.254.8.9", false),
            ("169.254.169.254", false),
            ("fe80::9", true),
            ("fe80:0:0:1::9", false),
        ] {
            assert_eq!(net.permits("name", address.parse().unwrap()), permitted, "{address}");
        }
        let mapped = rule(&["::ffff:169.254.7.0/120"]).unwrap();
        assert!(mapped.permits("name", "169.254.7.9".parse().unwrap()));
        assert!(!mapped.permits("name", "169.254.8.9".parse().unwrap()));

        let metadata: IpAddr = "169.254.169.254".parse().unwrap();
        let named = rule(&["Metadata.Google.Internal"]).unwrap();
        assert!(named.permits_host("metadata.google.internal.") && named.permits("metadata.google.internal", metadata));
        assert!(!named.permits("other", metadata) && !named.permits_host("169.254.169.254"));

        let everything = rule(&["0.0.0.0/0"]).unwrap();
        assert!(everything.permits("name", metadata) && !everything.permits("name", "fe80::1".parse().unwrap()));
    }

    #[test]
    fn an_entry_that_is_nothing_is_refused_by_name() {
        let faulty = [
            "",
            ".",
            "10.0.0.0/33",
            "fe80::/129",
            "10.0.0.0/",
            "10.0.0.0/+8",
            "10.0.0.1/8",
            "host/8",
            "a b",
            "h:80",
            "10.0.0.0/999",
        ];
        for entry in faulty {
            assert!(rule(&[entry]).unwrap_err().contains(&format!("{entry:?}")), "{entry}");
        }
    }
}
