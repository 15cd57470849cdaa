//! Function URLs. The unqualified function's is part of the release; an alias's belongs to the alias.

use std::sync::Arc;

use sonagi_model::{
    AliasName, Digest, LambdaName, UrlId,
    api::Cors,
    function::{FunctionUrl, InvokeMode, UrlAuth},
};

use super::{
    CreateUrl, UpdateUrl,
    constraint::{Violations, violated},
};
use crate::{
    Control, Error, LiveFunction, LiveUrl, Result,
    releases::{
        Change,
        change::Found,
        records::{Key, UrlTimes},
        url_key,
    },
};

/// Seconds that a browser may remember an answer about origins.
const CORS_MAX_AGE: u32 = 86_400;
/// Origins, methods or headers in one list.
const CORS_ITEMS: usize = 100;

impl Control {
    pub async fn create_url(
        &self,
        name: &str,
        qualifier: Option<&str>,
        request: CreateUrl,
    ) -> Result<(Arc<LiveFunction>, LiveUrl)> {
        let (name, alias) = self.locate_url(name, qualifier)?;
        check(Some(&request.auth), request.mode.as_deref(), request.cors.as_ref())?;
        let (at, key) = (name.clone(), alias.clone());
        self.change(move |change| {
            let found = find(change, &at, key.as_ref())?;
            if current(&found, key.as_ref()).is_some() {
                let arn = qualified(change, &at, key.as_ref());
                return Err(Error::Exists(format!(
                    "Failed to create function url config for [functionArn = {arn}]. Error message:  \
                     FunctionUrlConfig exists for this Lambda function"
                )));
            }
            let app = &found.app.live.app;
            let url = FunctionUrl {
                id: url_id(app.as_str(), &at, key.as_ref()),
                auth: auth(&request.auth),
                mode: request.mode.as_deref().map(mode).unwrap_or_default(),
                cors: request.cors.clone(),
                qualifier: key.clone(),
            };
            change.claim(&app.clone(), &url_key(&url.id))?;
            store(change, found, &at, key.as_ref(), Some(url))
        })
        .await?;
        self.shown_url(&name, &alias)
    }

    pub async fn update_url(
        &self,
        name: &str,
        qualifier: Option<&str>,
        request: UpdateUrl,
    ) -> Result<(Arc<LiveFunction>, LiveUrl)> {
        let (name, alias) = self.locate_url(name, qualifier)?;
        check(request.auth.as_deref(), request.mode.as_deref(), request.cors.as_ref())?;
        let (at, key) = (name.clone(), alias.clone());
        self.change(move |change| {
            let found = find(change, &at, key.as_ref())?;
            let mut url = current(&found, key.as_ref()).cloned().ok_or_else(no_url)?;
            url.auth = request.auth.as_deref().map_or(url.auth, auth);
            url.mode = request.mode.as_deref().map_or(url.mode, mode);
            url.cors = request.cors.clone().or(url.cors);
            store(change, found, &at, key.as_ref(), Some(url))
        })
        .await?;
        self.shown_url(&name, &alias)
    }

    pub async fn delete_url(&self, name: &str, qualifier: Option<&str>) -> Result<()> {
        let (name, alias) = self.locate_url(name, qualifier)?;
        self.change(move |change| {
            let found = find(change, &name, alias.as_ref())?;
            let id = current(&found, alias.as_ref()).ok_or_else(no_url)?.id.clone();
            change.store.delete(&url_key(&id))?;
            store(change, found, &name, alias.as_ref(), None)
        })
        .await
    }

    fn locate_url(&self, name: &str, qualifier: Option<&str>) -> Result<(LambdaName, Option<AliasName>)> {
        let (name, qualifier) = self.locate(name, qualifier)?;
        let alias = qualifier.map(|text| {
            AliasName::new(&text).map_err(|_| {
                let rule = r"Member must satisfy regular expression pattern: ((?!^\d+$)^[0-9a-zA-Z-_]+$)";
                violated("qualifier", Some(&text), rule)
            })
        });
        Ok((name, alias.transpose()?))
    }

    fn shown_url(
        &self,
        name: &LambdaName,
        alias: &Option<AliasName>,
    ) -> Result<(Arc<LiveFunction>, LiveUrl)> {
        let function = self.shown(name)?;
        let url = function.urls.get(alias).cloned().ok_or_else(no_url)?;
        Ok((function, url))
    }
}

fn no_url() -> Error {
    Error::NotFound("The resource you requested does not exist.".into())
}

fn find(change: &mut Change<'_>, name: &LambdaName, alias: Option<&AliasName>) -> Result<Found> {
    let absent = || Error::NotFound("Function does not exist".into());
    let found = change.lookup(name)?.ok_or_else(absent)?;
    match alias {
        Some(alias) if !found.record.aliases.contains_key(alias) => Err(absent()),
        Some(_) | None => Ok(found),
    }
}

