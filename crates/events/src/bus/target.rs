use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sonagi_data::queues::QueueName;
use sonagi_expressions::transform::{InputPath, Transformer};

use super::Refusal;
use crate::{BadDestination, BusName, Config, Destination};

/// A target of a rule, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    pub id: String,
    pub arn: String,
    #[serde(default, skip_serializing_if = "Input::is_event")]
    pub input: Input,
    /// Of a queue's message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The ARN of a standard queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_letters: Option<String>,
    /// These are kept and shown: what is delivered in one transaction is not tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retries: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
}

/// What a target gets.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Input {
    /// The whole event.
    #[default]
    Event,
    /// Always the same JSON.
    Constant(String),
    /// A part of the event.
    Path(String),
    /// A template filled with parts of it.
    Template { paths: BTreeMap<String, String>, template: String },
}

impl Input {
    fn is_event(&self) -> bool {
        *self == Self::Event
    }
}

/// What a target's text says, read.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) destination: Destination,
    pub(super) input: CompiledInput,
    pub(super) dead_letters: Option<QueueName>,
}

#[derive(Debug)]
pub(super) enum CompiledInput {
    Event,
    Constant(String),
    Path(InputPath),
    Template(Transformer),
}

impl Target {
    /// Reads it, for a rule on `bus`.
    pub(super) fn compile(&self, bus: &BusName, config: &Config) -> Result<Compiled, Refusal> {
        let Self { id, arn, .. } = self;
        let parameter = |text: String| Refusal::Parameter(text);
        let destination = Destination::parse(arn, &config.account, &config.region).map_err(|error| {
            let reason = match error {
                BadDestination::Malformed(_) if arn.starts_with("arn:") && arn.split(':').count() >= 6 => {
                    "A target here is a function, a queue, a topic or an event bus."
                }
                BadDestination::Malformed(_) => "Provided Arn is not in correct format.",
                BadDestination::Elsewhere(_) => "It is of another account or region.",
            };
            parameter(format!("Parameter {arn} is not valid. Reason: {reason}"))
        })?;
        let input = self.input.compile(id)?;
        match &destination {
            Destination::Queue(queue) if queue.is_fifo() && self.group.is_none() => {
                return Err(parameter(format!(
                    "Parameter(s) SqsParameters must be specified for target: {id}."
                )));
            }
            Destination::Bus(other) if other == bus => {
                let reason = "Source and target event bus can't be the same.";
                return Err(parameter(format!("Parameter {arn} is not valid. Reason: {reason}")));
            }
            Destination::Bus(_) if !self.input.is_event() => {
                return Err(parameter(format!(
                    "Input, InputPath and InputTransformer are not available for target {id}: an event bus gets the \
                     event as it is."
                )));
            }
            Destination::Queue(_)
            | Destination::Bus(_)
            | Destination::Function { .. }
            | Destination::Topic(_) => {}
        }
        let dead_letters = match &self.dead_letters {
            Some(arn) => match Destination::parse(arn, &config.account, &config.region) {
                Ok(Destination::Queue(queue)) if !queue.is_fifo() => Some(queue),
                _ => {
                    return Err(parameter(format!(
                        "Parameter DeadLetterConfig.Arn {arn} is not valid for target {id}. Reason: It wants the ARN of a \
                         standard queue of this account and region."
                    )));
                }
            },
            None => None,
        };
        Ok(Compiled { destination, input, dead_letters })
    }
}

impl Input {
    fn compile(&self, target: &str) -> Result<CompiledInput, Refusal> {
        let refused = |error: sonagi_expressions::transform::TransformError| {
            Refusal::Parameter(error.for_target(target))
        };
        Ok(match self {
            Self::Event => CompiledInput::Event,
            Self::Constant(text) => {
                if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(text) {
                    return Err(Refusal::Parameter(format!(
                        "JSON syntax error in input for target {target}: {error}"
                    )));
                }
                CompiledInput::Constant(text.clone())
            }
            Self::Path(path) => CompiledInput::Path(InputPath::parse(path).map_err(refused)?),
            Self::Template { paths, template } => {
                CompiledInput::Template(Transformer::parse(paths, template).map_err(refused)?)
            }
        })
    }
}
