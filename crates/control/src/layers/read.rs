//! What there is: `GetLayerVersion`, `GetLayerVersionByArn`, `ListLayerVersions`, `ListLayers`.

use std::collections::VecDeque;

use sonagi_backend::{
    Snapshot,
    records::{Direction, after},
};
use sonagi_model::{
    LayerName, Timestamp,
    function::{Architecture, Package},
    limits,
};

use super::{
    LayerRecord, LayerVersionRecord, VersionReference,
    reference::{self, Number},
};
use crate::{
    Control, Result,
    lambda::violated,
    releases::{
        change::Arns,
        records::{Key, LAYERS, Record, layer_versions_of},
    },
};

/// A layer version, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerVersion {
    pub name: LayerName,
    /// Without a version.
    pub layer_arn: String,
    pub arn: String,
    pub number: u64,
    pub package: Package,
    pub created: Timestamp,
    pub description: String,
    pub runtimes: Vec<String>,
    pub architectures: Vec<Architecture>,
    pub license: String,
}

impl LayerVersion {
    pub(super) fn new(arns: &Arns, name: &LayerName, number: u64, record: LayerVersionRecord) -> Self {
        Self {
            name: name.clone(),
            layer_arn: arns.layer(name),
            arn: arns.layer_version(name, number),
            number,
            package: record.package,
            created: record.created,
            description: record.description,
            runtimes: record.runtimes,
            architectures: record.architectures,
            license: record.license,
        }
    }
}

/// Which versions a listing shows; what is none does not matter.
#[derive(Debug, Clone, Default)]
pub struct LayerFilter {
    pub runtime: Option<String>,
    pub architecture: Option<String>,
}

impl LayerFilter {
    fn fits(&self, record: &LayerVersionRecord) -> bool {
        let runtime = |wanted: &String| record.runtimes.contains(wanted);
        let architecture =
            |wanted: &String| record.architectures.iter().any(|known| known.as_str() == wanted);
        self.runtime.as_ref().is_none_or(runtime) && self.architecture.as_ref().is_none_or(architecture)
    }
}

impl Control {
    pub async fn layer_version(&self, layer: &str, number: i64) -> Result<LayerVersion> {
        let (name, number) = self.layer_and_number(layer, number)?;
        let record = self.layer_version_record(&name, number).await?.ok_or_else(reference::absent)?;
        Ok(LayerVersion::new(self.arns(), &name, number, record))
    }

    pub async fn layer_version_by_arn(&self, arn: &str) -> Result<LayerVersion> {
        let reference = VersionReference::parse(arn);
        let Some(VersionReference { region, account, name, number: Number::Of(number) }) = reference else {
            let rule = format!("Member must satisfy regular expression pattern: {}", reference::VERSION);
            return Err(violated("arn", Some(arn), &rule));
        };
        let arns = self.arns();
        if region != arns.region.as_str() || account != arns.account.as_str() {
            return Err(reference::absent());
        }
        let record = self.layer_version_record(&name, number).await?.ok_or_else(reference::absent)?;
        Ok(LayerVersion::new(arns, &name, number, record))
    }

    pub(super) async fn layer_version_record(
        &self,
        name: &LayerName,
        number: u64,
    ) -> Result<Option<LayerVersionRecord>> {
        record(&*self.records().snapshot(), &Key::LayerVersion(name.clone(), number)).await
    }

    /// The versions of a layer, newest first, from the one before `below`: at most `most`.
    pub async fn layer_versions(
        &self,
        layer: &str,
        filter: &LayerFilter,
        below: Option<u64>,
        most: usize,
    ) -> Result<Vec<LayerVersion>> {
        let name = reference::layer(self.arns(), layer)?;
        let snapshot = self.records().snapshot();
        let from = layer_versions_of(&name).into_bytes();
        let mut end = match below {
            Some(below) => Key::LayerVersion(name.clone(), below).bytes(),
            None => after(&from),
        };
        let mut found = Vec::new();
        loop {
            let page = snapshot.scan(&from..&end, Direction::Reverse, limits::LAYERS_READ_AT_ONCE).await?;
            let Some(last) = page.last() else { return Ok(found) };
            end = last.key.to_vec();
            for read in page {
                let Some(Key::LayerVersion(_, number)) = Key::parse(&read.key) else { continue };
                let record = LayerVersionRecord::decode(&read.value)?;
                if filter.fits(&record) {
                    found.push(LayerVersion::new(self.arns(), &name, number, record));
                }
                if found.len() == most {
                    return Ok(found);
                }
            }
        }
    }

    /// The newest version that fits of each layer that has one, by the layers' names, from the one after `above`: at most
    /// `most`.
    pub async fn layers(
        &self,
        filter: &LayerFilter,
        above: Option<&str>,
        most: usize,
    ) -> Result<Vec<LayerVersion>> {
        let snapshot = self.records().snapshot();
        let end = after(LAYERS.as_bytes());
        let mut from = match above {
            Some(above) => format!("{LAYERS}{above}\0").into_bytes(),
            None => LAYERS.into(),
        };
        let mut found = Vec::new();
        loop {
            let page = snapshot.scan(&from..&end, Direction::Forward, limits::LAYERS_READ_AT_ONCE).await?;
            let Some(last) = page.last() else { return Ok(found) };
            from = [&*last.key, b"\0"].concat();
            for read in page {
                let Some(Key::Layer(name)) = Key::parse(&read.key) else { continue };
                let layer = LayerRecord::decode(&read.value)?;
                found.extend(self.newest(&*snapshot, &name, &layer, filter).await?);
                if found.len() == most {
                    return Ok(found);
                }
            }
        }
    }

    async fn newest(
        &self,
        snapshot: &dyn Snapshot,
        name: &LayerName,
        layer: &LayerRecord,
        filter: &LayerFilter,
    ) -> Result<Option<LayerVersion>> {
        let mut numbers: VecDeque<u64> = layer.versions.keys().copied().collect();
        while let Some(number) = numbers.pop_back() {
            let key = Key::LayerVersion(name.clone(), number);
            if let Some(record) = record::<LayerVersionRecord>(snapshot, &key).await?
                && filter.fits(&record)
            {
                return Ok(Some(LayerVersion::new(self.arns(), name, number, record)));
            }
        }
        Ok(None)
    }
}

async fn record<T: Record>(snapshot: &dyn Snapshot, key: &Key) -> Result<Option<T>> {
    snapshot.get(&key.bytes()).await?.map(|bytes| T::decode(&bytes)).transpose()
}
