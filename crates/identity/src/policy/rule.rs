//! Statements, compiled, and what they say of a request.

use std::fmt;

use sonagi_model::policy::{Document, Effect, Scope, Statement, Version};

use super::{
    arn::{self, ArnPattern},
    condition::Test,
    facts::Facts,
    pattern::{Pattern, Reading},
    principal::{Caller, Named, Standing},
};

/// Policies of one function, or of one resource, made ready to be asked.
#[derive(Clone, Default)]
pub struct Policies {
    denying: Box<[Rule]>,
    allowing: Box<[Rule]>,
}

impl fmt::Debug for Policies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policies")
            .field("denying", &self.denying.len())
            .field("allowing", &self.allowing.len())
            .finish()
    }
}

/// What is asked of policies.
pub(crate) struct Ask<'a> {
    /// In lower case, in which actions are the same.
    pub(crate) action: &'a str,
    pub(crate) resource: Asked<'a>,
    pub(crate) caller: Caller<'a>,
    pub(crate) facts: &'a dyn Facts,
}

/// The resource of a request, taken apart.
pub(crate) struct Asked<'a>(Option<[&'a str; 6]>);

impl<'a> Asked<'a> {
    /// Anything but an ARN is what `*` alone names.
    pub(crate) fn new(resource: &'a str) -> Self {
        Self(arn::parts(resource))
    }

    /// The region and the account.
    pub(crate) fn place(&self) -> Option<(&'a str, &'a str)> {
        self.0.map(|[_, _, _, region, account, _]| (region, account))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Denied,
    Allowed(Standing),
    /// No statement speaks of it.
    Silent,
}

#[derive(Debug, Clone)]
struct Rule {
    /// None in a policy of who acts.
    principals: Option<Scope<Named>>,
    actions: Scope<Pattern>,
    /// None: whatever the policy is attached to.
    resources: Option<Scope<ArnPattern>>,
    tests: Box<[Test]>,
}

impl Policies {
    pub fn compile<'d>(documents: impl IntoIterator<Item = &'d Document>) -> Self {
        let (mut denying, mut allowing) = (Vec::new(), Vec::new());
        for document in documents {
            for statement in &document.statements {
                let rule = Rule::new(statement, document.version);
                match statement.effect {
                    Effect::Deny => denying.push(rule),
                    Effect::Allow => allowing.push(rule),
                }
            }
        }
        Self { denying: denying.into(), allowing: allowing.into() }
    }

    pub(crate) fn verdict(&self, ask: &Ask<'_>) -> Verdict {
        if self.denying.iter().any(|rule| rule.denies(ask)) {
            return Verdict::Denied;
        }
        let mut best = Verdict::Silent;
        for rule in &self.allowing {
            match rule.standing(ask) {
                Some(Standing::Himself) => return Verdict::Allowed(Standing::Himself),
                Some(Standing::Account) => best = Verdict::Allowed(Standing::Account),
                None => {}
            }
        }
        best
    }
}

impl Rule {
    fn new(statement: &Statement, version: Version) -> Self {
        let each = |scope: &Scope<String>| {
            map(scope, |text| Pattern::new(text, Reading::WildIgnoringCase, Version::First))
        };
        Self {
            principals: statement.principals.as_ref().map(|scope| map(scope, Named::new)),
            actions: each(&statement.actions),
            resources: statement
                .resources
                .as_ref()
                .map(|scope| map(scope, |text| ArnPattern::new(text, version))),
            tests: statement.conditions.iter().map(|condition| Test::new(condition, version)).collect(),
        }
    }

    fn speaks_of(&self, ask: &Ask<'_>) -> bool {
        let action = |pattern: &Pattern| pattern.matches(ask.action, Reading::WildIgnoringCase, ask.facts);
        let resource = |pattern: &ArnPattern| pattern.matches(ask.resource.0.as_ref(), ask.facts);
        // Resources first: most statements differ in them, and name several actions.
        self.resources.as_ref().is_none_or(|resources| among(resources, resource))
            && among(&self.actions, action)
            && self.tests.iter().all(|test| test.holds(ask.facts))
    }

    fn standing(&self, ask: &Ask<'_>) -> Option<Standing> {
        let standing = match &self.principals {
            None => Standing::Himself,
            Some(Scope::Only(named)) => named.iter().filter_map(|named| named.names(&ask.caller)).max()?,
            Some(Scope::AllBut(named)) => {
                match named.iter().any(|named| named.names(&ask.caller).is_some()) {
                    true => return None,
                    false => Standing::Himself,
                }
            }
        };
        self.speaks_of(ask).then_some(standing)
    }

    fn denies(&self, ask: &Ask<'_>) -> bool {
        let meant = match &self.principals {
            None => true,
            Some(Scope::Only(named)) => named.iter().any(|named| named.names(&ask.caller).is_some()),
            // An exception for his account alone is none for him.
            Some(Scope::AllBut(named)) => {
                !named.iter().any(|named| named.names(&ask.caller) == Some(Standing::Himself))
            }
        };
        meant && self.speaks_of(ask)
    }
}

fn map<T, U>(scope: &Scope<T>, each: impl Fn(&T) -> U) -> Scope<U> {
    match scope {
        Scope::Only(named) => Scope::Only(named.iter().map(each).collect()),
        Scope::AllBut(named) => Scope::AllBut(named.iter().map(each).collect()),
    }
}

fn among<T>(scope: &Scope<T>, fits: impl Fn(&T) -> bool) -> bool {
    match scope {
        Scope::Only(named) => named.iter().any(fits),
        Scope::AllBut(named) => !named.iter().any(fits),
    }
}
