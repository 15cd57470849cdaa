//! Tables: making, describing, changing and removing them, their tags, and when their items expire.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::json as value;
use sonagi_data::documents::{
    self, Attribute, Billing, KeyKind, KeySchema, NewIndex, NewTable, Projected, Scope, Settings,
    TableChange, TableName, View,
};

use super::{
    Answer, Call, arn,
    describe::{self, Description, Status},
    error::Fault,
    json,
    request::{self, AttributeDefinition, BillingMode, Index, IndexChange, IndexProjection, TableClass},
};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Described {
    table_description: Description,
}

/// A table's name, of an operation on tables.
fn named(call: &Call<'_>, table: &request::Table) -> Result<TableName, Fault> {
    arn::table_name(call.parts, table.said())
}

fn attribute(definitions: &[AttributeDefinition], name: &str) -> Attribute {
    let kind = definitions.iter().find(|definition| definition.name == name);
    let kind = match kind.map(|definition| definition.kind) {
        // What is not defined was refused before.
        Some(request::KeyKind::S) | None => KeyKind::S,
        Some(request::KeyKind::N) => KeyKind::N,
        Some(request::KeyKind::B) => KeyKind::B,
    };
    Attribute { name: name.to_owned(), kind }
}

fn attributes(definitions: &[AttributeDefinition]) -> Vec<Attribute> {
    definitions.iter().map(|definition| attribute(definitions, &definition.name)).collect()
}

fn schema(definitions: &[AttributeDefinition], keys: &request::KeySchema) -> KeySchema {
    KeySchema {
        partition: attribute(definitions, &keys.partition),
        sort: keys.sort.as_ref().map(|sort| attribute(definitions, sort)),
    }
}

fn throughput(throughput: request::Throughput) -> documents::Throughput {
    documents::Throughput { read: throughput.read, write: throughput.write }
}

fn index(definitions: &[AttributeDefinition], index: &Index, scope: Scope) -> Result<NewIndex, Fault> {
    refuse_bounds(index.on_demand)?;
    Ok(NewIndex {
        name: TableName::new(&index.name)?,
        scope,
        key: schema(definitions, &index.keys),
        projected: match &index.projection {
            IndexProjection::All => Projected::All,
            IndexProjection::KeysOnly => Projected::Keys,
            IndexProjection::Include(names) => Projected::Include(names.clone()),
        },
        throughput: index.throughput.map(throughput),
    })
}

fn view(stream: request::Stream) -> Option<View> {
    match stream {
        request::Stream::Disabled => None,
        request::Stream::Enabled(request::View::KeysOnly) => Some(View::Keys),
        request::Stream::Enabled(request::View::NewImage) => Some(View::New),
        request::Stream::Enabled(request::View::OldImage) => Some(View::Old),
        request::Stream::Enabled(request::View::NewAndOldImages) => Some(View::Both),
    }
}

/// What a request asks for that is not here is told, and not passed over.
fn refuse_others(others: &[&str], encryption: Option<&request::Encryption>) -> Result<(), Fault> {
    if let Some(other) = others.first() {
        return Err(Fault::validation(format!("Unsupported input parameter: Sonagi has no {other}")));
    }
    match encryption {
        Some(request::Encryption { is_enabled: true, .. }) => Err(Fault::validation(
            "Unsupported input parameter: SSESpecification: Sonagi does not encrypt tables; encrypt the disk that they \
             are on",
        )),
        Some(_) | None => Ok(()),
    }
}

fn refuse_bounds(bounds: Option<request::OnDemand>) -> Result<(), Fault> {
    match bounds {
        Some(request::OnDemand { read, write })
            if read.is_some_and(|n| n >= 0) || write.is_some_and(|n| n >= 0) =>
        {
            Err(Fault::validation(
                "Unsupported input parameter: OnDemandThroughput: Sonagi does not throttle tables",
            ))
        }
        Some(_) | None => Ok(()),
    }
}

async fn described(call: &Call<'_>, table: &documents::Table, status: Status) -> Result<Description, Fault> {
    let counts = call.parts.documents.count(table).await?;
    Ok(describe::table(call.parts, table, &counts, status))
}

