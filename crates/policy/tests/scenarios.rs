//! Runs the tables of `scenarios/*.md`. A row that does not hold is shown with what was decided instead.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod table;

use paceline_plan::{Plan, sample};
use paceline_policy::{Asked, Caller, cap, identify, resolve};
use paceline_types::Api;

use table::check;

fn plan() -> Plan {
    Plan::read(&sample::bytes(&sample::document("http://127.0.0.1:4199/v1"))).expect("the sample plan is sound")
}

fn half(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty() && *text != "-")
}

fn advice(line: Option<&str>) -> String {
    line.map(|line| format!(" advice {}", line.split(':').next().unwrap())).unwrap_or_default()
}

#[test]
fn identify_holds() {
    let plan = plan();
    check(include_str!("../scenarios/identify.md"), |row| {
        let key = half(&row[0]).map(sample::key_text);
        let header = row[2].split_once('/');
        let asked = Asked {
            key: key.as_deref().map(str::as_bytes),
            path_tag: row[1].split_once('/'),
            header_service: header.and_then(|(service, _)| half(service)),
            header_use_case: header.and_then(|(_, use_case)| half(use_case)),
        };
        match identify(&plan, &asked) {
            Err(refused) => format!("refused {}", refused.0.code.row().code),
            Ok(caller) => {
                let tag = format!("{}/{}", plan.services[caller.service].name, plan.use_cases[caller.use_case].name);
                let marks = [(caller.untagged, " !"), (caller.tag_refused, " ^")];
                let marks: String = marks.iter().filter(|(set, _)| *set).map(|(_, mark)| *mark).collect();
                format!("{tag}{marks}{}", advice(caller.advice.as_deref()))
            }
        }
    });
}

fn caller(plan: &Plan, tag: &str) -> Caller {
    let (service, use_case) = tag.split_once('/').unwrap();
    let key = sample::key_text(service);
    let asked = Asked { key: Some(key.as_bytes()), path_tag: Some((service, use_case)), ..Asked::default() };
    identify(plan, &asked).expect("the scenario's tag is sound")
}

fn api(name: &str) -> Api {
    Api::ALL.into_iter().find(|api| api.name() == name).expect("an API's name")
}

#[test]
fn resolve_holds() {
    let plan = plan();
    check(include_str!("../scenarios/resolve.md"), |row| {
        match resolve(&plan, &caller(&plan, &row[0]), half(&row[1]), api(&row[2])) {
            Err(failure) => format!("refused {}", failure.code.row().code),
            Ok(choice) => {
                let model = choice.model.map(|model| format!("{}: ", plan.models[model].name)).unwrap_or_default();
                let names: Vec<&str> =
                    choice.deployments.iter().map(|&deployment| &*plan.deployments[deployment].name).collect();
                let mark = if choice.off_standard { " *" } else { "" };
                format!("{model}{}{mark}{}", names.join(", "), advice(choice.advice.as_deref()))
            }
        }
    });
}

#[test]
fn cap_holds() {
    let plan = plan();
    check(include_str!("../scenarios/cap.md"), |row| {
        let caller = caller(&plan, &row[0]);
        let deployment = plan.models[plan.use_cases[caller.use_case].model].deployments[0];
        match cap(&plan, &caller, row[1] == "yes", api(&row[2]), deployment) {
            Some((field, tokens)) => format!("{field} {tokens}"),
            None => "as it is".into(),
        }
    });
}

#[test]
fn a_refusal_names_the_rule_whose_it_is_and_what_to_do() {
    let plan = plan();
    let key = sample::key_text("builder");
    let asked = Asked { key: Some(key.as_bytes()), path_tag: Some(("builder", "repo-agnt")), ..Asked::default() };
    let refused = identify(&plan, &asked).unwrap_err();
    let message = refused.0.message();
    for part in ["builder", "owner support", "repo-agnt", "Did you mean \"repo-agent\"?", "support-chat", "G202"] {
        assert!(message.contains(part), "{part} is not in {message}");
    }
    let caller = caller(&plan, "builder/repo-agent");
    let message = resolve(&plan, &caller, Some("large"), Api::Chat).unwrap_err().message();
    for part in ["\"large\"", "repo-agent", "builder", "owner support", "claude", "waiver", "G204"] {
        assert!(message.contains(part), "{part} is not in {message}");
    }
}

#[test]
fn advice_fits_a_header_whatever_the_caller_wrote() {
    let plan = plan();
    let key = sample::key_text("helpdesk");
    let asked =
        Asked { key: Some(key.as_bytes()), path_tag: Some(("helpdesk", "tri\r\nage\u{e9}")), ..Asked::default() };
    let advice = identify(&plan, &asked).unwrap().advice.unwrap();
    assert!(advice.bytes().all(|byte| (b' '..0x7f).contains(&byte)), "{advice:?}");
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_identified_or_refused(
        key in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..80),
        service in "\\PC{0,40}", use_case in "\\PC{0,40}", model in "\\PC{0,40}",
    ) {
        let plan = plan();
        let good = sample::key_text("helpdesk");
        for key in [&key[..], good.as_bytes()] {
            let asked = Asked { key: Some(key), path_tag: Some((&service, &use_case)), ..Asked::default() };
            if let Ok(caller) = identify(&plan, &asked) {
                let _ = resolve(&plan, &caller, Some(&model), Api::Chat);
            }
        }
    }
}
