//! What runs inside a sandbox: the Python and the Node runtime clients, as the files of one folder each; and in a
//! [`machine`], the program that runs before them.
//!
//! A [`Client`] loads the function's handler and speaks the Lambda Runtime API (2018-06-01) with it:
//!
//! ```text
//! interpreter [Client::arguments] <folder>/<Client::entry>
//!      │  AWS_LAMBDA_RUNTIME_API, _HANDLER, LAMBDA_TASK_ROOT, …
//!      ▼
//! load the handler ──► GET …/invocation/next ──► handler ──► POST …/response or …/error ─┐
//!                            ▲                                                           │
//!                            └─────────── sent with the answer, in one write ◄───────────┘
//! ```
//!
//! Start reading at [`Client`]; the clients themselves are in `crates/guest/clients`. Always true here:
//! - a client holds one persistent connection, and pipelines: the request for the next invocation follows the
//!   answer at once, before the answer's receipt has come. The server must answer in order, as HTTP/1.1 says;
//! - it opens a new connection when the old one breaks, and may then repeat the request that got no answer;
//! - what the handler printed has been written before its answer is sent;
//! - with `SONAGI_WAITS` it asks `GET …/assignment` first, and takes the answer, `NAME=value` with a NUL behind each, for
//!   its whole environment: until then it may wait for a function that nobody knows yet.

mod client;
pub mod machine;

pub use client::{Client, Family, LAYERS_VARIABLE, SDK_VARIABLE, node, python};
