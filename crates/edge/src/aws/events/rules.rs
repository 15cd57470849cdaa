//! PutRule, DeleteRule, DescribeRule, EnableRule, DisableRule, ListRules, ListRuleNamesByTarget.

use serde::{Deserialize, Serialize};
use sonagi_events::{
    BusName,
    bus::{Rule, RuleDraft, RuleName, RuleState},
};
use sonagi_model::limits;

use super::{
    Answer, Call, address,
    checks::Checks,
    error::Fault,
    page::{Wanted, token},
    tags,
};

const ENABLED: &str = "ENABLED";
const DISABLED: &str = "DISABLED";
const WITH_MANAGEMENT: &str = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutInput {
    name: Option<String>,
    schedule_expression: Option<String>,
    event_pattern: Option<String>,
    state: Option<String>,
    description: Option<String>,
    role_arn: Option<String>,
    tags: Option<Vec<tags::Tag>>,
    event_bus_name: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PutOutput {
    rule_arn: String,
}

pub(super) async fn put(call: &Call<'_>) -> Answer {
    let input: PutInput = call.read()?;
    let mut checks = Checks::default();
    checks.name("name", input.name.as_deref(), limits::RULE_NAME_SIZE);
    checks.length("eventPattern", input.event_pattern.as_deref(), 0..=limits::BUS_PATTERN_TEXT);
    let schedule = input.schedule_expression.as_deref();
    checks.length("scheduleExpression", schedule, 0..=limits::SCHEDULE_EXPRESSION_SIZE);
    checks.one_of("state", input.state.as_deref(), &[ENABLED, DISABLED, WITH_MANAGEMENT]);
    checks.description(input.description.as_deref());
    checks.length("roleArn", input.role_arn.as_deref(), 1..=limits::BUS_ARN_SIZE);
    checks.done()?;
    let (bus, name) = rule(call, input.event_bus_name.as_deref(), input.name.as_deref())?;
    let tags = tags::read(input.tags.as_deref().unwrap_or_default())?;
    let draft = RuleDraft {
        bus: bus.clone(),
        name: name.clone(),
        pattern: input.event_pattern.filter(|pattern| !pattern.is_empty()),
        schedule: input.schedule_expression.filter(|schedule| !schedule.is_empty()),
        state: match input.state.as_deref() {
            Some(DISABLED) => RuleState::Disabled,
            Some(WITH_MANAGEMENT) => RuleState::EnabledWithManagement,
            Some(_) | None => RuleState::Enabled,
        },
        description: input.description.filter(|description| !description.is_empty()),
        role: input.role_arn,
        tags,
    };
    call.buses.put_rule(draft).await?;
    call.answer(&PutOutput { rule_arn: call.buses.rule_arn(&bus, &name) })
}

/// The rule of that name, for a caller that may do this to it.
pub(super) fn rule(
    call: &Call<'_>,
    bus: Option<&str>,
    name: Option<&str>,
) -> Result<(BusName, RuleName), Fault> {
    let bus = address::bus(call.parts, "eventBusName", bus)?;
    let name =
        name.and_then(RuleName::new).ok_or_else(|| Fault::parameter("Name", "It is no rule's name."))?;
    call.may_rule(&bus, &name)?;
    Ok((bus, name))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OnlyRule {
    name: Option<String>,
    event_bus_name: Option<String>,
}

impl OnlyRule {
    fn read(call: &Call<'_>) -> Result<(BusName, RuleName), Fault> {
        let input: Self = call.read()?;
        let mut checks = Checks::default();
        checks.name("name", input.name.as_deref(), limits::RULE_NAME_SIZE);
        checks.done()?;
        rule(call, input.event_bus_name.as_deref(), input.name.as_deref())
    }
}

pub(super) async fn delete(call: &Call<'_>) -> Answer {
    let (bus, name) = OnlyRule::read(call)?;
    call.buses.delete_rule(&bus, &name).await?;
    call.done()
}

pub(super) async fn enable(call: &Call<'_>) -> Answer {
    let (bus, name) = OnlyRule::read(call)?;
    call.buses.switch_rule(&bus, &name, RuleState::Enabled).await?;
    call.done()
}

pub(super) async fn disable(call: &Call<'_>) -> Answer {
    let (bus, name) = OnlyRule::read(call)?;
    call.buses.switch_rule(&bus, &name, RuleState::Disabled).await?;
    call.done()
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Described<'a> {
    name: &'a str,
    arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_pattern: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schedule_expression: Option<&'a str>,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role_arn: Option<&'a str>,
    event_bus_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_by: Option<&'a str>,
}

impl<'a> Described<'a> {
    fn of(call: &Call<'_>, rule: &'a Rule) -> Self {
        Self {
            name: rule.name.as_str(),
            arn: call.buses.rule_arn(&rule.bus, &rule.name),
            event_pattern: rule.pattern.as_deref(),
            schedule_expression: rule.schedule.as_deref(),
            state: match rule.state {
                RuleState::Enabled => ENABLED,
                RuleState::Disabled => DISABLED,
                RuleState::EnabledWithManagement => WITH_MANAGEMENT,
            },
            description: rule.description.as_deref(),
            role_arn: rule.role.as_deref(),
            event_bus_name: rule.bus.as_str(),
            created_by: None,
        }
    }
}

pub(super) async fn describe(call: &Call<'_>) -> Answer {
    let (bus, name) = OnlyRule::read(call)?;
    let rule = call.buses.find_rule(&bus, &name).await?;
    let created_by = Some(call.parts.config.account.as_str());
    call.answer(&Described { created_by, ..Described::of(call, &rule) })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListInput {
    name_prefix: Option<String>,
    target_arn: Option<String>,
    event_bus_name: Option<String>,
    next_token: Option<String>,
    limit: Option<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListOutput<'a> {
    rules: Vec<Described<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

pub(super) async fn list(call: &Call<'_>) -> Answer {
    let input: ListInput = call.read()?;
    call.may("*")?;
    let mut checks = Checks::default();
    checks.optional_name("namePrefix", input.name_prefix.as_deref(), limits::RULE_NAME_SIZE);
    checks.done()?;
    let bus = address::bus(call.parts, "eventBusName", input.event_bus_name.as_deref())?;
    let wanted = Wanted::of(input.limit, input.next_token.as_deref())?;
    let prefix = input.name_prefix.as_deref().unwrap_or_default();
    let page = call.buses.list_rules(&bus, prefix, wanted.last(), wanted.most).await?;
    call.answer(&ListOutput {
        rules: page.items.iter().map(|rule| Described::of(call, rule)).collect(),
        next_token: token(page.items.last().map(|rule| rule.name.as_str()), page.more),
    })
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct NamesOutput<'a> {
    rule_names: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

pub(super) async fn list_by_target(call: &Call<'_>) -> Answer {
    let input: ListInput = call.read()?;
    call.may("*")?;
    let mut checks = Checks::default();
    checks.there("targetArn", input.target_arn.is_some());
    checks.length("targetArn", input.target_arn.as_deref(), 1..=limits::BUS_ARN_SIZE);
    checks.done()?;
    let bus = address::bus(call.parts, "eventBusName", input.event_bus_name.as_deref())?;
    let wanted = Wanted::of(input.limit, input.next_token.as_deref())?;
    let arn = input.target_arn.as_deref().unwrap_or_default();
    let page = call.buses.list_rules_of_target(&bus, arn, wanted.last(), wanted.most).await?;
    let names: Vec<&str> = page.items.iter().map(|rule| rule.name.as_str()).collect();
    let next_token = token(names.last().copied(), page.more);
    call.answer(&NamesOutput { rule_names: names, next_token })
}
