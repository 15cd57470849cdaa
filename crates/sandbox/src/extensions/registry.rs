//! All extensions of one environment.

use serde::Deserialize;
use sonagi_model::{Entropy, limits};

use super::{Events, Extension, ExtensionId, Kind, Refusal, Standing};

pub(crate) struct Registry {
    /// Those that were started come first, in the order in which they were.
    extensions: Vec<Extension>,
    registration: Registration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Registration {
    Open,
    /// The runtime is initialised.
    Closed,
}

/// What an extension may be told that has registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Registered {
    pub(crate) id: ExtensionId,
    pub(crate) account: Account,
}

/// Whether it asked for the account's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Account {
    Told,
    Untold,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    #[serde(default)]
    events: Vec<String>,
    #[serde(default)]
    configuration_keys: Vec<String>,
}

impl Registry {
    /// Of an environment in which these programs were started.
    pub(crate) fn new(external: &[String], entropy: &dyn Entropy) -> Self {
        let started =
            |name: &String| Extension::started(name.clone(), Kind::External, ExtensionId::random(entropy));
        Self { extensions: external.iter().map(started).collect(), registration: Registration::Open }
    }

    pub(crate) fn all(&self) -> &[Extension] {
        &self.extensions
    }

    pub(crate) fn get(&self, number: usize) -> Option<&Extension> {
        self.extensions.get(number)
    }

