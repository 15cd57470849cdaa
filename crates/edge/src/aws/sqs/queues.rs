//! CreateQueue, DeleteQueue, GetQueueUrl, ListQueues, ListDeadLetterSourceQueues, PurgeQueue.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sonagi_data::queues::{Given, QueueName, Refusal, Settings, changed, read_attributes};
use sonagi_model::limits;

use super::{Answer, Call, address, error::Fault, policies, tags, text::Text};
use crate::platform::Parts;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateInput<'a> {
    #[serde(borrow)]
    queue_name: Option<Text<'a>>,
    attributes: Option<Given>,
    #[serde(alias = "tags")]
    tags: Option<BTreeMap<String, String>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct UrlOutput {
    queue_url: String,
}

pub(super) async fn create(parts: &Parts, call: &Call) -> Answer {
    let input: CreateInput<'_> = call.read()?;
    let given = input.attributes.unwrap_or_default();
    let text = input.queue_name.ok_or_else(|| Fault::missing("QueueName"))?;
    let name = new_name(&text, &given)?;
    call.may(parts, &name).await?;
    let changes = read_attributes(address::place(parts), &name, &given)?;
    let tags = input.tags.unwrap_or_default();
    tags::check(&tags)?;
    loop {
        match parts.queues.find(&name).await {
            // What was not said may be as it is.
            Ok(queue) => {
                let wanted = changed(queue.settings.clone(), &changes);
                if let Some(attribute) = queue.settings.difference(&wanted) {
                    return Err(Refusal::Exists { attribute }.into());
                }
                break;
            }
            Err(sonagi_data::Error::Queue(Refusal::NoQueue)) => {}
            Err(error) => return Err(error.into()),
        }
        let settings = changed(Settings::of(&name), &changes);
        match parts.queues.create(&name, settings, tags.clone(), None).await {
            Ok(_) => break,
            // Somebody else made it meanwhile.
            Err(sonagi_data::Error::Queue(Refusal::Exists { .. })) => {}
            Err(error) => return Err(policies::explain(error, &given)),
        }
    }
    call.answer(&UrlOutput { queue_url: address::url(parts, call, &name) })
}

/// The name of a queue that is to be made; that of a FIFO queue, and of no other, ends in `.fifo`.
fn new_name(text: &str, given: &Given) -> Result<QueueName, Fault> {
    if text.is_empty() {
        return Err(Fault::parameter("Queue name cannot be empty"));
    }
    let fifo = given.get("FifoQueue").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    match QueueName::new(text) {
        Ok(name) if name.is_fifo() == fifo => Ok(name),
        Ok(_) | Err(_) if fifo => Err(Fault::parameter(
            "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with \
             .fifo suffix and be 1 to 80 in length",
        )),
        Ok(_) | Err(_) => Err(Refusal::Name.into()),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OnlyUrl<'a> {
    #[serde(borrow)]
    pub(super) queue_url: Option<Text<'a>>,
}

pub(super) async fn delete(parts: &Parts, call: &Call) -> Answer {
    let input: OnlyUrl<'_> = call.read()?;
    let name = call.queue(parts, input.queue_url.as_deref()).await?;
    parts.queues.delete(&name).await?;
    call.done()
}

pub(super) async fn purge(parts: &Parts, call: &Call) -> Answer {
    let input: OnlyUrl<'_> = call.read()?;
    let name = call.queue(parts, input.queue_url.as_deref()).await?;
    parts.queues.purge(&name).await?;
    call.done()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetUrlInput<'a> {
    #[serde(borrow)]
    queue_name: Option<Text<'a>>,
    #[serde(borrow, rename = "QueueOwnerAWSAccountId")]
    owner: Option<Text<'a>>,
}

pub(super) async fn get_url(parts: &Parts, call: &Call) -> Answer {
    let input: GetUrlInput<'_> = call.read()?;
    let text = input.queue_name.ok_or_else(|| Fault::missing("QueueName"))?;
    if text.is_empty() {
        return Err(Fault::parameter(
            "Value for parameter QueueName is invalid. Reason: Must specify a queue name.",
        ));
    }
    let name = QueueName::new(&text).ok();
    match &name {
        Some(name) => call.may(parts, name).await?,
        None => call.may_everywhere(parts)?,
    }
    let ours = input.owner.is_none_or(|owner| &*owner == parts.config.account.as_str());
    let name = name.filter(|_| ours).ok_or(Refusal::NoQueue)?;
    parts.queues.find(&name).await?;
    call.answer(&UrlOutput { queue_url: address::url(parts, call, &name) })
}

/// A page of a listing: none without `MaxResults`, but for the end of the first thousand.
struct Page {
    most: usize,
    last: Option<QueueName>,
    /// Whether it was asked for in pages.
    paged: bool,
}

impl Page {
    fn of(most: Option<i64>, token: Option<&str>) -> Result<Self, Fault> {
        let last = match token.filter(|token| !token.is_empty()) {
            None => None,
            Some(token) => Some(
                URL_SAFE_NO_PAD
                    .decode(token)
                    .ok()
                    .and_then(|bytes| QueueName::new(std::str::from_utf8(&bytes).ok()?).ok())
                    .ok_or_else(|| Fault::parameter("Invalid or expired next token."))?,
            ),
        };
        let limit = limits::QUEUE_LIST as i64;
        match most {
            None => Ok(Self { most: limits::QUEUE_LIST, last, paged: false }),
            Some(most) if (1..=limit).contains(&most) => Ok(Self { most: most as usize, last, paged: true }),
            Some(_) => Err(Fault::parameter(format!(
                "Value for parameter MaxResults is invalid. Reason: MaxResults must be an integer between 1 and {limit}."
            ))),
        }
    }

    fn next(&self, names: &[QueueName], more: bool) -> Option<String> {
        names.last().filter(|_| self.paged && more).map(|name| URL_SAFE_NO_PAD.encode(name.as_str()))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListInput<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow)]
    queue_name_prefix: Option<Text<'a>>,
    #[serde(borrow)]
    next_token: Option<Text<'a>>,
    max_results: Option<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListOutput {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    queue_urls: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

pub(super) async fn list(parts: &Parts, call: &Call) -> Answer {
    let input: ListInput<'_> = call.read()?;
    call.may_everywhere(parts)?;
    let page = Page::of(input.max_results, input.next_token.as_deref())?;
    let prefix = input.queue_name_prefix.as_deref().unwrap_or_default();
    let found = parts.queues.list(prefix, page.last.as_ref(), page.most).await?;
    call.answer(&ListOutput {
        queue_urls: found.queues.iter().map(|name| address::url(parts, call, name)).collect(),
        next_token: page.next(&found.queues, found.more),
    })
}

#[derive(Serialize)]
struct SourcesOutput {
    #[serde(rename = "queueUrls")]
    queue_urls: Vec<String>,
    #[serde(rename = "NextToken", skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

pub(super) async fn list_sources(parts: &Parts, call: &Call) -> Answer {
    let input: ListInput<'_> = call.read()?;
    let name = call.queue(parts, input.queue_url.as_deref()).await?;
    let page = Page::of(input.max_results, input.next_token.as_deref())?;
    let mut sources = parts.queues.sources_of(&name).await?;
    sources.sort_unstable();
    sources.retain(|source| page.last.as_ref().is_none_or(|last| source > last));
    let more = sources.len() > page.most;
    sources.truncate(page.most);
    call.answer(&SourcesOutput {
        next_token: page.next(&sources, more),
        queue_urls: sources.iter().map(|name| address::url(parts, call, name)).collect(),
    })
}
