//! Who vouches for `https` servers.

/// The authorities that certificates are checked against.
#[derive(Debug, Clone)]
pub enum Roots {
    /// The machine's, read at the first `https` request.
    System,
    /// These, in DER: for tests.
    Only(Vec<Vec<u8>>),
}
