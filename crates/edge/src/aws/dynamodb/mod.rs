//! DynamoDB and DynamoDB Streams (Amazon DynamoDB API Reference, version 2012-08-10) over `data::documents`, in AWS JSON
//! 1.0.
//!
//! ```text
//!   head ──► admit ──► Operation ──► request: what is asked, checked ──► a handler ──► Documents ──► its output's struct
//! ```
//!
//! Start reading at [`handle`], then [`operation`], which lists every operation, and [`request`], which reads and checks
//! what needs no table. Always true here: a handler asks whether the caller may before it looks anything up, but for whose
//! table it is.

mod arn;
mod batch;
mod capacity;
mod describe;
mod error;
mod items;
mod operation;
mod pages;
mod request;
mod streams;
mod tables;
mod transactions;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, request::Parts as Head};
use serde::Serialize;
use sonagi_data::documents::TableName;
use sonagi_identity::{Access, Principal, policy::Given};
use sonagi_items::{Item, Value};
use sonagi_model::limits;

use super::admit;
use crate::{
    platform::Parts,
    serve::{Body, ResponseBody},
};
use error::Fault;
use operation::Operation;

type Answer = Result<Response<ResponseBody>, Fault>;

const JSON: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.0");

/// A request that was let in.
struct Call<'a> {
    parts: &'a Parts,
    operation: Operation,
    principal: Principal,
    body: Bytes,
}

pub(super) async fn handle(parts: &Parts, head: Head, body: Body) -> Response<ResponseBody> {
    answer(parts, head, body).await.unwrap_or_else(|fault| fault.respond())
}

async fn answer(parts: &Parts, head: Head, body: Body) -> Answer {
    let (principal, body) = admit::admit(parts, &head, body, limits::TABLE_BODY_SIZE, &["dynamodb"]).await?;
    let operation = operation::of_target(&head)?;
    let call = Call { parts, operation, principal, body };
    match operation {
        Operation::GetItem => items::get(&call).await,
        Operation::PutItem => items::put(&call).await,
        Operation::UpdateItem => items::update(&call).await,
        Operation::DeleteItem => items::delete(&call).await,
        Operation::Query => pages::query(&call).await,
        Operation::Scan => pages::scan(&call).await,
        Operation::BatchGetItem => batch::get(&call).await,
        Operation::BatchWriteItem => batch::write(&call).await,
        Operation::TransactGetItems => transactions::get(&call).await,
        Operation::TransactWriteItems => transactions::write(&call).await,
        Operation::CreateTable => tables::create(&call).await,
        Operation::UpdateTable => tables::update(&call).await,
        Operation::DeleteTable => tables::delete(&call).await,
        Operation::DescribeTable => tables::describe(&call).await,
        Operation::ListTables => tables::list(&call).await,
        Operation::DescribeTimeToLive => tables::describe_expiry(&call).await,
        Operation::UpdateTimeToLive => tables::update_expiry(&call).await,
        Operation::TagResource => tables::tag(&call).await,
        Operation::UntagResource => tables::untag(&call).await,
        Operation::ListTagsOfResource => tables::list_tags(&call).await,
        Operation::DescribeLimits => tables::describe_limits(&call),
        Operation::DescribeEndpoints => tables::describe_endpoints(&call),
        Operation::ListStreams => streams::list(&call).await,
        Operation::DescribeStream => streams::describe(&call).await,
        Operation::GetShardIterator => streams::iterator(&call).await,
        Operation::GetRecords => streams::records(&call).await,
    }
}

impl Call<'_> {
    /// Whether the caller may do what it asks to this table.
    async fn may(&self, table: &TableName) -> Result<(), Fault> {
        self.may_all(table, &[]).await
    }

    /// The same to items of these partitions.
    async fn may_all(&self, table: &TableName, partitions: &[&Item]) -> Result<(), Fault> {
        let resource = arn::table(self.parts, table.as_str());
        self.may_do(self.operation.name(), &resource, table, partitions).await
    }

    /// Whether the caller may do that to a resource of the table.
    async fn may_do(
        &self,
        action: &str,
        resource: &str,
        table: &TableName,
        items: &[&Item],
    ) -> Result<(), Fault> {
        // Nobody else is restricted to parts of tables.
        if let Principal::Operator { .. } | Principal::Anonymous = self.principal {
            return self.may_of(action, resource, None, &[]);
        }
        let known = self.parts.documents.recall(table).await.ok();
        let owner = known.as_ref().and_then(|table| table.app.as_ref());
        let partition = known.as_ref().map(|table| table.key.partition.name.as_str());
        let leading = |item: &&Item| match item.get(partition?)? {
            Value::Text(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        let leading: Vec<String> = items.iter().filter_map(leading).collect();
        let leading: Vec<&str> = leading.iter().map(String::as_str).collect();
        let context = [("dynamodb:LeadingKeys", Given::Many(&leading))];
        self.may_of(action, resource, owner, if leading.is_empty() { &[] } else { &context })
    }

    /// Whether the caller may do what it asks to nothing in particular.
    fn may_everywhere(&self) -> Result<(), Fault> {
        self.may_of(self.operation.name(), "*", None, &[])
    }

    fn may_of(
        &self,
        action: &str,
        resource: &str,
        owner: Option<&sonagi_model::AppName>,
        context: &[(&str, Given<'_>)],
    ) -> Result<(), Fault> {
        let action = format!("dynamodb:{action}");
        let now = self.parts.clock.now();
        let access = Access::new(&self.principal, &action, resource, now).owned_by(owner).with(context);
        self.parts.identity.may(&access).map_err(|error| Fault::identity(&error))
    }
}

fn json<T: Serialize>(output: &T) -> Answer {
    let body = serde_json::to_vec(output).map_err(|error| Fault::internal(&error))?;
    Ok(respond(StatusCode::OK, body))
}

fn respond(status: StatusCode, body: impl Into<Bytes>) -> Response<ResponseBody> {
    let body = body.into();
    // Older SDKs check it.
    let sum = crc32fast::hash(&body);
    let mut response = Response::new(ResponseBody::whole(body));
    *response.status_mut() = status;
    response.headers_mut().insert(http::header::CONTENT_TYPE, JSON);
    response.headers_mut().insert("x-amz-crc32", HeaderValue::from(sum));
    response
}
