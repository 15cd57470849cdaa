//! Revision ids.

use sha2::{Digest as _, Sha256};
use sonagi_model::{Entropy, LambdaName, LayerName};

/// Makes the revision ids of one change. A transaction's body may run again: it then gets the same ids.
#[derive(Clone)]
pub(crate) struct Revisions {
    seed: [u8; 32],
}

impl Revisions {
    pub(crate) fn new(entropy: &dyn Entropy) -> Self {
        Self { seed: entropy.bytes() }
    }

    /// A version 4 UUID (RFC 9562 §5.4) for what `function` names together with `part`.
    pub(crate) fn of(&self, function: &LambdaName, part: &str) -> String {
        self.named(function.as_str(), part)
    }

    /// The same for a version of a layer.
    pub(crate) fn of_layer(&self, layer: &LayerName, number: u64) -> String {
        self.named(layer.as_str(), &format!("layer:{number}"))
    }

    fn named(&self, name: &str, part: &str) -> String {
        let mut hash = Sha256::new();
        hash.update(self.seed);
        hash.update(name);
        hash.update([0]);
        hash.update(part);
        let digest = hash.finalize();
        let mut id = [0; 16];
        id.copy_from_slice(&digest[..16]);
        id[6] = id[6] & 0x0f | 0x40;
        id[8] = id[8] & 0x3f | 0x80;
        let hex: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
        [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
    }
}
