//! `DeleteFunction`.

use sonagi_model::LambdaName;

use super::provisioned;
use crate::{
    Control, Error, Result, Version,
    releases::{
        Change,
        records::{Key, Origin},
    },
};

impl Control {
    /// Deletes the function with all its versions, aliases and permissions; with a qualifier, one version.
    pub async fn delete_function(&self, name: &str, qualifier: Option<&str>) -> Result<()> {
        let (name, qualifier) = self.locate(name, qualifier)?;
        let Some(qualifier) = qualifier else {
            return self.change(move |change| delete_whole(change, &name)).await;
        };
        match qualifier.parse::<Version>() {
            Ok(Version::Latest) => {
                Err(Error::Invalid("$LATEST version cannot be deleted without deleting the function.".into()))
            }
            Ok(Version::Number(number)) => {
                self.change(move |change| delete_version(change, &name, number)).await
            }
            Err(_) if qualifier.bytes().all(|b| b.is_ascii_digit()) => {
                // A number that no version can have.
                self.shown(&name).map(drop)
            }
            Err(_) => Err(Error::Invalid("Deletion of aliases is not currently supported.".into())),
        }
    }
}

fn delete_whole(change: &mut Change<'_>, name: &LambdaName) -> Result<()> {
    let found = change.find(name)?;
    let app = found.app.live.app.clone();
    let mut content = found.app.live.content;
    content.functions.remove(&found.record.name);
    if found.app.origin == Origin::Lambda && content.functions.is_empty() {
        return change.remove(&app);
    }
    change.deploy(&app, content, found.app.origin)?;
    // The release has left its names dormant; this function's are gone for good.
    change.disown(&app, name)
}

/// No error if the version never was, as at Lambda.
fn delete_version(change: &mut Change<'_>, name: &LambdaName, number: u64) -> Result<()> {
    let mut found = change.find(name)?;
    if found.record.versions.remove(&number).is_none() {
        return Ok(());
    }
    if found.record.aliased().contains(&number) {
        let aliases = found.record.aliases.iter().filter(|(_, alias)| {
            alias.version == Version::Number(number) || alias.weights.contains_key(&number)
        });
        let aliases: Vec<&str> = aliases.map(|(name, _)| name.as_str()).collect();
        return Err(Error::Conflict(format!(
            "Unable to delete version because the following aliases reference it: [{}]",
            aliases.join(", ")
        )));
    }
    found.record.forget(&number.to_string());
    provisioned::forget(change, name, &mut found.record, &number.to_string())?;
    change.store.delete(&Key::Version(name.clone(), number))?;
    change.store.put(&Key::Function(name.clone()), &found.record)
}
