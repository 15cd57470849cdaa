//! Which layer versions a function has.

use std::collections::{BTreeMap, HashMap};

use sonagi_model::{
    AppName, Digest, LayerName,
    function::{Function, Package, Runtime},
    layer::Layer,
    limits,
    release::ReleaseContent,
};

use super::{
    VersionReference,
    reference::{self, Number},
};
use crate::{Control, Error, Result, lambda::violated};

impl Control {
    /// The layers that the Lambda API is given for a function, with their packages. A version that the function has
    /// already need not be there any more.
    pub(crate) async fn attached(&self, arns: &[String], present: &[Layer]) -> Result<Vec<Layer>> {
        check_count(arns.len())?;
        let mut layers = Vec::with_capacity(arns.len());
        for arn in arns {
            let reference = VersionReference::parse(arn);
            let Some(reference) = reference.filter(|found| matches!(found.number, Number::Of(_))) else {
                let shown = format!("[{}]", arns.join(", "));
                let rule = format!(
                    "Member must satisfy constraint: [Member must have length less than or equal to {}, Member must \
                     have length greater than or equal to 1, Member must satisfy regular expression pattern: {}, \
                     Member must not be null]",
                    limits::LAYER_REFERENCE_SIZE,
                    reference::VERSION
                );
                return Err(violated("layers", Some(&shown), &rule));
            };
            layers.push(self.find_layer(arn, &reference, present).await?);
        }
        check_layers(&layers)?;
        Ok(layers)
    }

    /// A release that is to be deployed, with the packages of its functions' layers.
    pub(crate) async fn with_layers(
        &self,
        app: &AppName,
        mut content: ReleaseContent,
    ) -> Result<ReleaseContent> {
        let live = self.live();
        let live = live.app(app.as_str()).map(|app| &app.release.content.functions);
        for layer in content.layers.values_mut() {
            // It is published with the rest.
            layer.version = None;
        }
        let mut sizes = HashMap::new();
        for (name, function) in &mut content.functions {
            let named = |error| match error {
                Error::Invalid(text) => Error::Invalid(format!("function {name}: {text}")),
                other => other,
            };
            check_count(function.layers.len()).map_err(named)?;
            let live = live.and_then(|live| live.get(name));
            let present = live.map_or(&[][..], |live| &live.layers);
            for layer in &mut function.layers {
                let Some(reference) = VersionReference::parse(&layer.arn) else {
                    return Err(named(Error::Invalid(format!("{:?} is no layer version's ARN", layer.arn))));
                };
                *layer = match reference.number {
                    Number::OfThisRelease => {
                        let own = content.layers.get(&reference.name).ok_or_else(|| {
                            let name = &reference.name;
                            named(Error::Invalid(format!("the release does not bring the layer {name}")))
                        })?;
                        Layer { arn: layer.arn.clone(), package: Some(own.package) }
                    }
                    Number::Of(_) => self.find_layer(&layer.arn, &reference, present).await.map_err(named)?,
                };
            }
            check_layers(&function.layers).map_err(named)?;
            let same = |live: &Function| {
                (live.package, live.layer_packages()) == (function.package, function.layer_packages())
            };
            if !live.is_some_and(same) {
                self.check_sizes(function, &mut sizes).await.map_err(named)?;
            }
        }
        Ok(content)
    }

    async fn find_layer(&self, arn: &str, reference: &VersionReference, present: &[Layer]) -> Result<Layer> {
        let own = self.arns();
        if let Some(layer) = present.iter().find(|layer| layer.arn == *arn && layer.package.is_some()) {
            return Ok(layer.clone());
        }
        if reference.account != own.account.as_str() {
            return Err(Error::Unsupported(format!(
                "The layer {arn} belongs to another account, whose layers Sonagi cannot get: publish its zip here as a \
                 layer of your own."
            )));
        }
        if reference.region != own.region.as_str() {
            return Err(Error::Invalid(format!(
                "Layers are not in the same region as the function. Layers are expected to be in region {}.",
                own.region
            )));
        }
        let found = match reference.number {
            Number::Of(number) => self.layer_version_record(&reference.name, number).await?,
            Number::OfThisRelease => None,
        };
        match found {
            Some(record) => Ok(Layer { arn: arn.to_owned(), package: Some(record.package) }),
            None => Err(Error::Invalid(format!("Layer version {arn} does not exist."))),
        }
    }

    /// Whether a function's code and layers are small enough together.
    pub(crate) async fn check_size(&self, function: &Function) -> Result<()> {
        self.check_sizes(function, &mut HashMap::new()).await
    }

    /// The same for one of several functions, with what is known of packages already.
    async fn check_sizes(&self, function: &Function, known: &mut HashMap<Digest, u64>) -> Result<()> {
        let layers = function.layer_packages();
        if layers.is_empty() {
            return Ok(());
        }
        let limit = limits::PACKAGE_UNPACKED_SIZE;
        let mut size = 0;
        for layer in &layers {
            size += self.size_of(layer, known).await?;
        }
        if size > limit {
            return Err(Error::TooLarge(format!(
                "Layers consume more than the available size of {limit} bytes"
            )));
        }
        size += self.size_of(&function.package, known).await?;
        if size > limit {
            return Err(Error::TooLarge(format!(
                "Function code combined with layers exceeds the maximum allowed size of {limit} bytes. The actual size \
                 is {size} bytes."
            )));
        }
        Ok(())
    }

    async fn size_of(&self, package: &Package, known: &mut HashMap<Digest, u64>) -> Result<u64> {
        if let Some(&size) = known.get(&package.digest) {
            return Ok(size);
        }
        let size = self.packages().unpacked_size(package).await?;
        known.insert(package.digest, size);
        Ok(size)
    }
}

fn check_count(count: usize) -> Result<()> {
    if count > limits::LAYERS {
        return Err(Error::Invalid(format!("Cannot reference more than {} layers.", limits::LAYERS)));
    }
    Ok(())
}

fn check_layers(layers: &[Layer]) -> Result<()> {
    let mut seen: BTreeMap<LayerName, &str> = BTreeMap::new();
    for layer in layers {
        let Some(reference) = VersionReference::parse(&layer.arn) else { continue };
        if let Some(other) = seen.insert(reference.name, &layer.arn) {
            return Err(Error::Invalid(format!(
                "Two different versions of the same layer are not allowed to be referenced in the same function. \
                 {other} and {} are versions of the same layer.",
                layer.arn
            )));
        }
    }
    Ok(())
}

/// What a function with layers must be, whoever makes it.
pub(crate) fn check_runtime(function: &Function) -> Result<(), String> {
    if function.runtime == Runtime::Wasm && !function.layers.is_empty() {
        return Err(NO_LAYERS.into());
    }
    Ok(())
}

pub(crate) const NO_LAYERS: &str =
    "a WebAssembly function has no layers: its component holds all of its code";

/// The packages that a release's layers are.
pub(crate) fn packages(content: &ReleaseContent) -> impl Iterator<Item = Package> {
    content.layers.values().map(|layer| layer.package)
}
