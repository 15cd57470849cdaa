//! Tables of items above [`Records`](sonagi_backend::Records): what a document database is, without a wire.
//!
//! ```text
//!   write ──► one transaction: the item ──► its entries in indexes ──► the stream's record ──► counts
//!   get, query, scan ──► a snapshot
//!   janitor ──► fills new indexes, removes what has expired, trims streams, clears away
//! ```
//!
//! Start reading at [`Documents`]; [`layout`] says what is stored where, [`write`] what one write does. Always true here:
//! - a write that has returned survives a crash, with all that follows of it: an index has the entries of the items that
//!   there are, and a stream a record for each change, in order;
//! - every write, and every transaction of several, is one serialisable transaction;
//! - a page is of one moment, and what it costs is bounded by [`PAGE_SIZE`](sonagi_model::limits::PAGE_SIZE).

mod clear;
mod count;
mod error;
mod history;
mod index;
mod janitor;
mod layout;
mod name;
mod read;
mod reading;
mod registry;
mod schema;
mod stream;
mod table;
mod transaction;
mod write;

pub use count::{Count, Counts};
pub use error::{Invalid, Refusal};
pub use index::{Index, IndexState, Projected, Scope};
pub use name::TableName;
pub use read::{Order, Page, PageOf, Query, Scan, Wanted};
pub use reading::{Batch, From};
pub use registry::{Documents, IndexChange, NewIndex, NewTable, TableChange, TablePage};
pub use schema::{Attribute, KeyKind, KeySchema};
pub use stream::{Event, Stream, StreamRecord, View, of_sequence_number, sequence_number, shard_id};
pub use table::{Billing, Expiry, Settings, Table, TableStream, Throughput};
pub use transaction::{Done, Token};
pub use write::{Action, Cost, Write, Written};
