//! What functions may: the policies of what is live, compiled when they are first asked for.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock, Weak},
};

use sonagi_control::{Control, Target};
use sonagi_identity::{Grants, policy::Policies};
use sonagi_model::{AppName, LambdaName, limits};

/// As on AWS, where a role has no versions, what `$LATEST` is granted is granted to all of a function's versions.
pub(crate) struct LiveGrants {
    control: Control,
    compiled: RwLock<HashMap<LambdaName, Compiled>>,
}

struct Compiled {
    /// What they were compiled from. While this is held nothing else has its address.
    of: Weak<Target>,
    policies: Arc<Policies>,
}

impl LiveGrants {
    pub(crate) fn new(control: Control) -> Self {
        Self { control, compiled: RwLock::default() }
    }

    fn known(&self, function: &LambdaName, latest: &Arc<Target>) -> Option<Arc<Policies>> {
        let compiled = self.compiled.read().unwrap_or_else(PoisonError::into_inner);
        let found = compiled.get(function)?;
        (found.of.as_ptr() == Arc::as_ptr(latest)).then(|| Arc::clone(&found.policies))
    }
}

impl Grants for LiveGrants {
    fn of(&self, app: &AppName, function: &LambdaName) -> Option<Arc<Policies>> {
        let live = self.control.live();
        let found = live.function(function.as_str()).filter(|found| found.app == *app)?;
        let latest = &found.latest;
        if let Some(policies) = self.known(function, latest) {
            return Some(policies);
        }
        let policies = Arc::new(Policies::compile(&latest.function.permissions));
        let mut compiled = self.compiled.write().unwrap_or_else(PoisonError::into_inner);
        if compiled.len() >= limits::POLICIES_COMPILED {
            compiled.retain(|_, old| old.of.strong_count() > 0);
        }
        let entry = Compiled { of: Arc::downgrade(latest), policies: Arc::clone(&policies) };
        compiled.insert(function.clone(), entry);
        Some(policies)
    }
}
