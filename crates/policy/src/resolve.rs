//! Resolve: which model, at which deployments? A model name, `task:NAME`, `auto`, or a provider's own id; the standards
//! say which of them the use case may have. What a deployment cannot serve in the caller's dialect is passed over.

use paceline_plan::Plan;
use paceline_types::{Api, Code, Failure, Mode};

use crate::Caller;
use crate::identify::advice;
use crate::near::{list, nearest, shown};

/// Where a request may go; indices into the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The standards' model; none for a deployment asked for by its own id.
    pub model: Option<usize>,
    /// In order of preference; all speak the caller's API.
    pub deployments: Vec<usize>,
    pub off_standard: bool,
    /// First deployment of the use case's default model, for what it would have cost.
    pub default_deployment: Option<usize>,
    /// Deployments left out, each with the reason.
    pub passed_over: Vec<(usize, &'static str)>,
    /// For `x-paceline-advice`, in warn mode.
    pub advice: Option<String>,
}

/// Decides where a request may go.
///
/// # Errors
/// When the model is unknown, off the standards in enforce mode, or served in no dialect the caller speaks.
pub fn resolve(plan: &Plan, caller: &Caller, asked: Option<&str>, api: Api) -> Result<Choice, Failure> {
    let use_case = &plan.use_cases[caller.use_case];
    let (model, candidates) = named(plan, caller, asked)?;
    let inside = |deployment: usize| {
        model.is_some() || use_case.models.iter().any(|&model| plan.models[model].deployments.contains(&deployment))
    };
    let on_standard = match model {
        Some(model) => use_case.models.contains(&model),
        // A provider's own id may be served both inside and outside the standards: those inside are enough.
        None => {
            candidates.iter().all(|&each| inside(each))
                || candidates.iter().any(|&each| inside(each) && unfit(plan, each, api).is_none())
        }
    };
    let mut advised = None;
    if !on_standard && caller.mode != Mode::Observe {
        let failure = off_standard(plan, caller, asked.unwrap_or_default());
        if caller.mode == Mode::Enforce {
            return Err(failure);
        }
        advised = Some(advice(&failure));
    }
    let mut choice = Choice {
        model,
        deployments: Vec::with_capacity(candidates.len()),
        off_standard: !on_standard,
        default_deployment: plan.models[use_case.model].deployments.first().copied(),
        passed_over: Vec::new(),
        advice: advised,
    };
    for &deployment in candidates {
        let outside = (on_standard && !inside(deployment)).then_some("is outside this use case's standards");
        match outside.or_else(|| unfit(plan, deployment, api)) {
            None => choice.deployments.push(deployment),
            Some(reason) => choice.passed_over.push((deployment, reason)),
        }
    }
    if choice.deployments.is_empty() {
        return Err(unserved(plan, &choice, api));
    }
    Ok(choice)
}

/// The model (if it is one of the standards') and its deployments.
fn named<'a>(plan: &'a Plan, caller: &Caller, asked: Option<&str>) -> Result<(Option<usize>, &'a [usize]), Failure> {
    let of_model = |model: usize| (Some(model), &*plan.models[model].deployments);
    match asked {
        None | Some("auto" | "") => Ok(of_model(plan.use_cases[caller.use_case].model)),
        Some(name) => {
            if let Some(model) = plan.model(name) {
                return Ok(of_model(model));
            }
            if let Some(task) = name.strip_prefix("task:") {
                let task = plan.task(task).ok_or_else(|| unknown_task(plan, task))?;
                return Ok(of_model(plan.tasks[task].model));
            }
            match plan.deployments_named(name) {
                [] => Err(unknown_model(plan, name)),
                deployments => Ok((None, deployments)),
            }
        }
    }
}

fn unfit(plan: &Plan, deployment: usize, api: Api) -> Option<&'static str> {
    let provider = &plan.providers[plan.deployments[deployment].provider];
    if provider.dialect != api.dialect() {
        Some("speaks another dialect")
    } else if !provider.apis.contains(&api) {
        Some("does not serve this API")
    } else {
        None
    }
}

fn unknown_task(plan: &Plan, name: &str) -> Failure {
    let known = || plan.tasks.iter().map(|task| &*task.name);
    let mean = nearest(name, known()).map(|name| format!("Did you mean task:{name}? ")).unwrap_or_default();
    Failure::new(Code::TaskUnknown, format!("The standards name no task {:?}", shown(name)))
        .hint(format!("{mean}Tasks: {}", list(known())))
}

fn unknown_model(plan: &Plan, name: &str) -> Failure {
    let models = || plan.models.iter().map(|model| &*model.name);
    let known = models().chain(plan.deployments.iter().map(|deployment| &*deployment.model));
    let mean = nearest(name, known).map(|name| format!("Did you mean {name:?}? ")).unwrap_or_default();
    Failure::new(Code::ModelUnknown, format!("The standards know no model {:?}", shown(name)))
        .hint(format!("{mean}Ask for `auto`, task:NAME, or one of: {}", list(models())))
}

fn off_standard(plan: &Plan, caller: &Caller, asked: &str) -> Failure {
    let use_case = &plan.use_cases[caller.use_case];
    let service = &plan.services[caller.service];
    let owner = service.owner.as_deref().unwrap_or("nobody");
    let allowed = list(use_case.models.iter().map(|&model| &*plan.models[model].name));
    let what = format!(
        "Model {:?} is not in the standards for use case {} of service {} (owner {owner})",
        shown(asked),
        use_case.name,
        service.name
    );
    Failure::new(Code::ModelOffStandard, what)
        .hint(format!("Ask for `auto` or one of: {allowed}; or request a waiver from the platform team"))
}

fn unserved(plan: &Plan, choice: &Choice, api: Api) -> Failure {
    let name =
        |(deployment, reason): &(usize, &'static str)| format!("{} {reason}", plan.deployments[*deployment].name);
    let reasons: Vec<String> = choice.passed_over.iter().map(name).collect();
    Failure::new(
        Code::DialectUnserved,
        format!("No deployment of this model serves the {} API: {}", api.name(), reasons.join("; ")),
    )
}
