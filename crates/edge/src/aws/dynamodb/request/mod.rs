//! From the bytes of a request to DynamoDB to what it asks for, or to what is wrong with it in DynamoDB's words.
//!
//! ```text
//!   body ──► kind: JSON of the model's shapes ──► checks: constraints ──► expressions, legacy, schema: meaning ──► GetItem, …
//!            value: AttributeValue                all told together        the first mistake is told
//!            SerializationException               ValidationException      ValidationException
//!   Item ──► wire ──► the bytes of an answer
//! ```
//!
//! Each operation is a struct with a `read`; start reading at [`GetItem`] and [`PutItem`], then [`kind`] and [`checks`]. After
//! Amazon DynamoDB API Reference, and for the words and their order after what the service was seen to answer.
//! Always true here: nothing is looked up, so that what depends on a table is not checked; no bytes make anything panic,
//! or recurse deeper than [`ITEM_DEPTH`](sonagi_model::limits::ITEM_DEPTH); nothing that serde_json says is told.

#[expect(dead_code, reason = "backups are read, and not there yet")]
mod backups;
mod batch_get;
mod batch_write;
mod checks;
mod choice;
mod create_table;
mod delete_item;
mod expressions;
mod fault;
mod get_item;
mod kind;
mod legacy;
mod mistake;
mod page;
mod put_item;
mod query;
mod scalar;
mod scan;
mod schema;
#[expect(dead_code, reason = "statements are read, and not there yet")]
mod statements;
mod streams;
mod tables;
mod tags;
#[cfg(test)]
mod tests;
mod transact_get;
mod transact_write;
mod update_item;
mod update_table;
mod value;
mod wire;

pub(crate) use batch_get::{BatchGetItem, KeysOf, Written};
pub(crate) use batch_write::{BatchWriteItem, Write};
pub(crate) use checks::Table;
pub(crate) use choice::{
    BillingMode, Capacity, KeyKind, Metrics, OnFailure, ReturnValues, Select, TableClass, View,
};
pub(crate) use create_table::{Billing, CreateTable};
pub(crate) use delete_item::DeleteItem;
pub(crate) use fault::Fault;
pub(crate) use get_item::GetItem;
pub(crate) use page::Page;
pub(crate) use put_item::PutItem;
pub(crate) use query::Query;
pub(crate) use scan::Scan;
pub(crate) use schema::{
    AttributeDefinition, Encryption, Index, IndexProjection, KeySchema, OnDemand, Stream, Throughput,
};
pub(crate) use streams::{DescribeStream, GetRecords, GetShardIterator, ListStreams, Start};
pub(crate) use tables::{
    DeleteTable, DescribeEndpoints, DescribeLimits, DescribeTable, DescribeTimeToLive, ListTables,
    UpdateTimeToLive,
};
pub(crate) use tags::{ListTagsOfResource, TagResource, UntagResource};
pub(crate) use transact_get::TransactGetItems;
pub(crate) use transact_write::{Action, Change, TransactWriteItems};
pub(crate) use update_item::UpdateItem;
pub(crate) use update_table::{IndexChange, UpdateTable};
pub(crate) use wire::{Wire, WireValue};
#[cfg(test)]
pub(crate) use {
    backups::{
        CreateBackup, DeleteBackup, DescribeBackup, DescribeContinuousBackups, ListBackups,
        RestoreTableFromBackup, RestoreTableToPointInTime, UpdateContinuousBackups,
    },
    scan::Part,
    statements::{BatchExecuteStatement, ExecuteStatement, ExecuteTransaction},
    tags::Tag,
};
