//! What a manifest declares of a function, and Lambda's API may set as well: it is kept beside the release, with who
//! asked for it.

use sonagi_model::function::Function;

use super::{
    change::Change,
    claims::LATEST,
    records::{AsynchronousRecord, FunctionRecord, MappingRecord, Origin},
};
use crate::lambda::target;

impl Change<'_> {
    /// Sets what `function` declares of asynchronous invocations in the place of what an earlier release of it did.
    pub(super) fn declare_asynchronous(&self, record: &mut FunctionRecord, function: &Function) {
        let qualifier = function.publish_alias.as_ref().map_or(LATEST, |alias| alias.as_str());
        let before = record.asynchronous.get(qualifier).cloned();
        record.asynchronous.retain(|_, config| config.origin != Origin::Manifest);
        let Some(declared) = &function.asynchronous else { return };
        let mut config = AsynchronousRecord {
            max_age: Some(declared.max_age),
            retries: Some(declared.retries),
            on_success: declared.on_success.clone(),
            on_failure: declared.on_failure.clone(),
            modified: self.now,
            origin: Origin::Manifest,
        };
        if let Some(before) = before {
            let same = AsynchronousRecord { modified: before.modified, ..config.clone() };
            if same == (AsynchronousRecord { origin: Origin::Manifest, ..before }) {
                config = same;
            }
        }
        record.asynchronous.insert(qualifier.to_owned(), config);
    }

    /// The mappings that `function` declares take the place of those that an earlier release of it did, and of others of
    /// the same source to the same version or alias.
    pub(super) fn declare_mappings(&self, record: &mut FunctionRecord, function: &Function) {
        let before = std::mem::take(&mut record.mappings);
        for declared in &function.mappings {
            let mut mapping = declared.clone();
            let alias = function.publish_alias.as_ref().map(|alias| alias.as_str().to_owned());
            mapping.qualifier = mapping.qualifier.or(alias);
            let (tags, modified) = match before.get(&mapping.id) {
                Some(before) if before.mapping == mapping => (before.tags.clone(), before.modified),
                Some(before) => (before.tags.clone(), self.now),
                None => (Default::default(), self.now),
            };
            let made = MappingRecord { mapping, tags, modified, origin: Origin::Manifest };
            record.mappings.insert(made.mapping.id.clone(), made);
        }
        let of_lambda = before.into_iter().filter(|(_, found)| found.origin == Origin::Lambda);
        for (id, found) in of_lambda {
            let same = |other: &MappingRecord| {
                other.mapping.source == found.mapping.source
                    && target(&other.mapping) == target(&found.mapping)
            };
            if !record.mappings.values().any(same) {
                record.mappings.insert(id, found);
            }
        }
    }
}