    /// `POST …/register`
    pub(crate) fn register(
        &mut self,
        name: Option<&str>,
        features: Option<&str>,
        body: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<Registered, Refusal> {
        let name = name.filter(|name| !name.is_empty()).ok_or(Refusal::NoName)?;
        let request: Request =
            serde_json::from_slice(body).map_err(|error| Refusal::Malformed(error.to_string()))?;
        if !request.configuration_keys.is_empty() {
            let text = "configurationKeys are deprecated; use environment variables instead";
            return Err(Refusal::Malformed(text.into()));
        }
        let known = self.extensions.iter().position(|known| known.name == name);
        let kind = known.map_or(Kind::Internal, |number| self.extensions[number].kind);
        let events = events(&request.events, kind)?;
        let number = match (known, kind) {
            (Some(number), Kind::External) => number,
            (Some(_) | None, _) if self.registration == Registration::Closed => return Err(Refusal::Closed),
            (None, _) if self.extensions.len() >= limits::EXTENSIONS => {
                return Err(Refusal::TooMany { limit: limits::EXTENSIONS });
            }
            (Some(_), Kind::Internal) => return Err(Refusal::NameTaken),
            (None, _) => {
                let id = ExtensionId::random(entropy);
                self.extensions.push(Extension::started(name.into(), Kind::Internal, id));
                self.extensions.len() - 1
            }
        };
        let extension = &mut self.extensions[number];
        match extension.standing {
            Standing::Started => {}
            from @ (Standing::Registered
            | Standing::Ready
            | Standing::Running
            | Standing::InitError
            | Standing::ExitError) => {
                return Err(Refusal::State { from, to: Standing::Registered.name(), who: name.into() });
            }
        }
        extension.standing = Standing::Registered;
        extension.events = events;
        let asks = |features: &str| features.split(',').any(|feature| feature.trim() == "accountId");
        let account = if features.is_some_and(asks) { Account::Told } else { Account::Untold };
        Ok(Registered { id: extension.id, account })
    }

    /// The number of the extension that says it is this one.
    pub(crate) fn identify(&self, identifier: Option<&str>) -> Result<usize, Refusal> {
        let identifier = identifier.filter(|text| !text.is_empty()).ok_or(Refusal::NoIdentifier)?;
        let id: ExtensionId = identifier.parse().map_err(|_| Refusal::InvalidIdentifier)?;
        self.extensions.iter().position(|extension| extension.id == id).ok_or(Refusal::Unknown(id))
    }

    /// `GET …/event/next`: it waits for an event from here on.
    pub(crate) fn next(&mut self, number: usize) -> Result<(), Refusal> {
        self.change(number, Standing::Ready, |from| matches!(from, Standing::Registered | Standing::Running))
    }

    /// The connection that it waited on is gone: it may ask again.
    pub(crate) fn lost(&mut self, number: usize) {
        let extension = &mut self.extensions[number];
        if extension.standing == Standing::Ready {
            extension.standing = Standing::Running;
        }
    }

    /// `POST …/init/error`
    pub(crate) fn init_error(&mut self, number: usize, error_type: Option<&str>) -> Result<(), Refusal> {
        let error_type = error_type.filter(|text| !text.is_empty()).ok_or(Refusal::NoErrorType)?;
        self.change(number, Standing::InitError, |from| {
            matches!(from, Standing::Registered | Standing::InitError)
        })?;
        self.extensions[number].error_type = Some(error_type.into());
        Ok(())
    }

    /// `POST …/exit/error`
    pub(crate) fn exit_error(&mut self, number: usize, error_type: Option<&str>) -> Result<(), Refusal> {
        let error_type = error_type.filter(|text| !text.is_empty()).ok_or(Refusal::NoErrorType)?;
        self.change(number, Standing::ExitError, |from| {
            !matches!(from, Standing::Started | Standing::InitError)
        })?;
        self.extensions[number].error_type = Some(error_type.into());
        Ok(())
    }

    fn change(
        &mut self,
        number: usize,
        to: Standing,
        allowed: impl Fn(Standing) -> bool,
    ) -> Result<(), Refusal> {
        let extension = &mut self.extensions[number];
        if !allowed(extension.standing) {
            let (from, who) = (extension.standing, extension.id.to_string());
            return Err(Refusal::State { from, to: to.name(), who });
        }
        extension.standing = to;
        Ok(())
    }

    /// Whether every program that was started has registered: the runtime may begin.
    pub(crate) fn registered(&self) -> bool {
        self.extensions.iter().all(|extension| extension.standing != Standing::Started)
    }

    /// The runtime is initialised, so nobody registers any more.
    pub(crate) fn close(&mut self) {
        self.registration = Registration::Closed;
    }

    /// Whether all wait for their first event.
    pub(crate) fn initialised(&self) -> bool {
        self.extensions.iter().all(|extension| extension.standing == Standing::Ready)
    }

    /// Whether all that were told of the invocation are done with it.
    pub(crate) fn idle(&self) -> bool {
        let invoked = |extension: &&Extension| extension.events.invoke;
        self.extensions.iter().filter(invoked).all(|extension| extension.standing == Standing::Ready)
    }

    /// The numbers of those that wait for an event of a kind; they run from here on.
    pub(crate) fn take_ready(&mut self, wants: impl Fn(Events) -> bool) -> Vec<usize> {
        let mut taken = Vec::new();
        for (number, extension) in self.extensions.iter_mut().enumerate() {
            if extension.standing == Standing::Ready && wants(extension.events) {
                extension.standing = Standing::Running;
                taken.push(number);
            }
        }
        taken
    }

    pub(crate) fn has(&self, kind: Kind) -> bool {
        self.extensions.iter().any(|extension| extension.kind == kind)
    }
}

fn events(names: &[String], kind: Kind) -> Result<Events, Refusal> {
    let mut events = Events::default();
    for name in names {
        match (name.as_str(), kind) {
            ("INVOKE", _) => events.invoke = true,
            ("SHUTDOWN", Kind::External) => events.shutdown = true,
            ("SHUTDOWN", Kind::Internal) => return Err(Refusal::ShutdownOfInternal),
            (other, _) => return Err(Refusal::UnknownEvent(other.into())),
        }
    }
    Ok(events)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Counting(std::sync::atomic::AtomicU8);

    impl Entropy for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        }
    }

    fn entropy() -> Counting {
        Counting(Default::default())
    }

    const BOTH: &[u8] = br#"{"events":["INVOKE","SHUTDOWN"]}"#;
    const INVOKE: &[u8] = br#"{"events":["INVOKE"]}"#;

    fn registry(external: &[&str]) -> Registry {
        Registry::new(&external.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>(), &entropy())
    }

    fn register(registry: &mut Registry, name: &str, body: &[u8]) -> Result<usize, Refusal> {
        let registered = registry.register(Some(name), None, body, &Counting(99.into()))?;
        registry.identify(Some(&registered.id.to_string()))
    }

    #[test]
    fn the_runtime_begins_when_all_have_registered_and_serves_when_all_wait() {
        let mut registry = registry(&["a", "b"]);
        let a = register(&mut registry, "a", BOTH).unwrap();
        assert!(!registry.registered());
        let b = register(&mut registry, "b", br#"{"events":["SHUTDOWN"]}"#).unwrap();
        assert!(registry.registered());
        let c = register(&mut registry, "c", INVOKE).unwrap();
        registry.close();
        for number in [a, b, c] {
            assert!(!registry.initialised());
            registry.next(number).unwrap();
        }
        assert!(registry.initialised());
        assert_eq!(registry.take_ready(|events| events.invoke), [a, c]);
        assert!(!registry.idle());
        registry.next(a).unwrap();
        registry.next(c).unwrap();
        assert!(registry.idle());
        assert_eq!(registry.take_ready(|events| events.shutdown), [a, b]);
    }

    #[test]
    fn what_is_out_of_place_is_refused_as_lambda_refuses_it() {
        let mut registry = registry(&["a"]);
        let refused = |refusal: Refusal| (refusal.error_type(), refusal.to_string());
        let none = registry.register(None, None, BOTH, &entropy()).unwrap_err();
        assert_eq!(refused(none), ("Extension.InvalidExtensionName", "Empty extension name".into()));
        let unknown = register(&mut registry, "a", br#"{"events":["SLEEP"]}"#).unwrap_err();
        assert_eq!(refused(unknown), ("Extension.InvalidEventType", "SLEEP: ErrorInvalidEventType".into()));
        let internal = register(&mut registry, "i", BOTH).unwrap_err();
        assert_eq!(refused(internal).0, "Extension.InvalidEventType");
        let garbage = register(&mut registry, "a", b"{").unwrap_err();
        assert_eq!(refused(garbage).0, "InvalidRequestFormat");
        let a = register(&mut registry, "a", BOTH).unwrap();
        let twice = register(&mut registry, "a", BOTH).unwrap_err();
        assert_eq!(
            refused(twice),
            (
                "Extension.InvalidExtensionState",
                "State transition from Registered to Registered failed for extension a. Error: State transition is not \
                 allowed"
                    .into()
            )
        );
        assert_eq!(refused(registry.identify(None).unwrap_err()).0, "Extension.MissingExtensionIdentifier");
        assert_eq!(
            refused(registry.identify(Some("me")).unwrap_err()).0,
            "Extension.InvalidExtensionIdentifier"
        );
        let stranger = "8476a536-e9f4-11e8-9739-2dfe598c3fcd";
        assert_eq!(
            refused(registry.identify(Some(stranger)).unwrap_err()),
            ("Extension.UnknownExtensionIdentifier", format!("Unknown extension {stranger}"))
        );
        assert_eq!(refused(registry.init_error(a, None).unwrap_err()).0, "Extension.MissingHeader");
        registry.next(a).unwrap();
        assert_eq!(refused(registry.next(a).unwrap_err()).0, "Extension.InvalidExtensionState");
        assert_eq!(
            refused(registry.init_error(a, Some("x")).unwrap_err()).0,
            "Extension.InvalidExtensionState"
        );
        registry.close();
        assert_eq!(
            refused(register(&mut registry, "late", INVOKE).unwrap_err()).0,
            "Extension.RegistrationClosed"
        );
    }

    #[test]
    fn ten_extensions_register_and_no_more() {
        let mut registry = registry(&["0", "1"]);
        for number in 2..limits::EXTENSIONS {
            register(&mut registry, &format!("i{number}"), INVOKE).unwrap();
        }
        let refusal = register(&mut registry, "one more", INVOKE).unwrap_err();
        assert_eq!(refusal, Refusal::TooMany { limit: limits::EXTENSIONS });
    }

    #[test]
    fn the_account_is_told_to_those_that_ask() {
        let mut registry = registry(&["a", "b"]);
        let mut account = |name: &str, features: Option<&str>| {
            registry.register(Some(name), features, BOTH, &entropy()).unwrap().account
        };
        assert_eq!(account("a", Some("other, accountId")), Account::Told);
        assert_eq!(account("b", None), Account::Untold);
    }
}
