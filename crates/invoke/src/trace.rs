//! The `X-Amzn-Trace-Id` header (AWS X-Ray Developer Guide, "Tracing header").

use std::fmt::Write as _;

use sonagi_model::{Entropy, Timestamp, function::Tracing, limits::TRACE_SIZE};

/// A trace header, and what the log says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trace {
    pub(crate) header: String,
}

impl Trace {
    /// The caller's, completed where parts are missing, or a new one.
    pub(crate) fn new(
        caller: Option<String>,
        tracing: Tracing,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Self {
        let mut header = match caller.filter(|header| is_sound(header)) {
            Some(header) if part(&header, "Parent").is_some() && part(&header, "Sampled").is_some() => {
                return Self { header };
            }
            Some(header) => header,
            None => {
                let bytes: [u8; 12] = entropy.bytes();
                let mut header = String::with_capacity(96);
                // Writing to a string cannot fail.
                let _ = write!(header, "Root=1-{:08x}-", now.seconds() as u32);
                hex(&mut header, &bytes);
                header
            }
        };
        if part(&header, "Parent").is_none() {
            header.push_str(";Parent=");
            hex(&mut header, &entropy.bytes::<8>());
        }
        if part(&header, "Sampled").is_none() {
            header.push_str(match tracing {
                Tracing::Active => ";Sampled=1",
                Tracing::PassThrough => ";Sampled=0",
            });
        }
        Self { header }
    }

    /// The line behind a REPORT, for a trace that is sampled.
    pub(crate) fn report(&self) -> Option<String> {
        (part(&self.header, "Sampled") == Some("1")).then(|| {
            format!(
                "XRAY TraceId: {}\tSegmentId: {}\tSampled: true\t",
                part(&self.header, "Root").unwrap_or_default(),
                part(&self.header, "Parent").unwrap_or_default(),
            )
        })
    }
}

/// A value that names a root and can stand in a header.
fn is_sound(header: &str) -> bool {
    header.len() <= TRACE_SIZE
        && header.bytes().all(|byte| (b' '..=b'~').contains(&byte))
        && part(header, "Root").is_some_and(|root| !root.is_empty())
}

fn part<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    header.split(';').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))
}

fn hex(out: &mut String, bytes: &[u8]) {
    for byte in bytes {
        let _ = write!(out, "{byte:02x}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Ones;
    impl Entropy for Ones {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0x1f);
        }
    }

    fn header(caller: Option<&str>, tracing: Tracing) -> String {
        let now = Timestamp::from_millis(0x5f00_0000_u64 * 1_000);
        Trace::new(caller.map(Into::into), tracing, now, &Ones).header
    }

    #[test]
    fn a_trace_is_passed_on_or_made() {
        let whole = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1;Lineage=a:0";
        assert_eq!(header(Some(whole), Tracing::PassThrough), whole);
        assert_eq!(
            header(None, Tracing::Active),
            "Root=1-5f000000-1f1f1f1f1f1f1f1f1f1f1f1f;Parent=1f1f1f1f1f1f1f1f;Sampled=1"
        );
        assert_eq!(
            header(Some("Root=1-5759e988-bd862e3fe1be46a994272793"), Tracing::PassThrough),
            "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=1f1f1f1f1f1f1f1f;Sampled=0"
        );
        let forged = header(Some("Root=1-a\r\nX-Evil: 1"), Tracing::PassThrough);
        assert!(forged.starts_with("Root=1-5f000000-"), "{forged}");
    }
}
