//! Which address asks for what. The `/v1` in front may be left out.

use http::Method;
use paceline_types::Api;

use crate::elsewhere::{self, Address};

/// What a request is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// A call to a model.
    Call(Api),
    Models,
    Model(String),
    /// `/sim/requests`
    Requests,
    /// `/sim/fault`
    Fault,
    /// `/sim/stats`
    Stats,
    Health,
    /// The APIs around generation.
    Elsewhere(Address),
    WrongMethod,
    Unknown,
}

/// Reads method and path.
#[must_use]
pub(crate) fn find(method: &Method, path: &str) -> Route {
    let path = path.strip_prefix("/v1").filter(|rest| rest.starts_with('/')).unwrap_or(path);
    let path = path.trim_end_matches('/');
    let get = |route| if method == Method::GET { route } else { Route::WrongMethod };
    if let Some(api) = Api::ALL.into_iter().find(|api| *api != Api::Models && api.provider_path() == path) {
        return if method == Method::POST { Route::Call(api) } else { Route::WrongMethod };
    }
    match path {
        "/models" => get(Route::Models),
        "/sim/stats" => get(Route::Stats),
        "/health" | "/healthz" => get(Route::Health),
        "/sim/requests" => Route::Requests,
        "/sim/fault" => Route::Fault,
        _ => match path.strip_prefix("/models/") {
            Some(name) if !name.is_empty() => get(Route::Model(name.to_owned())),
            _ => elsewhere::find(path).map_or(Route::Unknown, Route::Elsewhere),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lead_where_they_should() {
        let find = |method: Method, path| find(&method, path);
        assert_eq!(find(Method::POST, "/v1/chat/completions"), Route::Call(Api::Chat));
        assert_eq!(find(Method::POST, "/completions"), Route::Call(Api::Completions));
        assert_eq!(find(Method::POST, "/v1/messages/count_tokens"), Route::Call(Api::CountTokens));
        assert_eq!(find(Method::GET, "/v1/messages"), Route::WrongMethod);
        assert_eq!(find(Method::GET, "/v1/models/"), Route::Models);
        assert_eq!(find(Method::GET, "/v1/models/a/b"), Route::Model("a/b".into()));
        assert_eq!(find(Method::DELETE, "/sim/requests"), Route::Requests);
        assert_eq!(find(Method::POST, "/v1x/messages"), Route::Unknown);
    }
}
