//! Accept: which API an address means, and the tag in it. `/v1/…`, `/messages…`, each also under
//! `/t/SERVICE/USE-CASE/…`. Query strings pass through untouched.

use paceline_http::Method;
use paceline_types::{Api, Code, Failure};

/// Where a request goes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Route<'a> {
    Call(Call<'a>),
    Passed(Passed<'a>),
    Health,
    Ready,
}

/// One API call with its tag, still in the caller's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Call<'a> {
    pub api: Api,
    /// (service, use case) from the path.
    pub tag: Option<(&'a str, &'a str)>,
}

/// Any other path below `/v1`, with its tag: a provider may take it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Passed<'a> {
    /// Below the provider's base URL: `/files/file-1`.
    pub path: &'a str,
    pub tag: Option<(&'a str, &'a str)>,
}

/// Finds the route of a path (without its query string).
pub(crate) fn find<'a>(method: &Method, path: &'a str) -> Result<Route<'a>, Failure> {
    match path {
        "/healthz" => return Ok(Route::Health),
        "/readyz" => return Ok(Route::Ready),
        _ => {}
    }
    let (tag, rest) = split_tag(path);
    let Some(api) = api(rest) else {
        let below = rest.strip_prefix("/v1").filter(|path| path.len() > 1 && path.starts_with('/'));
        let unknown = || Failure::new(Code::RouteUnknown, "This address is not served");
        return below.map(|path| Route::Passed(Passed { path, tag })).ok_or_else(unknown);
    };
    let wanted = if api == Api::Models { Method::GET } else { Method::POST };
    if *method != wanted {
        return Err(Failure::new(Code::MethodNotAllowed, format!("This address takes {wanted} only")));
    }
    Ok(Route::Call(Call { api, tag }))
}

/// The dialect to answer in when all that is known is the path.
pub(crate) fn speaks_anthropic(path: &str) -> bool {
    split_tag(path).1.contains("/messages")
}

fn split_tag(path: &str) -> (Option<(&str, &str)>, &str) {
    let Some(tagged) = path.strip_prefix("/t/") else { return (None, path) };
    let Some((service, rest)) = tagged.split_once('/') else { return (None, path) };
    let end = rest.find('/').unwrap_or(rest.len());
    let (use_case, rest) = rest.split_at(end);
    if service.is_empty() || use_case.is_empty() { (None, path) } else { (Some((service, use_case)), rest) }
}

fn api(path: &str) -> Option<Api> {
    let path = path.strip_prefix("/v1").unwrap_or(path);
    Api::ALL.into_iter().find(|api| api.provider_path() == path)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn call(path: &str) -> Option<Call<'_>> {
        match find(&Method::POST, path) {
            Ok(Route::Call(call)) => Some(call),
            _ => None,
        }
    }

    #[test]
    fn every_address_of_the_contract_is_served_with_and_without_a_tag() {
        for (path, api) in [
            ("/v1/chat/completions", Api::Chat),
            ("/v1/completions", Api::Completions),
            ("/v1/embeddings", Api::Embeddings),
            ("/v1/responses", Api::Responses),
            ("/v1/messages", Api::Messages),
            ("/messages", Api::Messages),
            ("/v1/messages/count_tokens", Api::CountTokens),
        ] {
            assert_eq!(call(path), Some(Call { api, tag: None }));
            let tagged = format!("/t/helpdesk/support-chat{path}");
            assert_eq!(call(&tagged), Some(Call { api, tag: Some(("helpdesk", "support-chat")) }));
        }
        assert_eq!(find(&Method::GET, "/v1/models").unwrap(), Route::Call(Call { api: Api::Models, tag: None }));
    }

    #[test]
    fn other_addresses_and_methods_are_refused_with_a_code() {
        for path in ["/", "/v1", "/v1/", "/v2/chat/completions", "/t/a/b", "/t//b/v1/messages", "/t/a"] {
            assert_eq!(find(&Method::POST, path).unwrap_err().code, Code::RouteUnknown, "{path}");
        }
        let passed = Passed { path: "/files/f-1", tag: Some(("a", "b")) };
        assert_eq!(find(&Method::DELETE, "/t/a/b/v1/files/f-1").unwrap(), Route::Passed(passed));
        assert_eq!(find(&Method::GET, "/v1/messages").unwrap_err().code, Code::MethodNotAllowed);
        assert_eq!(find(&Method::POST, "/v1/models").unwrap_err().code, Code::MethodNotAllowed);
    }
}
