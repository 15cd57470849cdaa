//! An event source mapping's settings, from the words of a request to the values of the model.

use sonagi_expressions::pattern::{Dialect, Pattern};
use sonagi_model::{function::Mapping, limits};

use super::{MappingSettings, constraint::Violations};
use crate::{Error, Result};

const PARTIAL: &str = "ReportBatchItemFailures";

/// Lambda's rules for each value by itself.
pub(super) fn check(settings: &MappingSettings) -> Result<()> {
    let mut found = Violations::default();
    if let Some(batch) = settings.batch {
        found.range("batchSize", batch, 1, limits::MAPPING_BATCH_MAX);
    }
    if let Some(window) = settings.window {
        found.range("maximumBatchingWindowInSeconds", window, 0, limits::MAPPING_WINDOW_MAX);
    }
    if let Some(Some(concurrency)) = settings.concurrency {
        let (least, most) = (limits::MAPPING_CONCURRENCY_MIN, limits::MAPPING_CONCURRENCY_MAX);
        found.range("scalingConfig.maximumConcurrency", concurrency, least, most);
    }
    if let Some(responses) = &settings.responses {
        found.most("functionResponseTypes", responses, 1);
        if responses.iter().any(|response| response != PARTIAL) {
            let shown = format!("[{}]", responses.join(", "));
            let rule =
                format!("Member must satisfy constraint: [Member must satisfy enum value set: [{PARTIAL}]]");
            found.add("functionResponseTypes", Some(&shown), &rule);
        }
    }
    found.check()?;
    check_filters(settings.filters.as_deref().unwrap_or_default())
}

/// Writes what was given into `mapping`, and checks what that comes to. Only after [`check`].
pub(super) fn apply(mut mapping: Mapping, settings: &MappingSettings) -> Result<Mapping> {
    let number = |value: i64| u32::try_from(value).unwrap_or(u32::MAX);
    mapping.enabled = settings.enabled.unwrap_or(mapping.enabled);
    mapping.batch = settings.batch.map_or(mapping.batch, number);
    mapping.window = settings.window.map_or(mapping.window, number);
    if let Some(concurrency) = settings.concurrency {
        mapping.concurrency = concurrency.map(number);
    }
    if let Some(filters) = &settings.filters {
        mapping.filters.clone_from(filters);
    }
    if let Some(responses) = &settings.responses {
        mapping.partial = !responses.is_empty();
    }
    check_batch(&mapping)?;
    Ok(mapping)
}

/// A mapping that a manifest declares.
pub(crate) fn check_declared(mapping: &Mapping) -> Result<()> {
    check(&MappingSettings {
        batch: Some(mapping.batch.into()),
        window: Some(mapping.window.into()),
        concurrency: Some(mapping.concurrency.map(i64::from)),
        filters: Some(mapping.filters.clone()),
        ..MappingSettings::default()
    })?;
    check_batch(mapping)
}

/// What a queue gives ("Using Lambda with Amazon SQS", "Batching behavior").
fn check_batch(mapping: &Mapping) -> Result<()> {
    let refused = |text: &str| Err(Error::Invalid(text.into()));
    let at_once = limits::MAPPING_BATCH_AT_ONCE;
    if mapping.source.ends_with(".fifo") {
        if mapping.window > 0 {
            return refused("Batching window is not supported for FIFO queues");
        }
        if mapping.batch > at_once {
            return refused(&format!("Maximum batch size is {at_once} for FIFO queues"));
        }
    }
    if mapping.batch > at_once && mapping.window == 0 {
        return refused(
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10",
        );
    }
    Ok(())
}

fn check_filters(filters: &[String]) -> Result<()> {
    let (count, most) = (filters.len(), limits::MAPPING_FILTERS);
    if count > most {
        return Err(Error::Invalid(format!(
            "Invalid filter pattern definition. There are {count} filters; the most is {most}."
        )));
    }
    for filter in filters {
        Pattern::parse(filter, Dialect::Mapping).map_err(|error| Error::Invalid(error.to_string()))?;
    }
    Ok(())
}
