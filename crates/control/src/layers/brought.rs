//! The layers that an app brings: published with the release that brings them.

use sonagi_model::{
    LayerName,
    layer::{AppLayer, OF_THIS_RELEASE, Retention},
    limits,
    release::ReleaseContent,
};

use super::{LayerRecord, LayerVersionRecord, is_runtime};
use crate::{
    Error, Result,
    releases::{Change, records::Key},
};

/// Checks the layers of a release that comes from outside.
pub(crate) fn check_brought(content: &ReleaseContent) -> Result<()> {
    let (count, most) = (content.layers.len(), limits::LAYERS_PER_APP);
    if count > most {
        return Err(Error::Invalid(format!("the app brings {count} layers; the most is {most}")));
    }
    for (name, layer) in &content.layers {
        let invalid = |text: String| Err(Error::Invalid(format!("layer {name}: {text}")));
        for (what, text, most) in [
            ("description", &layer.description, limits::DESCRIPTION_SIZE),
            ("license", &layer.license, limits::LAYER_LICENSE_SIZE),
        ] {
            if text.chars().count() > most {
                return invalid(format!("the {what} is longer than {most} characters"));
            }
        }
        if layer.runtimes.len() > limits::LAYER_RUNTIMES {
            return invalid(format!("more than {} runtimes", limits::LAYER_RUNTIMES));
        }
        if let Some(wrong) = layer.runtimes.iter().find(|runtime| !is_runtime(runtime)) {
            return invalid(format!("{wrong:?} is no runtime of Lambda's"));
        }
    }
    Ok(())
}

impl Change<'_> {
    /// Gives each layer of `content` its version: one that is there and the same, or a new one. Everything that refers to
    /// the release's own version gets its number.
    pub(crate) fn publish_layers(&mut self, content: &mut ReleaseContent) -> Result<()> {
        for (name, layer) in &mut content.layers {
            layer.version = Some(self.version_of(name, layer)?);
        }
        let numbers: Vec<(String, String)> = content
            .layers
            .iter()
            .filter_map(|(name, layer)| {
                let arn = self.arns.layer(name);
                Some((format!("{arn}:{OF_THIS_RELEASE}"), format!("{arn}:{}", layer.version?)))
            })
            .collect();
        let set = |text: &mut String| {
            for (from, to) in &numbers {
                if text.contains(from) {
                    *text = text.replace(from, to);
                }
            }
        };
        for function in content.functions.values_mut() {
            function.layers.iter_mut().for_each(|layer| set(&mut layer.arn));
            function.variables.values_mut().for_each(set);
        }
        content.outputs.values_mut().for_each(|output| set(&mut output.value));
        Ok(())
    }

    fn version_of(&mut self, name: &LayerName, layer: &AppLayer) -> Result<u64> {
        let version = LayerVersionRecord {
            package: layer.package,
            created: self.now,
            description: layer.description.clone(),
            runtimes: layer.runtimes.clone(),
            architectures: layer.architectures.clone(),
            license: layer.license.clone(),
            statements: Vec::new(),
            revision: String::new(),
        };
        let print = version.fingerprint();
        let there: LayerRecord = self.store.get(&Key::Layer(name.clone()))?.unwrap_or_default();
        match there.versions.iter().rev().find(|(_, other)| **other == print) {
            Some((&number, _)) => Ok(number),
            None => self.publish_layer(name, &version),
        }
    }

    /// Deletes the versions of `from` that are not to outlive their release, and that `to` does not have.
    pub(crate) fn drop_layers(&mut self, from: &ReleaseContent, to: &ReleaseContent) -> Result<()> {
        for (name, layer) in &from.layers {
            let now = to.layers.get(name).and_then(|layer| layer.version);
            if let Some(number) = layer.version.filter(|&number| now != Some(number))
                && layer.retention == Retention::Delete
            {
                self.delete_layer_version(name, number)?;
            }
        }
        Ok(())
    }
}
