//! Requests of AWS's protocols over one connection, or one after the other if the server closes it, as an SDK writes them
//! but for the signature, which nobody checks.

use std::fmt::Write as _;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::load::Client;

/// A connection to a platform.
pub(super) struct Requests {
    client: Client,
    host: String,
    request: String,
}

impl Requests {
    /// To `host`, an address with its port.
    pub(super) async fn connect(host: &str) -> Result<Self> {
        let client = Client::connect(host.parse()?).await?;
        Ok(Self { client, host: host.to_owned(), request: String::with_capacity(16_384) })
    }

    /// An operation of SQS, in JSON.
    pub(super) async fn sqs(&mut self, operation: &str, body: &str) -> Result<&[u8]> {
        let target =
            format!("Content-Type: application/x-amz-json-1.0\r\nX-Amz-Target: AmazonSQS.{operation}\r\n");
        self.ask("POST", "/", "sqs", &target, body).await
    }

    /// An operation of Lambda's, which is told by its path.
    pub(super) async fn lambda(&mut self, method: &str, path: &str, body: &Value) -> Result<Value> {
        let kind = "Content-Type: application/json\r\n";
        Ok(serde_json::from_slice(self.ask(method, path, "lambda", kind, &body.to_string()).await?)?)
    }

    /// What was logged since `since`, in milliseconds, by a function.
    pub(super) async fn logs(&mut self, function: &str, since: i128) -> Result<Vec<Value>> {
        let path = format!("/_sonagi/v1/logs?function={function}&since={since}");
        let lines = self.ask("GET", &path, "sonagi", "", "").await?;
        let lines = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.map(|line| serde_json::from_slice(line).context("a line of the log")).collect()
    }

    async fn ask(
        &mut self,
        method: &str,
        path: &str,
        service: &str,
        headers: &str,
        body: &str,
    ) -> Result<&[u8]> {
        if self.client.is_over() {
            self.client = Client::connect(self.host.parse()?).await?;
        }
        self.request.clear();
        write!(
            self.request,
            "{method} {path} HTTP/1.1\r\nHost: {}\r\n{headers}Authorization: AWS4-HMAC-SHA256 \
             Credential=test/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host;x-amz-date, \
             Signature={:064}\r\nX-Amz-Date: 20260101T000000Z\r\nContent-Length: {}\r\n\r\n{body}",
            self.host,
            0,
            body.len()
        )?;
        let (status, answer) = self.client.ask(self.request.as_bytes()).await?;
        ensure!(
            (200..300).contains(&status),
            "{method} {path} {headers}was answered with {status}: {}",
            String::from_utf8_lossy(answer)
        );
        Ok(answer)
    }
}
