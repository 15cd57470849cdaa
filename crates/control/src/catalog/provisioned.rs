//! Provisioned concurrency: environments that are started ahead and kept.

use std::sync::Arc;

use sonagi_model::Timestamp;

use super::{LiveFunction, Target, Version};

/// What is provisioned under one name of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Provisioned {
    /// Environments that are asked for.
    pub executions: u32,
    pub modified: Timestamp,
}

/// The environments that one version gets of those that are provisioned under a name.
#[derive(Debug, Clone, PartialEq)]
pub struct Share {
    pub target: Arc<Target>,
    pub executions: u32,
}

impl LiveFunction {
    /// Who gets what is provisioned under `qualifier`: the version that it names, or both versions of a weighted alias
    /// by their weights (Lambda Developer Guide, "Creating an alias with routing configuration"). A part of an
    /// environment is a whole one.
    pub fn shares(&self, qualifier: &str) -> Vec<Share> {
        let Some(&Provisioned { executions, .. }) = self.provisioned.get(qualifier) else {
            return Vec::new();
        };
        let mut left = executions;
        let mut shares = Vec::new();
        let mut give = |version: Version, executions: u32| {
            if let Some(target) = self.version(version).filter(|_| executions > 0) {
                shares.push(Share { target: Arc::clone(target), executions });
            }
        };
        let main = match self.aliases.get(qualifier) {
            Some(alias) => {
                for (&version, &weight) in &alias.weights {
                    let share = ((f64::from(executions) * weight).ceil() as u32).min(left);
                    left -= share;
                    give(Version::Number(version), share);
                }
                alias.version
            }
            None => qualifier.parse().unwrap_or(Version::Latest),
        };
        give(main, left);
        shares
    }
}
