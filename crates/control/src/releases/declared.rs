//! What a manifest declares of a function, and Lambda's API may set as well: it is kept beside the release, with who
//! asked for it.

use sonagi_model::function::Function;

use super::{
    change::Change,
    claims::LATEST,
    records::{AsynchronousRecord, FunctionRecord, Origin},
};

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
}