pub(super) async fn create(call: &Call<'_>) -> Answer {
    let asked = request::CreateTable::read(&call.body)?;
    let name = named(call, &asked.table)?;
    call.may(&name).await?;
    refuse_others(&asked.others, asked.encryption.as_ref())?;
    let billing = match asked.billing {
        request::Billing::Provisioned(given) => Billing::Provisioned(throughput(given)),
        request::Billing::PayPerRequest(bounds) => {
            refuse_bounds(bounds)?;
            Billing::OnDemand
        }
    };
    let mut indexes = Vec::new();
    for (those, scope) in [(&asked.local_indexes, Scope::Local), (&asked.global_indexes, Scope::Global)] {
        for one in those {
            indexes.push(index(&asked.definitions, one, scope)?);
        }
    }
    let new = NewTable {
        name,
        attributes: attributes(&asked.definitions),
        key: schema(&asked.definitions, &asked.keys),
        indexes,
        settings: Settings {
            billing,
            protected: asked.is_protected.unwrap_or(false),
            infrequent: asked.class == Some(TableClass::StandardInfrequentAccess),
        },
        stream: asked.stream.and_then(view),
        tags: asked.tags.into_iter().map(|tag| (tag.key, tag.value)).collect(),
    };
    let table = call.parts.documents.create(new, None).await?;
    json(&Described { table_description: described(call, &table, Status::Creating).await? })
}

pub(super) async fn describe(call: &Call<'_>) -> Answer {
    let name = named(call, &request::DescribeTable::read(&call.body)?.table)?;
    call.may(&name).await?;
    let table = call.parts.documents.find(&name).await?;
    let fills = table.indexes.iter().any(|index| index.state == documents::IndexState::Filling);
    let status = if fills { Status::Updating } else { Status::Active };
    json(&value!({ "Table": described(call, &table, status).await? }))
}

pub(super) async fn delete(call: &Call<'_>) -> Answer {
    let name = named(call, &request::DeleteTable::read(&call.body)?.table)?;
    call.may(&name).await?;
    let before = call.parts.documents.find(&name).await?;
    let counts = call.parts.documents.count(&before).await?;
    let table = call.parts.documents.delete(&name).await?;
    let table_description = describe::table(call.parts, &table, &counts, Status::Deleting);
    json(&Described { table_description })
}

pub(super) async fn list(call: &Call<'_>) -> Answer {
    let asked = request::ListTables::read(&call.body)?;
    call.may_everywhere()?;
    let page = call.parts.documents.list(asked.after.as_deref(), asked.limit).await?;
    let names: Vec<&str> = page.tables.iter().map(TableName::as_str).collect();
    match names.last().filter(|_| page.more) {
        Some(last) => json(&value!({ "TableNames": names, "LastEvaluatedTableName": last })),
        None => json(&value!({ "TableNames": names })),
    }
}

pub(super) async fn update(call: &Call<'_>) -> Answer {
    let asked = request::UpdateTable::read(&call.body)?;
    let name = named(call, &asked.table)?;
    call.may(&name).await?;
    refuse_others(&asked.others, asked.encryption.as_ref())?;
    refuse_bounds(asked.on_demand)?;
    let table = call.parts.documents.find(&name).await?;
    let billing = match (asked.billing, asked.throughput, table.settings.billing) {
        (Some(BillingMode::PayPerRequest), ..) => Billing::OnDemand,
        (Some(BillingMode::Provisioned) | None, Some(given), before) => {
            let given = throughput(given);
            if before == Billing::Provisioned(given) && asked.indexes.is_empty() && asked.stream.is_none() {
                let documents::Throughput { read, write } = given;
                return Err(Fault::validation(format!(
                    "The provisioned throughput for the table will not change. The requested value equals the current \
                     value. Current ReadCapacityUnits provisioned for the table: {read}. Requested ReadCapacityUnits: \
                     {read}. Current WriteCapacityUnits provisioned for the table: {write}. Requested \
                     WriteCapacityUnits: {write}. Refer to the Amazon DynamoDB Developer Guide for current limits and \
                     how to request higher limits."
                )));
            }
            Billing::Provisioned(given)
        }
        (Some(BillingMode::Provisioned) | None, None, before) => before,
    };
    let settings = Settings {
        billing,
        protected: asked.is_protected.unwrap_or(table.settings.protected),
        infrequent: asked
            .class
            .map_or(table.settings.infrequent, |class| class == TableClass::StandardInfrequentAccess),
    };
    let change = TableChange {
        settings: Some(settings).filter(|settings| *settings != table.settings),
        stream: asked.stream.map(view),
        index: change(&asked.definitions, &asked.indexes)?,
        attributes: attributes(&asked.definitions),
    };
    let table = call.parts.documents.update(&name, change).await?;
    json(&Described { table_description: described(call, &table, Status::Updating).await? })
}

fn change(
    definitions: &[AttributeDefinition],
    changes: &[IndexChange],
) -> Result<Option<documents::IndexChange>, Fault> {
    let mut updates = Vec::new();
    let mut other = None;
    for change in changes {
        match change {
            IndexChange::Create(new) => {
                other = Some(documents::IndexChange::Create(index(definitions, new, Scope::Global)?));
            }
            IndexChange::Delete { name } => {
                other = Some(documents::IndexChange::Delete(TableName::new(name)?))
            }
            IndexChange::Update { name, throughput: given, on_demand } => {
                refuse_bounds(*on_demand)?;
                updates.extend(given.map(|given| Ok::<_, Fault>((TableName::new(name)?, throughput(given)))));
            }
        }
    }
    let updates = updates.into_iter().collect::<Result<Vec<_>, _>>()?;
    Ok(match other {
        None if updates.is_empty() => None,
        None => Some(documents::IndexChange::Update(updates)),
        some => some,
    })
}

