//! Targets as requests and manifests say them (EventBridge API Reference, `Target`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Input, Refusal, Target};

/// `DeadLetterConfig`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeadLetters {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
}

/// A target, as it is said and shown.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TargetForm {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_path: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_transformer: Option<TransformerForm>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sqs_parameters: Option<SqsForm>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_letter_config: Option<DeadLetters>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_policy: Option<RetryForm>,
    /// Parameters of other targets than there are here.
    #[serde(flatten)]
    pub others: Map<String, Value>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TransformerForm {
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub input_paths_map: BTreeMap<String, String>,
    pub input_template: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SqsForm {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_group_id: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RetryForm {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum_retry_attempts: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum_event_age_in_seconds: Option<i64>,
}

impl TargetForm {
    /// The target that it says.
    pub fn target(self) -> Result<Target, Refusal> {
        let id = self.id.unwrap_or_default();
        if let Some((name, _)) = self.others.iter().find(|(_, value)| !value.is_null()) {
            let name: String = name.chars().take(64).collect();
            return Err(Refusal::Parameter(format!("Parameter(s) {name} not valid for target: {id}.")));
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
                return Err(Refusal::Parameter(format!(
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

impl From<&Target> for TargetForm {
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