fn current<'a>(found: &'a Found, alias: Option<&AliasName>) -> Option<&'a FunctionUrl> {
    // A manifest may declare the address of an alias within the release.
    let declared = found.function.url.as_ref().filter(|url| url.qualifier.as_ref() == alias);
    let own = alias.and_then(|alias| found.record.aliases.get(alias)?.url.as_ref().map(|(url, _)| url));
    declared.or(own)
}

/// Puts the address where it belongs: into the release if the release declares it or it is the function's own,
/// else to the alias.
fn store(
    change: &mut Change<'_>,
    mut found: Found,
    name: &LambdaName,
    alias: Option<&AliasName>,
    url: Option<FunctionUrl>,
) -> Result<()> {
    let declared = found.function.url.as_ref().is_some_and(|url| url.qualifier.as_ref() == alias);
    let Some(alias) = alias.filter(|_| !declared) else {
        let mut function = found.function.clone();
        let mut moved = None;
        if let Some(other) = function.url.as_ref().and_then(|url| url.qualifier.clone())
            && !declared
            && url.is_some()
        {
            // The release has room for one: what it has for an alias moves there.
            hand_over(change, &mut found, &other)?;
            moved = function.url.as_ref().map(|url| (found.app.live.app.clone(), url_key(&url.id)));
        }
        function.url = url;
        change.replace(found, function)?;
        // The release gave the id up, and the alias has it now.
        return moved.map_or(Ok(()), |(app, key)| change.claim(&app, &key));
    };
    let now = change.now;
    if let Some(record) = found.record.aliases.get_mut(alias) {
        let created = record.url.as_ref().map_or(now, |(_, times)| times.created);
        record.url = url.map(|url| (url, UrlTimes { created, modified: now }));
    }
    change.store.put(&Key::Function(name.clone()), &found.record)
}

/// Moves a declared address of an alias from the release to the alias's own record.
fn hand_over(change: &mut Change<'_>, found: &mut Found, alias: &AliasName) -> Result<()> {
    let times = found.record.url.unwrap_or(UrlTimes { created: change.now, modified: change.now });
    if let Some(record) = found.record.aliases.get_mut(alias) {
        record.url = found.function.url.clone().map(|url| (url, times));
        change.store.put(&Key::Function(found.function.lambda_name.clone()), &found.record)?;
    }
    Ok(())
}

fn qualified(change: &Change<'_>, name: &LambdaName, alias: Option<&AliasName>) -> String {
    let arn = change.arns.function(name.as_str());
    alias.map_or(arn.clone(), |alias| format!("{arn}:{alias}"))
}

/// 32 letters and digits that stay the same for the same function and alias.
fn url_id(app: &str, name: &LambdaName, alias: Option<&AliasName>) -> UrlId {
    let alias = alias.map_or("", AliasName::as_str);
    let digest = Digest::of(format!("lambda url/{app}/{name}/{alias}").as_bytes()).to_string();
    UrlId(digest[..32].to_owned())
}

fn check(auth: Option<&str>, mode: Option<&str>, cors: Option<&Cors>) -> Result<()> {
    let mut found = Violations::default();
    if let Some(auth) = auth {
        found.one_of("authType", auth, &["NONE", "AWS_IAM"]);
    }
    if let Some(mode) = mode {
        found.one_of("invokeMode", mode, &["RESPONSE_STREAM", "BUFFERED"]);
    }
    if let Some(cors) = cors {
        if let Some(age) = cors.max_age {
            found.range("cors.maxAge", i64::from(age), 0, CORS_MAX_AGE);
        }
        let lists = [
            ("cors.allowOrigins", &cors.allow_origins),
            ("cors.allowMethods", &cors.allow_methods),
            ("cors.allowHeaders", &cors.allow_headers),
            ("cors.exposeHeaders", &cors.expose_headers),
        ];
        for (field, list) in lists.into_iter().filter(|(_, list)| list.len() > CORS_ITEMS) {
            let rule = format!("Member must have length less than or equal to {CORS_ITEMS}");
            found.add(field, Some(&format!("[{}]", list.join(", "))), &rule);
        }
    }
    found.check()
}

/// Only after [`check`].
fn auth(text: &str) -> UrlAuth {
    if text == "AWS_IAM" { UrlAuth::AwsIam } else { UrlAuth::None }
}

fn mode(text: &str) -> InvokeMode {
    if text == "RESPONSE_STREAM" { InvokeMode::ResponseStream } else { InvokeMode::Buffered }
}