pub(super) async fn describe_expiry(call: &Call<'_>) -> Answer {
    let name = named(call, &request::DescribeTimeToLive::read(&call.body)?.table)?;
    call.may(&name).await?;
    let table = call.parts.documents.find(&name).await?;
    let description = match &table.expiry {
        Some(expiry) => {
            let status = if expiry.filling { "ENABLING" } else { "ENABLED" };
            value!({ "TimeToLiveStatus": status, "AttributeName": expiry.attribute })
        }
        None => value!({ "TimeToLiveStatus": "DISABLED" }),
    };
    json(&value!({ "TimeToLiveDescription": description }))
}

pub(super) async fn update_expiry(call: &Call<'_>) -> Answer {
    let asked = request::UpdateTimeToLive::read(&call.body)?;
    let name = named(call, &asked.table)?;
    call.may(&name).await?;
    let attribute = asked.is_enabled.then(|| asked.attribute.clone());
    call.parts.documents.expire_by(&name, attribute).await?;
    let specification = value!({ "Enabled": asked.is_enabled, "AttributeName": asked.attribute });
    json(&value!({ "TimeToLiveSpecification": specification }))
}

/// The table of an ARN, of an operation on tags.
fn tagged(call: &Call<'_>, arn: &str) -> Result<TableName, Fault> {
    if !arn.starts_with(&arn::place(call.parts)) {
        return Err(Fault::foreign(call, arn));
    }
    let named = arn.strip_prefix(&arn::table(call.parts, "")).and_then(|name| TableName::new(name).ok());
    named.ok_or_else(|| no_resource(arn))
}

fn no_resource(arn: &str) -> Fault {
    Fault::new(
        "ResourceNotFoundException",
        format!("Requested resource not found: ResourcArn: {arn} not found"),
    )
}

async fn retag(
    call: &Call<'_>,
    arn: &str,
    with: impl Fn(&mut BTreeMap<String, String>) + Send + 'static,
) -> Answer {
    let name = tagged(call, arn)?;
    call.may(&name).await?;
    call.parts.documents.tag(&name, with).await.map_err(|error| missing(error, arn))?;
    Ok(super::respond(http::StatusCode::OK, bytes::Bytes::new()))
}

fn missing(error: sonagi_data::Error, arn: &str) -> Fault {
    match error {
        sonagi_data::Error::Document(documents::Refusal::NoTableNamed { .. }) => no_resource(arn),
        error => error.into(),
    }
}

pub(super) async fn tag(call: &Call<'_>) -> Answer {
    let asked = request::TagResource::read(&call.body)?;
    let tags: Vec<_> = asked.tags.into_iter().map(|tag| (tag.key, tag.value)).collect();
    retag(call, &asked.resource, move |all| all.extend(tags.iter().cloned())).await
}

pub(super) async fn untag(call: &Call<'_>) -> Answer {
    let asked = request::UntagResource::read(&call.body)?;
    let keys = asked.keys;
    retag(call, &asked.resource, move |all| keys.iter().for_each(|key| drop(all.remove(key)))).await
}

pub(super) async fn list_tags(call: &Call<'_>) -> Answer {
    let asked = request::ListTagsOfResource::read(&call.body)?;
    if asked.token.is_some() {
        return Err(Fault::validation("Invalid NextToken"));
    }
    let name = tagged(call, &asked.resource)?;
    call.may(&name).await?;
    let table = call.parts.documents.find(&name).await.map_err(|error| missing(error, &asked.resource))?;
    let tags = table.tags.iter().map(|(key, value)| value!({ "Key": key, "Value": value }));
    json(&value!({ "Tags": tags.collect::<Vec<_>>() }))
}

/// What AWS tells of a new account; nothing here is throttled by it.
pub(super) fn describe_limits(call: &Call<'_>) -> Answer {
    request::DescribeLimits::read(&call.body)?;
    call.may_everywhere()?;
    json(&value!({
        "AccountMaxReadCapacityUnits": 80_000,
        "AccountMaxWriteCapacityUnits": 80_000,
        "TableMaxReadCapacityUnits": 40_000,
        "TableMaxWriteCapacityUnits": 40_000,
    }))
}

pub(super) fn describe_endpoints(call: &Call<'_>) -> Answer {
    request::DescribeEndpoints::read(&call.body)?;
    call.may_everywhere()?;
    let address = call.parts.config.endpoint.split("://").last().unwrap_or_default();
    json(&value!({ "Endpoints": [{ "Address": address, "CachePeriodInMinutes": 1440 }] }))
}
