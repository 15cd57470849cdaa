//! What a schedule does: a templated target, which is a resource, or a universal one, which is an operation of a
//! service's with the whole request as input (EventBridge Scheduler User Guide, "Managing targets").

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;
use sonagi_data::queues::{Attribute, AttributeValue, QueueName};
use sonagi_model::{AccountId, LambdaName, Region, limits};

use super::Target;
use crate::{BadDestination, BusName, Destination, Detail, Parcel};

/// What a target's ARN says is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// The input goes there.
    Send(Destination),
    /// The input is a request.
    Invoke,
    SendMessage,
    Publish,
    PutEvents,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadTarget {
    #[error("Provided Arn is not in correct format.")]
    Malformed,
    #[error("{0:?} is not on this platform: it has one account and one region.")]
    Elsewhere(String),
    #[error(
        "{0} is not a supported service for a target. What Sonagi has: functions (lambda), queues (sqs), topics (sns) and \
         event buses (events)."
    )]
    Service(String),
    #[error(
        "{0} API is not supported. What Sonagi has: lambda:invoke, sqs:sendMessage, sns:publish and \
         eventbridge:putEvents."
    )]
    Operation(String),
}

const UNIVERSAL: &str = "aws-sdk:";

impl Action {
    pub fn parse(arn: &str, account: &AccountId, region: &Region) -> Result<Self, BadTarget> {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let ["arn", partition, service, place, whose, rest] = parts[..] else {
            return Err(BadTarget::Malformed);
        };
        if !partition.starts_with("aws") || service.is_empty() || rest.is_empty() {
            return Err(BadTarget::Malformed);
        }
        if let ("scheduler", "", "", Some(operation)) = (service, place, whose, rest.strip_prefix(UNIVERSAL))
        {
            return match operation {
                "lambda:invoke" => Ok(Self::Invoke),
                "sqs:sendMessage" => Ok(Self::SendMessage),
                "sns:publish" => Ok(Self::Publish),
                "eventbridge:putEvents" => Ok(Self::PutEvents),
                operation => Err(BadTarget::Operation(operation.chars().take(128).collect())),
            };
        }
        if !matches!(service, "lambda" | "sqs" | "sns" | "events") {
            return Err(BadTarget::Service(service.chars().take(64).collect()));
        }
        match Destination::parse(arn, account, region) {
            Ok(destination) => Ok(Self::Send(destination)),
            Err(BadDestination::Elsewhere(arn)) => Err(BadTarget::Elsewhere(arn)),
            Err(BadDestination::Malformed(_)) => Err(BadTarget::Malformed),
        }
    }

    /// What it sends of `input`, in which all attributes are replaced.
    pub fn parcels(
        &self,
        target: &Target,
        input: &str,
        (account, region): (&AccountId, &Region),
    ) -> Result<Vec<Outgoing>, String> {
        let here = Here { account, region };
        match self {
            Self::Send(to) => Ok(vec![templated(to, target, input)]),
            Self::Invoke => here.invoke(request(input)?).map(|one| vec![one]),
            Self::SendMessage => here.send_message(request(input)?).map(|one| vec![one]),
            Self::Publish => here.publish(request(input)?).map(|one| vec![one]),
            Self::PutEvents => here.put_events(request(input)?),
        }
    }
}

/// One thing that is sent.
#[derive(Debug, Clone)]
pub struct Outgoing {
    pub to: Destination,
    pub(super) parcel: Parcel,
    /// Seconds, of a message to a queue.
    pub(super) delay: Option<u32>,
}

fn sender() -> String {
    "scheduler.amazonaws.com".into()
}

fn templated(to: &Destination, target: &Target, input: &str) -> Outgoing {
    let detail = target.event.as_ref().map(|event| Detail {
        source: event.source.clone(),
        kind: event.kind.clone(),
        resources: Vec::new(),
    });
    let body = Bytes::copy_from_slice(input.as_bytes());
    let group = target.message_group.clone();
    let parcel = Parcel { body, group, detail, sender: sender(), ..Parcel::default() };
    Outgoing { to: to.clone(), parcel, delay: None }
}

fn request<'a, T: Deserialize<'a>>(input: &'a str) -> Result<T, String> {
    serde_json::from_str(input)
        .map_err(|error| format!("The input is not a request of this operation: {error}"))
}

