//! Versions come and go: `PublishLayerVersion`, `DeleteLayerVersion`.

use bytes::Bytes;
use sonagi_model::{LayerName, function::Architecture, limits};

use super::{LayerRecord, LayerVersion, LayerVersionRecord, is_runtime, reference, runtimes};
use crate::{
    Control, Error, Result,
    lambda::Violations,
    releases::{Change, records::Key},
};

/// What callers of the Lambda API ask for, not checked yet.
#[derive(Debug, Clone, Default)]
pub struct PublishLayerVersion {
    /// A name, or an ARN without a version.
    pub name: String,
    pub description: Option<String>,
    /// The zip.
    pub code: Bytes,
    pub runtimes: Vec<String>,
    pub architectures: Vec<String>,
    pub license: Option<String>,
}

impl Control {
    pub async fn publish_layer_version(&self, request: PublishLayerVersion) -> Result<LayerVersion> {
        check(&request)?;
        let name = reference::layer(self.arns(), &request.name)?;
        let package = self.store_code(request.code).await?;
        let both = [Architecture::X86_64, Architecture::Arm64];
        let named = |text: &String| both.into_iter().find(|known| known.as_str() == text);
        let architectures: Vec<Architecture> = request.architectures.iter().filter_map(named).collect();
        let (description, license) = (request.description, request.license);
        let runtimes = request.runtimes;
        let layer = name.clone();
        let (number, record) = self
            .change(move |change| {
                let record = LayerVersionRecord {
                    package,
                    created: change.now,
                    description: description.clone().unwrap_or_default(),
                    runtimes: runtimes.clone(),
                    architectures: architectures.clone(),
                    license: license.clone().unwrap_or_default(),
                    statements: Vec::new(),
                    revision: String::new(),
                };
                Ok((change.publish_layer(&layer, &record)?, record))
            })
            .await?;
        Ok(LayerVersion::new(self.arns(), &name, number, record))
    }

    /// What is not there is deleted already.
    pub async fn delete_layer_version(&self, layer: &str, number: i64) -> Result<()> {
        let (name, number) = self.layer_and_number(layer, number)?;
        self.change(move |change| change.delete_layer_version(&name, number)).await
    }
}

impl Change<'_> {
    /// Publishes the layer's next version.
    pub(super) fn publish_layer(&mut self, name: &LayerName, version: &LayerVersionRecord) -> Result<u64> {
        let key = Key::Layer(name.clone());
        let mut layer: LayerRecord = self.store.get(&key)?.unwrap_or_default();
        let number = layer.last + 1;
        layer.last = number;
        layer.versions.insert(number, version.fingerprint());
        let record = LayerVersionRecord { revision: self.layer_revision(name, number), ..version.clone() };
        self.store.put(&Key::LayerVersion(name.clone(), number), &record)?;
        self.store.put(&key, &layer)?;
        Ok(number)
    }

    pub(crate) fn delete_layer_version(&mut self, name: &LayerName, number: u64) -> Result<()> {
        let key = Key::Layer(name.clone());
        let Some(mut layer) = self.store.get::<LayerRecord>(&key)? else { return Ok(()) };
        if layer.versions.remove(&number).is_none() {
            return Ok(());
        }
        self.store.delete(&Key::LayerVersion(name.clone(), number))?;
        self.store.put(&key, &layer)
    }

    pub(super) fn layer_revision(&self, name: &LayerName, number: u64) -> String {
        self.revisions.of_layer(name, number)
    }
}

fn check(request: &PublishLayerVersion) -> Result<()> {
    let mut found = Violations::default();
    if let Some(description) = &request.description {
        found.longest("description", description, limits::DESCRIPTION_SIZE);
    }
    if let Some(license) = &request.license {
        found.longest("licenseInfo", license, limits::LAYER_LICENSE_SIZE);
    }
    let list = |values: &[String]| format!("[{}]", values.join(", "));
    let members = |known: &str| {
        format!(
            "Member must satisfy constraint: [Member must satisfy enum value set: [{known}], Member must not be null]"
        )
    };
    found.most("compatibleRuntimes", &request.runtimes, limits::LAYER_RUNTIMES);
    if !request.runtimes.iter().all(|runtime| is_runtime(runtime)) {
        let rule = members(&runtimes::names().collect::<Vec<_>>().join(", "));
        found.add("compatibleRuntimes", Some(&list(&request.runtimes)), &rule);
    }
    if !request.architectures.iter().all(|text| matches!(text.as_str(), "x86_64" | "arm64")) {
        let rule = members("x86_64, arm64");
        found.add("compatibleArchitectures", Some(&list(&request.architectures)), &rule);
    } else {
        found.most("compatibleArchitectures", &request.architectures, 2);
    }
    found.check()
}

impl Control {
    /// The layer, and a version's number as the API's paths have it.
    pub(super) fn layer_and_number(&self, layer: &str, number: i64) -> Result<(LayerName, u64)> {
        let name = reference::layer(self.arns(), layer)?;
        match u64::try_from(number) {
            Ok(number) if number > 0 => Ok((name, number)),
            Ok(_) | Err(_) => Err(Error::Invalid("Layer Version Cannot be less than 1.".into())),
        }
    }
}
