//! PutTargets, RemoveTargets, ListTargetsByRule.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sonagi_events::bus::{Input, Target};
use sonagi_model::limits;

use super::{
    Answer, Call,
    buses::DeadLetters,
    checks::Checks,
    error::Fault,
    page::{Wanted, token},
    rules,
};

/// A target, as it is said and shown.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Form {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    arn: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    role_arn: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    input: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    input_path: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    input_transformer: Option<TransformerForm>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sqs_parameters: Option<SqsForm>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dead_letter_config: Option<DeadLetters>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_policy: Option<RetryForm>,
    /// Parameters of other targets than there are here.
    #[serde(flatten)]
    others: Map<String, Value>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TransformerForm {
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    input_paths_map: BTreeMap<String, String>,
    input_template: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SqsForm {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message_group_id: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RetryForm {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    maximum_retry_attempts: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    maximum_event_age_in_seconds: Option<i64>,
}

impl Form {
    fn check(&self, checks: &mut Checks, index: usize) {
        let at = |member: &str| format!("targets.{}.member.{member}", index + 1);
        checks.name(&at("id"), self.id.as_deref(), limits::TARGET_ID_SIZE);
        checks.there(&at("arn"), self.arn.is_some());
        checks.length(&at("arn"), self.arn.as_deref(), 1..=limits::BUS_ARN_SIZE);
        checks.length(&at("roleArn"), self.role_arn.as_deref(), 1..=limits::BUS_ARN_SIZE);
        checks.length(&at("input"), self.input.as_deref(), 0..=limits::TARGET_INPUT_SIZE);
        checks.length(&at("inputPath"), self.input_path.as_deref(), 0..=limits::INPUT_PATH_SIZE);
        let group = self.sqs_parameters.as_ref().and_then(|sqs| sqs.message_group_id.as_deref());
        checks.length(&at("sqsParameters.messageGroupId"), group, 0..=limits::TARGET_GROUP_SIZE);
        if let Some(retry) = &self.retry_policy {
            let attempts = retry.maximum_retry_attempts;
            checks.range(&at("retryPolicy.maximumRetryAttempts"), attempts, 0..=limits::TARGET_RETRIES_MAX);
            let ages = limits::TARGET_AGE_MIN..=limits::TARGET_AGE_MAX;
            let age = retry.maximum_event_age_in_seconds;
            checks.range(&at("retryPolicy.maximumEventAgeInSeconds"), age, ages);
        }
    }

    fn target(self) -> Result<Target, Fault> {
        let id = self.id.unwrap_or_default();
        if let Some((name, _)) = self.others.iter().find(|(_, value)| !value.is_null()) {
            let name: String = name.chars().take(64).collect();
            return Err(Fault::validation(format!("Parameter(s) {name} not valid for target: {id}.")));
        }
        let given = (
            self.input.filter(|text| !text.is_empty()),
            self.input_path.filter(|text| !text.is_empty()),
            self.input_transformer,
        );
        let input = match given {
            (None, None, None) => Input::Event,
            (Some(text), None, None) => Input::Constant(text),
            (None, Some(path), None) => Input::Path(path),
            (None, None, Some(TransformerForm { input_paths_map, input_template })) => {
                Input::Template { paths: input_paths_map, template: input_template }
            }
            _ => {
                return Err(Fault::validation(format!(
                    "Only one of Input, InputPath, or InputTransformer must be provided for target {id}."
                )));
            }
        };
        let number = |number: Option<i64>| number.and_then(|number| u32::try_from(number).ok());
        let retry = self.retry_policy.as_ref();
        Ok(Target {
            id,
            arn: self.arn.unwrap_or_default(),
            input,
            group: self.sqs_parameters.and_then(|sqs| sqs.message_group_id),
            dead_letters: self.dead_letter_config.and_then(|it| it.arn),
            retries: number(retry.and_then(|retry| retry.maximum_retry_attempts)),
            age: number(retry.and_then(|retry| retry.maximum_event_age_in_seconds)),
            role: self.role_arn,
        })
    }
}

impl From<&Target> for Form {
    fn from(target: &Target) -> Self {
        let (mut input, mut input_path, mut input_transformer) = (None, None, None);
        match target.input.clone() {
            Input::Event => {}
            Input::Constant(text) => input = Some(text),
            Input::Path(path) => input_path = Some(path),
            Input::Template { paths, template } => {
                input_transformer =
                    Some(TransformerForm { input_paths_map: paths, input_template: template });
            }
        }
        let (retries, age) = (target.retries.map(i64::from), target.age.map(i64::from));
        let has_retry = retries.is_some() || age.is_some();
        Self {
            id: Some(target.id.clone()),
            arn: Some(target.arn.clone()),
            role_arn: target.role.clone(),
            input,
            input_path,
            input_transformer,
            sqs_parameters: target.group.clone().map(|group| SqsForm { message_group_id: Some(group) }),
            dead_letter_config: target.dead_letters.clone().map(|arn| DeadLetters { arn: Some(arn) }),
            retry_policy: has_retry
                .then_some(RetryForm { maximum_retry_attempts: retries, maximum_event_age_in_seconds: age }),
            others: Map::new(),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutInput {
    rule: Option<String>,
    event_bus_name: Option<String>,
    targets: Option<Vec<Form>>,
}

/// What cannot be is refused as a whole: no target fails by itself.
#[derive(Serialize, Default)]
#[serde(rename_all = "PascalCase")]
struct FailedOutput {
    failed_entry_count: usize,
    failed_entries: [(); 0],
}

pub(super) async fn put(call: &Call<'_>) -> Answer {
    let input: PutInput = call.read()?;
    let mut checks = Checks::default();
    checks.name("rule", input.rule.as_deref(), limits::RULE_NAME_SIZE);
    checks.there("targets", input.targets.is_some());
    let forms = input.targets.unwrap_or_default();
    checks.count("targets", forms.len(), 1..=limits::BUS_TARGETS_AT_ONCE);
    for (index, form) in forms.iter().enumerate() {
        form.check(&mut checks, index);
    }
    checks.done()?;
    let (bus, rule) = rules::rule(call, input.event_bus_name.as_deref(), input.rule.as_deref())?;
    let targets = forms.into_iter().map(Form::target).collect::<Result<Vec<_>, _>>()?;
    call.buses.put_targets(&bus, &rule, targets).await?;
    call.answer(&FailedOutput::default())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RemoveInput {
    rule: Option<String>,
    event_bus_name: Option<String>,
    ids: Option<Vec<String>>,
}

pub(super) async fn remove(call: &Call<'_>) -> Answer {
    let input: RemoveInput = call.read()?;
    let mut checks = Checks::default();
    checks.name("rule", input.rule.as_deref(), limits::RULE_NAME_SIZE);
    checks.there("ids", input.ids.is_some());
    let ids = input.ids.unwrap_or_default();
    checks.count("ids", ids.len(), 1..=limits::BUS_TARGETS_AT_ONCE);
    for (index, id) in ids.iter().enumerate() {
        checks.name(&format!("ids.{}.member", index + 1), Some(id), limits::TARGET_ID_SIZE);
    }
    checks.done()?;
    let (bus, rule) = rules::rule(call, input.event_bus_name.as_deref(), input.rule.as_deref())?;
    call.buses.remove_targets(&bus, &rule, ids).await?;
    call.answer(&FailedOutput::default())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListInput {
    rule: Option<String>,
    event_bus_name: Option<String>,
    next_token: Option<String>,
    limit: Option<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListOutput {
    targets: Vec<Form>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

pub(super) async fn list(call: &Call<'_>) -> Answer {
    let input: ListInput = call.read()?;
    let mut checks = Checks::default();
    checks.name("rule", input.rule.as_deref(), limits::RULE_NAME_SIZE);
    checks.done()?;
    let (bus, rule) = rules::rule(call, input.event_bus_name.as_deref(), input.rule.as_deref())?;
    let wanted = Wanted::of(input.limit, input.next_token.as_deref())?;
    let rule = call.buses.find_rule(&bus, &rule).await?;
    let ahead: Vec<&Target> = rule.targets.iter().filter(|target| wanted.is_ahead(&target.id)).collect();
    let shown = &ahead[..ahead.len().min(wanted.most)];
    call.answer(&ListOutput {
        targets: shown.iter().map(|target| Form::from(*target)).collect(),
        next_token: token(shown.last().map(|target| target.id.as_str()), ahead.len() > shown.len()),
    })
}
