use std::{collections::HashMap, fmt, sync::Arc, time::Duration};

use sonagi_model::{AccountId, Timestamp};

use crate::{
    Access, CredentialsFile, Error, FunctionSession, Grants, Keys, Principal, Result, SessionCredentials,
    access::decide,
    sessions::Sessions,
    sigv4::{self, PayloadPromise, SignedRequest},
};

/// Whether callers must say who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// No credentials are configured: whoever reaches the socket may do anything. A function's own session is
    /// recognised all the same, and held to what a function may do.
    Open,
    /// Every request is signed with a key that we know.
    Required,
}

#[derive(Debug)]
pub struct Config {
    pub account: AccountId,
    /// The keys to accept; none is [`Mode::Open`].
    pub credentials: Option<CredentialsFile>,
    /// Random; whoever knows it can be any function. Kept by `server` in the data folder.
    pub master_key: [u8; 32],
}

/// Who may do what. Cheap to clone.
#[derive(Clone)]
pub struct Identity {
    inner: Arc<Inner>,
    grants: Option<Arc<dyn Grants>>,
}

struct Inner {
    account: AccountId,
    mode: Mode,
    keys: HashMap<String, Keys>,
    sessions: Sessions,
    /// Signs links that we hand out ourselves, such as the one to a function's code.
    platform: Keys,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("mode", &self.inner.mode).finish_non_exhaustive()
    }
}

/// A request that checked out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authenticated {
    pub principal: Principal,
    /// What the signature says about the body.
    pub payload: PayloadPromise,
}

impl Identity {
    pub fn new(config: Config) -> Self {
        let mode = if config.credentials.is_some() { Mode::Required } else { Mode::Open };
        let keys = config
            .credentials
            .iter()
            .flat_map(CredentialsFile::keys)
            .map(|keys| (keys.access_key_id.clone(), keys.clone()))
            .collect();
        let platform = platform_keys(&config.master_key);
        let sessions = Sessions::new(config.master_key);
        let inner = Inner { account: config.account, mode, keys, sessions, platform };
        Self { inner: Arc::new(inner), grants: None }
    }

    pub fn mode(&self) -> Mode {
        self.inner.mode
    }

    pub fn account(&self) -> &AccountId {
        &self.inner.account
    }

    /// The credentials of a function's environment, good for `lifetime` from `now`.
    pub fn function_session(
        &self,
        session: &FunctionSession,
        now: Timestamp,
        lifetime: Duration,
    ) -> SessionCredentials {
        self.inner.sessions.issue(session, now, lifetime)
    }

    /// Says who sent `request`, or why that cannot be said. The credential's scope must name one of `services`.
    pub fn authenticate(
        &self,
        request: &SignedRequest<'_>,
        services: &[&str],
        now: Timestamp,
    ) -> Result<Authenticated> {
        let open = Ok(Authenticated { principal: Principal::Anonymous, payload: PayloadPromise::Unsigned });
        let claim = match (sigv4::claim(request), self.inner.mode) {
            (Ok(Some(claim)), _) => claim,
            // Emulator users send all kinds of made-up headers, and none may shut them out of their own machine.
            (Ok(None) | Err(_), Mode::Open) => return open,
            (Ok(None), Mode::Required) => return Err(Error::Missing),
            (Err(error), Mode::Required) => return Err(error),
        };
        if let Some(opened) = claim.session_token().and_then(|token| self.inner.sessions.open(token)) {
            let opened = opened?;
            if opened.access_key_id != claim.key_id() {
                return Err(Error::UnknownKey);
            }
            let payload = claim.verify(request, &opened.secret_access_key, services, now)?;
            if now >= opened.expires {
                return Err(Error::ExpiredToken);
            }
            return Ok(Authenticated { principal: opened.principal, payload });
        }
        match self.inner.mode {
            Mode::Open => open,
            Mode::Required => {
                let keys = self.inner.keys.get(claim.key_id()).ok_or(Error::UnknownKey)?;
                if claim.session_token().is_some() {
                    return Err(Error::UnknownKey);
                }
                let payload = claim.verify(request, &keys.secret_access_key, services, now)?;
                let principal = Principal::Operator { key_id: keys.access_key_id.clone() };
                Ok(Authenticated { principal, payload })
            }
        }
    }

    /// Refuses, before its body is read, a request that [`authenticate`](Self::authenticate) would refuse whatever the
    /// body is: no credentials, or a key that nobody has.
    pub fn screen(&self, request: &SignedRequest<'_>) -> Result<()> {
        if self.inner.mode == Mode::Open {
            return Ok(());
        }
        let claim = sigv4::claim(request)?.ok_or(Error::Missing)?;
        match claim.session_token() {
            Some(token) => {
                let opened = self.inner.sessions.open(token).ok_or(Error::UnknownKey)??;
                if opened.access_key_id == claim.key_id() { Ok(()) } else { Err(Error::UnknownKey) }
            }
            None if self.inner.keys.contains_key(claim.key_id()) => Ok(()),
            None => Err(Error::UnknownKey),
        }
    }

    /// Keys with which the platform signs its own links; no caller ever has them.
    pub fn platform_keys(&self) -> &Keys {
        &self.inner.platform
    }

    /// Checks a link that we signed ourselves with [`platform_keys`](Self::platform_keys), in every mode.
    pub fn check_link(&self, request: &SignedRequest<'_>, service: &str, now: Timestamp) -> Result<()> {
        let claim = sigv4::claim(request)?.ok_or(Error::Missing)?;
        if claim.key_id() != self.inner.platform.access_key_id || claim.session_token().is_some() {
            return Err(Error::UnknownKey);
        }
        claim.verify(request, &self.inner.platform.secret_access_key, &[service], now).map(drop)
    }

    /// The same identity, which asks `grants` what functions may. Without, they may what every function may.
    pub fn granting(mut self, grants: Arc<dyn Grants>) -> Self {
        self.grants = Some(grants);
        self
    }

    /// The one place that says who may do what.
    ///
    /// # Errors
    /// [`Error::Denied`], in AWS's words.
    pub fn may(&self, access: &Access<'_>) -> Result<()> {
        let account = &self.inner.account;
        let own = match access.principal {
            Principal::Operator { .. } => return Ok(()),
            Principal::Anonymous if self.inner.mode == Mode::Open => return Ok(()),
            // Whatever policies say ("GetCallerIdentity", Permissions).
            Principal::Function { .. } if access.action == "sts:GetCallerIdentity" => return Ok(()),
            Principal::Function { app, function, .. } => {
                self.grants.as_ref().and_then(|grants| grants.of(app, function))
            }
            Principal::Anonymous | Principal::Service { .. } => None,
        };
        decide(access, account, own.as_deref()).map_err(|why| Error::denied(access, account, why))
    }
}

fn platform_keys(master: &[u8; 32]) -> Keys {
    use hmac::Mac as _;
    let mut mac = crate::sessions::hmac(master);
    mac.update(b"platform\0");
    let secret: [u8; 32] = mac.finalize().into_bytes().into();
    Keys {
        access_key_id: "SONAGIPLATFORMLINKS0".into(),
        secret_access_key: sonagi_model::Digest::from_bytes(secret).to_string(),
        session_token: None,
    }
}
