//! Small adapters between parts that do not know each other.

use std::{sync::Arc, time::Duration};

use sonagi_control::Target;
use sonagi_data::logs::Logs;
use sonagi_identity::{FunctionSession, Identity};
use sonagi_invoke::{CredentialProvider, LogProvider};
use sonagi_model::{Clock, logs::LogSink};
use sonagi_sandbox::Credentials;

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
