//! Identify: whose request is it, and of which use case? The key says which services a caller may act for; a tag in
//! the path comes before one in the headers, then the key's own use case, then the service's default.

use paceline_plan::{Key, Plan};
use paceline_types::{Code, Failure, Mode};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::near::{list, nearest, shown};

/// What a request says of itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked<'a> {
    pub key: Option<&'a [u8]>,
    /// (service, use case) of `/t/SERVICE/USE-CASE/…`.
    pub path_tag: Option<(&'a str, &'a str)>,
    pub header_service: Option<&'a str>,
    pub header_use_case: Option<&'a str>,
}

/// Who is asking; indices into the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    pub key: usize,
    pub service: usize,
    pub use_case: usize,
    pub mode: Mode,
    /// No valid use-case tag came; the use case is a default.
    pub untagged: bool,
    /// The tag named a service the key may not act for.
    pub tag_refused: bool,
    /// For `x-paceline-advice`, in warn mode.
    pub advice: Option<String>,
}

/// What was known when a request was refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Partial {
    pub key: Option<usize>,
    pub service: Option<usize>,
}

type Refused = Box<(Failure, Partial)>;

/// Decides who is asking.
///
/// # Errors
/// With the refusal, and what was known of the caller by then.
pub fn identify(plan: &Plan, asked: &Asked<'_>) -> Result<Caller, Refused> {
    let key_index = find_key(plan, asked.key)?;
    let key = &plan.keys[key_index];
    let refused = |failure: Failure, service| Box::new((failure, Partial { key: Some(key_index), service }));

    let tag_service = asked.path_tag.map(|(service, _)| service).or(asked.header_service);
    let tag_use_case = asked.path_tag.map(|(_, use_case)| use_case).or(asked.header_use_case);
    let named = tag_service.and_then(|name| plan.service(name));
    let allowed = named.filter(|&service| key.may_act_for(service));
    let own = key.service.or_else(|| key.services.first().copied());
    let Some(service) = allowed.or(own) else {
        return Err(refused(no_service(plan, key, tag_service), None));
    };
    let tag_refused = tag_service.is_some() && allowed.is_none();
    let mode = plan.services[service].mode;
    if mode == Mode::Enforce {
        if tag_refused {
            return Err(refused(not_for_service(plan, key, service, tag_service.unwrap_or_default()), Some(service)));
        }
        if plan.services[service].owner.is_none() {
            let name = &plan.services[service].name;
            return Err(refused(
                Failure::new(Code::OwnerMissing, format!("Service {name} has no owner")),
                Some(service),
            ));
        }
    }
    // A tag for a service that is not ours says nothing about our use cases.
    let tag_use_case = if tag_refused { None } else { tag_use_case };
    let (use_case, tagged) = choose_use_case(plan, key, service, tag_use_case);
    let advice = match mode {
        Mode::Warn if tag_refused => {
            Some(advice(&not_for_service(plan, key, service, tag_service.unwrap_or_default())))
        }
        Mode::Warn if !tagged => Some(advice(&untagged(plan, service, tag_use_case))),
        Mode::Enforce if !tagged => return Err(refused(untagged(plan, service, tag_use_case), Some(service))),
        _ => None,
    };
    Ok(Caller { key: key_index, service, use_case, mode, untagged: !tagged, tag_refused, advice })
}

/// Looks the key up by its SHA-256 and compares in constant time.
fn find_key(plan: &Plan, key: Option<&[u8]>) -> Result<usize, Refused> {
    let refused = |code, what: &str| Box::new((Failure::new(code, what), Partial::default()));
    let Some(text) = key.filter(|text| !text.is_empty()) else {
        return Err(refused(Code::KeyMissing, "The request carries no key"));
    };
    let digest: [u8; 32] = Sha256::digest(text).into();
    let found = plan.key(&digest).filter(|&index| bool::from(plan.keys[index].digest.ct_eq(&digest)));
    found.ok_or_else(|| refused(Code::KeyUnknown, "The key is not one of this gateway's"))
}

/// The use case, and whether it was named rather than assumed.
fn choose_use_case(plan: &Plan, key: &Key, service: usize, tag: Option<&str>) -> (usize, bool) {
    let ours = &plan.services[service].use_cases;
    if let Some(name) = tag {
        if let Some(use_case) = plan.use_case(name).filter(|use_case| ours.contains(use_case)) {
            return (use_case, true);
        }
    } else if let Some(use_case) = key.use_case.filter(|use_case| ours.contains(use_case)) {
        return (use_case, true);
    } else if let [only] = ours[..] {
        return (only, true);
    }
    (plan.services[service].default_use_case.unwrap_or(ours[0]), false)
}

/// Only a key for any service has none of its own.
fn no_service(plan: &Plan, key: &Key, tag: Option<&str>) -> Failure {
    let Some(name) = tag else {
        let what = format!("Key {} may act for any service and the request names none", key.id);
        return Failure::new(Code::TagMissing, what);
    };
    let all = || plan.services.iter().map(|service| &*service.name);
    Failure::new(Code::TagMissing, format!("Key {} names no service of the standards: {:?}", key.id, shown(name)))
        .hint(format!("{}Services: {}", mean(name, all()), list(all())))
}

/// `own` is the service the key acts for without a tag. Names only services the key may act for.
fn not_for_service(plan: &Plan, key: &Key, own: usize, tag: &str) -> Failure {
    let acts_for = |service: &usize| key.may_act_for(*service);
    let ours = || (0..plan.services.len()).filter(acts_for).map(|service| &*plan.services[service].name);
    let own = &plan.services[own];
    let owner = own.owner.as_deref().unwrap_or("nobody");
    let why = if plan.service(tag).is_some() { "may not act for" } else { "names a service that does not exist:" };
    let what = format!("Key {} of service {} (owner {owner}) {why} {:?}", key.id, own.name, shown(tag));
    Failure::new(Code::KeyNotForService, what).hint(format!(
        "{}Use a key of that service, or tag one this key may act for: {}",
        mean(tag, ours()),
        list(ours())
    ))
}

/// `Did you mean "x"? `, or nothing.
fn mean<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    nearest(name, known).map(|name| format!("Did you mean {name:?}? ")).unwrap_or_default()
}

fn untagged(plan: &Plan, service: usize, tag: Option<&str>) -> Failure {
    let service = &plan.services[service];
    let ours = || service.use_cases.iter().map(|&use_case| &*plan.use_cases[use_case].name);
    let owner = service.owner.as_deref().unwrap_or("nobody");
    match tag {
        None => {
            let what =
                format!("Service {} (owner {owner}) has several use cases and the request names none", service.name);
            Failure::new(Code::TagMissing, what).hint(format!(
                "Add /t/{}/USE-CASE to the base URL, or send x-paceline-use-case; its use cases: {}",
                service.name,
                list(ours())
            ))
        }
        Some(name) => {
            let what = format!("Service {} (owner {owner}) has no use case {:?}", service.name, shown(name));
            Failure::new(Code::UseCaseUnknown, what).hint(format!(
                "{}Its use cases: {}",
                mean(name, ours()),
                list(ours())
            ))
        }
    }
}

/// A refusal as a line of advice: ASCII, one line.
pub(crate) fn advice(failure: &Failure) -> String {
    let row = failure.code.row();
    let hint = if failure.hint.is_empty() { row.advice } else { &failure.hint };
    let line = format!("{}: {}. {}", row.code, failure.detail, hint);
    line.chars()
        .map(|character| if character.is_ascii() && !character.is_ascii_control() { character } else { '?' })
        .collect()
}
