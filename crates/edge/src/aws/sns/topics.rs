//! CreateTopic, DeleteTopic, ListTopics.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sonagi_events::{TopicName, topics::TopicSettings};
use sonagi_model::limits;

use super::{
    Answer, Call,
    error::Fault,
    policies, tags,
    xml::{self, Output},
};
use crate::platform::Parts;

pub(super) async fn create(parts: &Parts, call: &Call) -> Answer {
    let text = call.required("Name")?;
    let mut given = call.form.map("Attributes");
    let fifo = given.remove("FifoTopic").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    // The name of a FIFO topic, and of no other, ends in `.fifo`.
    let name = TopicName::new(text).filter(|name| name.is_fifo() == fifo);
    let name = name.ok_or_else(|| Fault::parameter("Topic Name"))?;
    call.may(parts, &name, &[]).await?;
    let changes = sonagi_events::topics::TopicChange::read_all(&given, fifo)
        .map_err(|refusal| Fault::of_attributes(refusal.into()))?;
    let protection = call.form.text("DataProtectionPolicy").map(policies::data_protection).transpose()?;
    let tags = tags::given(&call.form)?;
    let with = move |mut settings: TopicSettings| {
        changes.iter().for_each(|change| change.apply(&mut settings));
        if let Some(protection) = &protection {
            settings.data_protection.clone_from(protection);
        }
        settings
    };
    let topics = parts.events.topics();
    topics.create(&name, with, tags).await?;
    Ok(Output::Result(xml::text("TopicArn", &topics.arn(&name))))
}

pub(super) async fn delete(parts: &Parts, call: &Call) -> Answer {
    let name = call.topic(parts, "TopicArn").await?;
    parts.events.topics().delete(&name).await?;
    Ok(Output::Nothing)
}

pub(super) async fn list(parts: &Parts, call: &Call) -> Answer {
    call.may_everywhere(parts)?;
    let last = match token(call)? {
        Some(text) => Some(TopicName::new(&text).ok_or_else(bad_token)?),
        None => None,
    };
    let topics = parts.events.topics();
    let page = topics.list(last.as_ref(), limits::TOPIC_LIST).await?;
    let members = page.items.iter().map(|name| xml::text("TopicArn", &topics.arn(name)));
    let mut result = xml::list("Topics", members);
    if let Some(last) = page.items.last().filter(|_| page.more) {
        result.push_str(&next(last.as_str()));
    }
    Ok(Output::Result(result))
}

/// What was the last of the page before, as [`next`] has told it.
pub(super) fn token(call: &Call) -> Result<Option<String>, Fault> {
    let Some(token) = call.form.text("NextToken").filter(|token| !token.is_empty()) else { return Ok(None) };
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| bad_token())?;
    String::from_utf8(bytes).map(Some).map_err(|_| bad_token())
}

pub(super) fn next(last: &str) -> String {
    xml::text("NextToken", &URL_SAFE_NO_PAD.encode(last))
}

pub(super) fn bad_token() -> Fault {
    Fault::parameter("NextToken")
}
