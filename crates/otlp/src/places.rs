//! Where a plan's deployments are, in the words of the conventions.

use std::sync::Arc;

use paceline_plan::Plan;

use crate::names;

/// A plan's deployments, by its indices.
#[derive(Debug, Default)]
pub(crate) struct Places(Vec<Place>);

#[derive(Debug)]
pub(crate) struct Place {
    pub name: Arc<str>,
    /// The provider's own model id.
    pub model: Arc<str>,
    pub provider: String,
    pub address: String,
    pub port: u16,
}

impl Places {
    pub(crate) fn of(plan: &Plan) -> Self {
        let place = |deployment: &paceline_plan::Deployment| {
            let provider = &plan.providers[deployment.provider];
            let (address, port) = authority(&provider.base_url);
            Place {
                name: Arc::clone(&deployment.name),
                model: Arc::clone(&deployment.model),
                provider: names::provider(&provider.name).to_owned(),
                address,
                port,
            }
        };
        Self(plan.deployments.iter().map(place).collect())
    }

    pub(crate) fn get(&self, deployment: Option<usize>) -> Option<&Place> {
        self.0.get(deployment?)
    }
}

/// Host and port of a base URL that the plan's check has let through.
fn authority(base_url: &str) -> (String, u16) {
    let (scheme, rest) = base_url.split_once("://").unwrap_or(("https", base_url));
    let authority = rest.split('/').next().unwrap_or_default();
    let usual = if scheme == "http" { 80 } else { 443 };
    let port = authority.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
    let (host, port) = port.unwrap_or((authority, usual));
    (host.trim_matches(['[', ']']).to_owned(), port)
}

#[cfg(test)]
mod tests {
    use super::authority;

    #[test]
    fn hosts_and_ports_are_told_apart() {
        for (url, host, port) in [
            ("https://api.openai.com/v1", "api.openai.com", 443),
            ("http://10.0.0.5:8000/v1", "10.0.0.5", 8000),
            ("http://[::1]:8000", "::1", 8000),
            ("http://[fd00::1]/v1", "fd00::1", 80),
        ] {
            assert_eq!(authority(url), (host.to_owned(), port), "{url}");
        }
    }
}
