//! Small adapters between parts that do not know each other.

use std::{
    sync::{Arc, OnceLock, Weak},
    time::Duration,
};

use sonagi_control::Target;
use sonagi_data::logs::Logs;
use sonagi_edge::{platform::Platform, serve};
use sonagi_identity::{FunctionSession, Identity};
use sonagi_invoke::{CredentialProvider, LogProvider};
use sonagi_model::{Clock, limits, logs::LogSink};
use sonagi_sandbox::{Credentials, process::Door};
use tokio::{net::TcpListener, task::AbortHandle};

/// The functions' logs, for the frontend.
pub(crate) struct FunctionLogs(pub(crate) Logs);

impl LogProvider for FunctionLogs {
    fn sink(&self, target: &Target, stream: &str) -> Arc<dyn LogSink> {
        self.0.sink(&target.app, &target.function.lambda_name, stream)
    }
}

/// How long an environment's credentials are good for. An environment is kept as long as it is used, so this is more
/// than any is likely to live.
const SESSION: Duration = Duration::from_secs(7 * 24 * 3_600);

/// Sessions for environments, for the frontend.
pub(crate) struct FunctionSessions {
    pub(crate) identity: Identity,
    pub(crate) clock: Arc<dyn Clock>,
}

impl CredentialProvider for FunctionSessions {
    fn credentials(&self, target: &Target) -> Credentials {
        let session = FunctionSession {
            app: target.app.clone(),
            function: target.function.lambda_name.clone(),
            role: target.function.role.clone(),
        };
        let issued = self.identity.function_session(&session, self.clock.now(), SESSION);
        Credentials {
            access_key_id: issued.access_key_id,
            secret_access_key: issued.secret_access_key,
            session_token: issued.session_token,
        }
    }
}

/// The platform's door as environments see it: the same answers, and few connections for each.
#[derive(Default)]
pub(crate) struct PlatformInside(OnceLock<Weak<Platform>>);

impl PlatformInside {
    /// Says what it is; the platform needs the environments' driver, and so comes later. It is not kept alive by this:
    /// the two would hold each other for ever.
    pub(crate) fn is(&self, platform: &Arc<Platform>) {
        // It is said once.
        let _ = self.0.set(Arc::downgrade(platform));
    }
}

impl Door for PlatformInside {
    fn serve(&self, listener: TcpListener) -> AbortHandle {
        let platform = self.0.get().and_then(Weak::upgrade);
        let serving = async move {
            // Nothing is invoked before the platform is there.
            let Some(platform) = platform else { return };
            let config =
                serve::Config { connections: limits::ENVIRONMENT_CONNECTIONS, ..serve::Config::default() };
            platform.serve(listener, config, std::future::pending()).await;
        };
        tokio::spawn(serving).abort_handle()
    }
}
