//! `policy|action|resource|key|value`: policies of a function, and of a resource.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use sonagi_identity::{
    Access, Config, Denial, Error, Grants, Identity, Principal,
    policy::{Given, Policies},
};
use sonagi_model::{
    AccountId, AppName, LambdaName, Timestamp,
    policy::{Document, Purpose},
};

struct Granted(Arc<Policies>);

impl Grants for Granted {
    fn of(&self, _: &AppName, _: &LambdaName) -> Option<Arc<Policies>> {
        Some(Arc::clone(&self.0))
    }
}

fuzz_target!(|text: &str| {
    let mut parts = text.splitn(5, '|');
    let mut part = || parts.next().unwrap_or_default();
    let (policy, action, resource, key, value) = (part(), part(), part(), part(), part());
    let several: Vec<&str> = value.split(',').collect();
    let context = [(key, Given::from(value)), ("aws:TagKeys", Given::Many(&several))];
    let function = Principal::Function {
        app: AppName::new("a").expect("a name"),
        function: LambdaName::new("a-b").expect("a name"),
        role: "r".into(),
    };
    let service = Principal::Service { name: "sns.amazonaws.com".into() };
    for purpose in [Purpose::Identity, Purpose::Resource] {
        let document = match Document::parse(policy, purpose) {
            Ok(document) => document,
            Err(error) => {
                assert!(!error.to_string().is_empty());
                continue;
            }
        };
        let text = serde_json::to_string(&document).expect("a document is JSON");
        let again: Document = serde_json::from_str(&text).expect("what was read is read again");
        assert_eq!(text, serde_json::to_string(&again).expect("a document is JSON"), "one text only");
        let decide = |principal: &Principal, documents: &[&Document]| {
            let policies = Policies::compile(documents.iter().copied());
            let access = Access::new(principal, action, resource, Timestamp(1)).with(&context);
            match purpose {
                Purpose::Identity => granting(policies).may(&access),
                Purpose::Resource => granting(Policies::default()).may(&access.under(Some(&policies))),
            }
        };
        for principal in [&function, &service] {
            let decided = kind(decide(principal, &[&document]));
            assert_eq!(decided, kind(decide(principal, &[&again])), "written and read");
            let mut turned = document.clone();
            turned.statements.reverse();
            assert_eq!(decided, kind(decide(principal, &[&turned])), "the order of statements");
            // Services are named by resources' policies alone, and a function may always ask who it is.
            if action == "sts:GetCallerIdentity" || (purpose == Purpose::Identity && principal == &service) {
                continue;
            }
            let denied = matches!(decided, Err(Some(Denial::ByIdentityPolicy | Denial::ByResourcePolicy)));
            let allowed = decide(principal, &[&document, &everything("Allow", purpose)]).is_ok();
            assert_ne!(allowed, denied, "what is not denied can be allowed, and nothing else");
            assert!(decide(principal, &[&document, &everything("Deny", purpose)]).is_err(), "denied");
        }
    }
});

fn granting(policies: Policies) -> Identity {
    let config = Config { account: AccountId::default(), credentials: None, master_key: [1; 32] };
    Identity::new(config).granting(Arc::new(Granted(Arc::new(policies))))
}

fn everything(effect: &str, purpose: Purpose) -> Document {
    let whose = if purpose == Purpose::Resource { "\"Principal\": \"*\"," } else { "" };
    let statement = format!(r#"{{{whose} "Effect": "{effect}", "Action": "*", "Resource": "*"}}"#);
    Document::parse(&format!("{{\"Statement\": {statement}}}"), purpose).expect("a policy")
}

/// None is another error than a denial.
fn kind(decided: Result<(), Error>) -> Result<(), Option<Denial>> {
    decided.map_err(|error| match error {
        Error::Denied { why, .. } => Some(why),
        _ => None,
    })
}
