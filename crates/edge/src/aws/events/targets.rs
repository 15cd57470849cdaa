//! PutTargets, RemoveTargets, ListTargetsByRule.

use serde::{Deserialize, Serialize};
use sonagi_events::bus::{Target, TargetForm};
use sonagi_model::limits;

use super::{
    Answer, Call,
    checks::Checks,
    page::{Wanted, token},
    rules,
};

fn check(form: &TargetForm, checks: &mut Checks, index: usize) {
    let at = |member: &str| format!("targets.{}.member.{member}", index + 1);
    checks.name(&at("id"), form.id.as_deref(), limits::TARGET_ID_SIZE);
    checks.there(&at("arn"), form.arn.is_some());
    checks.length(&at("arn"), form.arn.as_deref(), 1..=limits::BUS_ARN_SIZE);
    checks.length(&at("roleArn"), form.role_arn.as_deref(), 1..=limits::BUS_ARN_SIZE);
    checks.length(&at("input"), form.input.as_deref(), 0..=limits::TARGET_INPUT_SIZE);
    checks.length(&at("inputPath"), form.input_path.as_deref(), 0..=limits::INPUT_PATH_SIZE);
    let group = form.sqs_parameters.as_ref().and_then(|sqs| sqs.message_group_id.as_deref());
    checks.length(&at("sqsParameters.messageGroupId"), group, 0..=limits::TARGET_GROUP_SIZE);
    if let Some(retry) = &form.retry_policy {
        let attempts = retry.maximum_retry_attempts;
        checks.range(
            &at("retryPolicy.maximumRetryAttempts"),
            attempts,
            0..=limits::TARGET_RETRIES_MAX.into(),
        );
        let ages = limits::TARGET_AGE_MIN.into()..=limits::TARGET_AGE_MAX.into();
        let age = retry.maximum_event_age_in_seconds;
        checks.range(&at("retryPolicy.maximumEventAgeInSeconds"), age, ages);
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutInput {
    rule: Option<String>,
    event_bus_name: Option<String>,
    targets: Option<Vec<TargetForm>>,
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
        check(form, &mut checks, index);
    }
    checks.done()?;
    let (bus, rule) = rules::rule(call, input.event_bus_name.as_deref(), input.rule.as_deref())?;
    let targets = forms.into_iter().map(TargetForm::target).collect::<Result<Vec<_>, _>>()?;
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
    targets: Vec<TargetForm>,
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
        targets: shown.iter().map(|target| TargetForm::from(*target)).collect(),
        next_token: token(shown.last().map(|target| target.id.as_str()), ahead.len() > shown.len()),
    })
}
