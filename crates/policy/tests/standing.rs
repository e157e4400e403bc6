//! Decisions that need more than the sample plan: a router whose model ids read like another provider's deployments, an
//! id served both inside and outside the standards, a service in `warn` with one use case.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use paceline_plan::document::{Document, Model};
use paceline_plan::{Plan, sample};
use paceline_policy::{Asked, Caller, Choice, identify, resolve};
use paceline_types::{Api, Code, Failure, Mode};

fn plan(change: impl FnOnce(&mut Document)) -> Plan {
    let mut document = sample::document("http://127.0.0.1:4199/v1");
    change(&mut document);
    Plan::read(&sample::bytes(&document)).expect("the changed plan is sound")
}

/// Adds a deployment of a new provider, first in the plan, as a model of its own that no use case allows.
fn outside(document: &mut Document, provider: &str, model: &str) {
    let like = document.providers[0].clone();
    document.providers.push(paceline_plan::document::Provider { name: provider.into(), ..like });
    let mut deployment = document.deployments[0].clone();
    deployment.name = format!("{provider}/{model}");
    deployment.provider = provider.into();
    deployment.model = model.into();
    document.models.push(Model { name: "outside".into(), deployments: vec![deployment.name.clone()] });
    document.deployments.insert(0, deployment);
}

fn tagged(plan: &Plan, key: &str, service: &str, use_case: &str) -> Result<Caller, Failure> {
    let key = sample::key_text(key);
    let asked = Asked { key: Some(key.as_bytes()), path_tag: Some((service, use_case)), ..Asked::default() };
    identify(plan, &asked).map_err(|refused| refused.0)
}

fn asked(plan: &Plan, service: &str, model: &str, api: Api) -> Result<Choice, Failure> {
    resolve(plan, &tagged(plan, service, service, "support-chat").unwrap(), Some(model), api)
}

fn names<'a>(plan: &'a Plan, choice: &Choice) -> Vec<&'a str> {
    choice.deployments.iter().map(|&deployment| &*plan.deployments[deployment].name).collect()
}

#[test]
fn a_deployments_own_name_means_that_deployment() {
    let plan = plan(|plan| outside(plan, "router", "openai/gpt-5.4-mini"));
    for service in ["watcher", "helpdesk", "builder"] {
        let choice = asked(&plan, service, "openai/gpt-5.4-mini", Api::Chat).unwrap();
        assert_eq!((names(&plan, &choice), choice.off_standard), (vec!["openai/gpt-5.4-mini"], false), "{service}");
    }
    let failure = asked(&plan, "builder", "router/openai/gpt-5.4-mini", Api::Chat).unwrap_err();
    assert_eq!(failure.code, Code::ModelOffStandard);
}

#[test]
fn an_id_inside_and_outside_the_standards_stays_inside() {
    let plan = plan(|plan| outside(plan, "mirror", "gpt-5.4-mini"));
    for service in ["watcher", "helpdesk", "builder"] {
        let choice = asked(&plan, service, "gpt-5.4-mini", Api::Chat).unwrap();
        assert_eq!((names(&plan, &choice), choice.off_standard), (vec!["openai/gpt-5.4-mini"], false), "{service}");
        let (left_out, reason) = choice.passed_over[0];
        assert_eq!(&*plan.deployments[left_out].name, "mirror/gpt-5.4-mini");
        assert!(reason.contains("standards"), "{reason}");
    }
}

#[test]
fn an_id_that_only_outside_deployments_can_serve_is_off_the_standards() {
    let plan = plan(|plan| {
        outside(plan, "mirror", "gpt-5.4-mini");
        plan.providers[0].apis.retain(|api| *api != Api::Chat);
    });
    // The mirror was made before the first provider lost its chat API.
    let choice = asked(&plan, "helpdesk", "gpt-5.4-mini", Api::Chat).unwrap();
    assert_eq!((names(&plan, &choice), choice.off_standard), (vec!["mirror/gpt-5.4-mini"], true));
    assert!(choice.default_deployment.is_some() && choice.advice.unwrap().starts_with("G204"));
    assert_eq!(asked(&plan, "builder", "gpt-5.4-mini", Api::Chat).unwrap_err().code, Code::ModelOffStandard);
}

#[test]
fn an_allowed_id_that_nothing_serves_is_a_matter_of_dialect() {
    let plan = plan(|_| {});
    let failure = asked(&plan, "builder", "gpt-5.4-mini", Api::Messages).unwrap_err();
    assert_eq!(failure.code, Code::DialectUnserved);
}

#[test]
fn a_tag_that_is_not_the_keys_to_use_is_advised_against_even_with_one_use_case() {
    let warned = plan(|plan| plan.services[0].mode = Mode::Warn);
    let caller = tagged(&warned, "watcher", "helpdesk", "triage").unwrap();
    assert!(caller.tag_refused && !caller.untagged);
    assert!(caller.advice.unwrap().starts_with("G103: Key k_watcher of service watcher (owner support) may not act"));
    let observed = plan(|_| {});
    assert_eq!(tagged(&observed, "watcher", "helpdesk", "triage").unwrap().advice, None);
}

#[test]
fn a_tag_for_no_service_gets_the_name_it_may_have_meant() {
    let plan = plan(|_| {});
    let message = tagged(&plan, "builder", "buildr", "repo-agent").unwrap_err().message();
    for part in ["k_builder", "owner support", "\"buildr\"", "Did you mean \"builder\"?", "G103"] {
        assert!(message.contains(part), "{part} is not in {message}");
    }
    assert!(!message.contains("helpdesk"), "services of others are not the key's to see: {message}");
    let message = tagged(&plan, "any", "helpdsk", "triage").unwrap_err().message();
    for part in ["k_any", "\"helpdsk\"", "Did you mean \"helpdesk\"?", "watcher, helpdesk, builder", "G201"] {
        assert!(message.contains(part), "{part} is not in {message}");
    }
}

#[test]
fn advice_on_many_use_cases_is_ascii_as_written() {
    let plan = plan(|plan| {
        for number in 0..9 {
            let like = plan.use_cases[0].clone();
            let name = format!("case-{number}");
            plan.services[1].use_cases.push(name.clone());
            plan.use_cases.push(paceline_plan::document::UseCase { name, ..like });
        }
    });
    let advice = tagged(&plan, "helpdesk", "helpdesk", "nonsense").unwrap().advice.unwrap();
    assert!(advice.ends_with("case-4, case-5 and 3 more") && !advice.contains('?'), "{advice}");
}
