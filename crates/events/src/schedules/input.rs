//! What a schedule is told to be, as requests say it.

use serde::Deserialize;
use serde_json::Value;
use sonagi_model::{AccountId, Timestamp, limits};

use super::{Check, Completion, EventParameters, Refusal, Retry, Settings, State, Target};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
/// `CreateSchedule`'s and `UpdateSchedule`'s (EventBridge Scheduler API), but for the name.
pub struct ScheduleInput {
    pub group_name: Option<String>,
    pub client_token: Option<String>,
    schedule_expression: Option<String>,
    schedule_expression_timezone: Option<String>,
    start_date: Option<Date>,
    end_date: Option<Date>,
    description: Option<String>,
    state: Option<String>,
    kms_key_arn: Option<String>,
    target: Option<TargetInput>,
    flexible_time_window: Option<WindowInput>,
    action_after_completion: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WindowInput {
    mode: Option<String>,
    maximum_window_in_minutes: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TargetInput {
    arn: Option<String>,
    role_arn: Option<String>,
    input: Option<String>,
    retry_policy: Option<RetryInput>,
    dead_letter_config: Option<DeadLetterInput>,
    sqs_parameters: Option<SqsInput>,
    event_bridge_parameters: Option<EventInput>,
    ecs_parameters: Option<Value>,
    kinesis_parameters: Option<Value>,
    sage_maker_pipeline_parameters: Option<Value>,
    #[serde(rename = "EventBridgePutEventsV2Parameters")]
    put_events_v2: Option<Value>,
    #[serde(rename = "EventBridgePutRawEventsParameters")]
    put_raw_events: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RetryInput {
    maximum_event_age_in_seconds: Option<i64>,
    maximum_retry_attempts: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeadLetterInput {
    arn: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SqsInput {
    message_group_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct EventInput {
    detail_type: Option<String>,
    source: Option<String>,
}

/// A date: as requests have it, in seconds, or as manifests do (RFC 3339).
#[derive(Deserialize)]
#[serde(untagged)]
enum Date {
    Seconds(f64),
    Text(String),
}

impl Date {
    fn read(&self, member: &str) -> Result<Timestamp, Refusal> {
        match self {
            Self::Seconds(seconds) => moment(member, *seconds),
            Self::Text(text) => sonagi_expressions::schedule::moment(text)
                .ok_or_else(|| Refusal::Invalid(format!("{member} is {text:?}, which is no time."))),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Off,
    Flexible,
}

const ARN_SIZE: usize = 1_600;
const ROLE: &str = "^arn:aws[a-z-]*:iam::\\d{12}:role\\/[\\w+=,.@\\/-]+$";
const QUEUE: &str = "^arn:aws[a-z-]*:sqs:[a-z0-9\\-]+:\\d{12}:[a-zA-Z0-9\\-_]+$";

impl ScheduleInput {
    /// What it says, checked.
    pub fn settings(&self) -> Result<Settings, Refusal> {
        let mut check = Check::default();
        check.token(self.client_token.as_deref());
        let expression = check.required("scheduleExpression", &self.schedule_expression).cloned();
        if let Some(expression) = &expression {
            check.length("scheduleExpression", expression, 1, limits::SCHEDULE_EXPRESSION_SIZE);
        }
        let zone = self.schedule_expression_timezone.clone().unwrap_or_else(|| "UTC".into());
        check.length("scheduleExpressionTimezone", &zone, 1, 50);
        if let Some(description) = &self.description {
            check.length("description", description, 0, 512);
        }
        if let Some(key) = &self.kms_key_arn {
            check.length("kmsKeyArn", key, 1, 2_048);
        }
        let state = self.state.as_deref().map_or(Some(State::Enabled), |state| {
            check.one_of("state", state, &[("ENABLED", State::Enabled), ("DISABLED", State::Disabled)])
        });
        let completion = self.action_after_completion.as_deref().map_or(Some(Completion::None), |action| {
            let choices = [("NONE", Completion::None), ("DELETE", Completion::Delete)];
            check.one_of("actionAfterCompletion", action, &choices)
        });
        let window = check.required("flexibleTimeWindow", &self.flexible_time_window);
        let mode = window.and_then(|window| check.required("flexibleTimeWindow.mode", &window.mode));
        let mode = mode.and_then(|mode| {
            check.one_of("flexibleTimeWindow.mode", mode, &[("OFF", Mode::Off), ("FLEXIBLE", Mode::Flexible)])
        });
        let minutes = window.and_then(|window| window.maximum_window_in_minutes);
        if let Some(minutes) = minutes {
            let most = limits::SCHEDULE_WINDOW_MAX.into();
            check.range("flexibleTimeWindow.maximumWindowInMinutes", minutes, 1, most);
        }
        let target = check.required("target", &self.target).and_then(|target| target.read(&mut check));
        check.done()?;
        let (Some(expression), Some(state), Some(completion), Some(mode), Some(target)) =
            (expression, state, completion, mode, target)
        else {
            return Err(Refusal::Invalid("The request names nothing.".into()));
        };
        let window = match (mode, minutes) {
            (Mode::Off, None) => None,
            (Mode::Off, Some(_)) => {
                let text =
                    "MaximumWindowInMinutes must not be specified where FlexibleTimeWindow's Mode is OFF.";
                return Err(Refusal::Invalid(text.into()));
            }
            (Mode::Flexible, None) => {
                let text =
                    "MaximumWindowInMinutes must be specified where FlexibleTimeWindow's Mode is FLEXIBLE.";
                return Err(Refusal::Invalid(text.into()));
            }
            (Mode::Flexible, Some(minutes)) => Some(minutes as u32),
        };
        if let Some(theirs) = self.target.as_ref().and_then(TargetInput::of_others) {
            let text = format!(
                "{theirs} is for targets that are not supported: functions, queues, topics and event buses are."
            );
            return Err(Refusal::Invalid(text));
        }
        Ok(Settings {
            expression,
            zone,
            start: self.start_date.as_ref().map(|date| date.read("StartDate")).transpose()?,
            end: self.end_date.as_ref().map(|date| date.read("EndDate")).transpose()?,
            description: self.description.clone(),
            state,
            key: self.kms_key_arn.clone(),
            window,
            completion,
            target,
        })
    }
}

impl TargetInput {
    fn read(&self, check: &mut Check) -> Option<Target> {
        let arn = check.required("target.arn", &self.arn).cloned();
        if let Some(arn) = &arn {
            check.length("target.arn", arn, 1, ARN_SIZE);
        }
        let role = check.required("target.roleArn", &self.role_arn).cloned();
        if let Some(role) = &role {
            check.length("target.roleArn", role, 1, ARN_SIZE);
            if !is_role(role) {
                check.pattern("target.roleArn", role, ROLE);
            }
        }
        if let Some(input) = &self.input {
            check.length("target.input", input, 1, usize::MAX);
        }
        let mut retry = Retry::default();
        if let Some(policy) = &self.retry_policy {
            if let Some(age) = policy.maximum_event_age_in_seconds {
                let (least, most) = (limits::SCHEDULE_AGE_MIN, limits::SCHEDULE_AGE_MAX);
                check.range("target.retryPolicy.maximumEventAgeInSeconds", age, least.into(), most.into());
                retry.age = age as u32;
            }
            if let Some(attempts) = policy.maximum_retry_attempts {
                let most = limits::SCHEDULE_RETRIES_MAX.into();
                check.range("target.retryPolicy.maximumRetryAttempts", attempts, 0, most);
                retry.attempts = attempts as u32;
            }
        }
        let dead_letters = self.dead_letter_config.as_ref().and_then(|config| config.arn.clone());
        if let Some(arn) = &dead_letters {
            check.length("target.deadLetterConfig.arn", arn, 1, ARN_SIZE);
            if !is_queue(arn) {
                check.pattern("target.deadLetterConfig.arn", arn, QUEUE);
            }
        }
        let message_group = self.sqs_parameters.as_ref().and_then(|sqs| sqs.message_group_id.clone());
        if let Some(group) = &message_group {
            check.length("target.sqsParameters.messageGroupId", group, 1, limits::QUEUE_GROUP_SIZE);
        }
        let event = self.event_bridge_parameters.as_ref().and_then(|event| {
            let kind =
                check.required("target.eventBridgeParameters.detailType", &event.detail_type).cloned()?;
            check.length("target.eventBridgeParameters.detailType", &kind, 1, 128);
            let source = check.required("target.eventBridgeParameters.source", &event.source).cloned()?;
            check.length("target.eventBridgeParameters.source", &source, 1, 256);
            if source.starts_with("aws.") {
                let pattern =
                    "^(?=[/\\.\\-_A-Za-z0-9]+)((?!aws\\.).*)|(\\$(\\.[\\w_-]+(\\[(\\d+|\\*)\\])*)*)$";
                check.pattern("target.eventBridgeParameters.source", &source, pattern);
            }
            Some(EventParameters { kind, source })
        });
        let (arn, role) = arn.zip(role)?;
        Some(Target { arn, role, input: self.input.clone(), retry, dead_letters, message_group, event })
    }

    /// Parameters of targets that only AWS has.
    fn of_others(&self) -> Option<&'static str> {
        [
            (&self.ecs_parameters, "EcsParameters"),
            (&self.kinesis_parameters, "KinesisParameters"),
            (&self.sage_maker_pipeline_parameters, "SageMakerPipelineParameters"),
            (&self.put_events_v2, "EventBridgePutEventsV2Parameters"),
            (&self.put_raw_events, "EventBridgePutRawEventsParameters"),
        ]
        .into_iter()
        .find_map(|(given, name)| given.is_some().then_some(name))
    }
}

fn moment(member: &str, seconds: f64) -> Result<Timestamp, Refusal> {
    let last = 7_258_118_400.0;
    if !(0.0..last).contains(&seconds) {
        return Err(Refusal::Invalid(format!("{member} wants seconds from 1970 to 2199.")));
    }
    Ok(Timestamp::from_millis((seconds * 1_000.0).round() as u64))
}

fn is_role(arn: &str) -> bool {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", partition, "iam", "", account, role] = parts[..] else { return false };
    let path = role.strip_prefix("role/").unwrap_or_default();
    partition.starts_with("aws")
        && AccountId::is_valid(account)
        && !path.is_empty()
        && path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@/-".contains(&byte))
}

fn is_queue(arn: &str) -> bool {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", partition, "sqs", region, account, name] = parts[..] else { return false };
    partition.starts_with("aws")
        && !region.is_empty()
        && AccountId::is_valid(account)
        && !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}