#[derive(Debug, Clone, Copy)]
struct Here<'a> {
    account: &'a AccountId,
    region: &'a Region,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct InvokeRequest {
    function_name: String,
    #[serde(default)]
    invocation_type: Option<String>,
    #[serde(default)]
    payload: Option<Value>,
    #[serde(default)]
    qualifier: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct MessageRequest {
    queue_url: String,
    message_body: String,
    #[serde(default)]
    delay_seconds: Option<u32>,
    #[serde(default)]
    message_group_id: Option<String>,
    #[serde(default)]
    message_deduplication_id: Option<String>,
    #[serde(default)]
    message_attributes: BTreeMap<String, GivenAttribute>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct PublishRequest {
    topic_arn: String,
    message: String,
    #[serde(default)]
    subject: Option<String>,
    #[serde(default)]
    message_group_id: Option<String>,
    #[serde(default)]
    message_deduplication_id: Option<String>,
    #[serde(default)]
    message_attributes: BTreeMap<String, GivenAttribute>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct GivenAttribute {
    data_type: String,
    string_value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct EventsRequest {
    entries: Vec<EventEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct EventEntry {
    source: String,
    detail_type: String,
    detail: String,
    #[serde(default)]
    event_bus_name: Option<String>,
    #[serde(default)]
    resources: Vec<String>,
}

impl Here<'_> {
    fn destination(self, arn: &str) -> Result<Destination, String> {
        Destination::parse(arn, self.account, self.region).map_err(|error| error.to_string())
    }

    fn invoke(self, request: InvokeRequest) -> Result<Outgoing, String> {
        // Nobody waits for the answer, so both are the same to the function.
        if !matches!(request.invocation_type.as_deref(), None | Some("Event" | "RequestResponse")) {
            return Err("InvocationType wants Event or RequestResponse.".into());
        }
        let named = if request.function_name.starts_with("arn:") {
            self.destination(&request.function_name)?
        } else {
            let (name, qualifier) = match request.function_name.split_once(':') {
                Some((name, qualifier)) => (name, Some(qualifier.to_owned())),
                None => (request.function_name.as_str(), None),
            };
            let name = LambdaName::new(name).map_err(|_| "FunctionName is no name of a function.")?;
            Destination::Function { name, qualifier }
        };
        let Destination::Function { name, qualifier } = named else {
            return Err("FunctionName is not the ARN of a function.".into());
        };
        let body = match request.payload {
            None => "{}".to_owned(),
            Some(Value::String(text)) => text,
            Some(value) => value.to_string(),
        };
        let to = Destination::Function { name, qualifier: request.qualifier.or(qualifier) };
        let parcel = Parcel { body: body.into(), sender: sender(), ..Parcel::default() };
        Ok(Outgoing { to, parcel, delay: None })
    }

    fn send_message(self, request: MessageRequest) -> Result<Outgoing, String> {
        let name = request.queue_url.rsplit('/').next().unwrap_or_default();
        let name = QueueName::new(name).map_err(|_| "QueueUrl is not the URL of a queue.")?;
        let parcel = Parcel {
            body: request.message_body.into(),
            attributes: attributes(request.message_attributes),
            group: request.message_group_id,
            deduplication: request.message_deduplication_id,
            sender: sender(),
            ..Parcel::default()
        };
        Ok(Outgoing { to: Destination::Queue(name), parcel, delay: request.delay_seconds })
    }

    fn publish(self, request: PublishRequest) -> Result<Outgoing, String> {
        let to = self.destination(&request.topic_arn)?;
        if !matches!(to, Destination::Topic(_)) {
            return Err("TopicArn is not the ARN of a topic.".into());
        }
        let parcel = Parcel {
            body: request.message.into(),
            attributes: attributes(request.message_attributes),
            group: request.message_group_id,
            deduplication: request.message_deduplication_id,
            subject: request.subject,
            sender: sender(),
            ..Parcel::default()
        };
        Ok(Outgoing { to, parcel, delay: None })
    }

    fn put_events(self, request: EventsRequest) -> Result<Vec<Outgoing>, String> {
        if !(1..=limits::SCHEDULE_ENTRIES).contains(&request.entries.len()) {
            return Err(format!("Entries wants 1 to {} events.", limits::SCHEDULE_ENTRIES));
        }
        request.entries.into_iter().map(|entry| self.event(entry)).collect()
    }

    fn event(self, entry: EventEntry) -> Result<Outgoing, String> {
        let bus = entry.event_bus_name.as_deref().unwrap_or("default");
        let to = if bus.starts_with("arn:") {
            self.destination(bus)?
        } else {
            Destination::Bus(BusName::new(bus).ok_or("EventBusName is no name of an event bus.")?)
        };
        if !matches!(to, Destination::Bus(_)) {
            return Err("EventBusName is not the ARN of an event bus.".into());
        }
        let detail = Detail { source: entry.source, kind: entry.detail_type, resources: entry.resources };
        let body = entry.detail.into();
        let parcel = Parcel { body, detail: Some(detail), sender: sender(), ..Parcel::default() };
        Ok(Outgoing { to, parcel, delay: None })
    }
}

fn attributes(given: BTreeMap<String, GivenAttribute>) -> Vec<(String, Attribute)> {
    let attribute = |given: GivenAttribute| Attribute {
        kind: given.data_type,
        value: AttributeValue::Text(given.string_value),
    };
    given.into_iter().map(|(name, given)| (name, attribute(given))).collect()
}
