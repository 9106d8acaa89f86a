//! Whether the mail server serves us: a connection is made as for a mail, with TLS and our user, and closed again.

use std::error::Error as _;
use std::io;

use despatch_runtime::{ClientSpan, ProviderAnswer, ProviderCheck, ProviderFault, error_chain};
use tokio::time::timeout;

use super::{Smtp, SmtpError};

/// The name of the stand-in for a mail server.
const STAND_IN: &str = "sandbox.localhost";

impl ProviderCheck for Smtp {
    const NAME: &'static str = "smtp";
    const ADDRESS_KEY: &'static str = "smtp.url";
    const SECRET_KEY: &'static str = "smtp.url";

    async fn check(&self) -> Result<ProviderAnswer, ProviderFault> {
        let mut call = ClientSpan::smtp(&self.server.host, self.server.port);
        let Ok(dialled) = timeout(self.timeout, self.server.dial(self.timeout)).await else {
            call.unanswered(true);
            return Err(ProviderFault::TimedOut(self.timeout));
        };
        let mut connection = dialled.map_err(|error| {
            call.unanswered(error.is_timeout());
            if error.is_timeout() {
                return ProviderFault::TimedOut(self.timeout);
            }
            match SmtpError::from(error) {
                SmtpError::Credentials(error) => ProviderFault::Refused(error_chain(&error)),
                SmtpError::Unavailable(error) if error.status().is_none() => {
                    let io = error.source().and_then(|source| source.downcast_ref::<io::Error>());
                    // Errors of a certificate come as one of these, too.
                    let is_tls = io.is_some_and(|io| io.kind() == io::ErrorKind::InvalidData);
                    ProviderFault::unanswered(None, !is_tls, &error)
                }
                other => ProviderFault::Failed(error_chain(&other)),
            }
        })?;
        let is_stand_in = connection.server_info().name() == STAND_IN;
        // It has answered; that it is told goodbye is a courtesy.
        drop(timeout(self.timeout, connection.quit()).await);
        if is_stand_in {
            return Ok(ProviderAnswer::StandIn);
        }
        Ok(ProviderAnswer::Live("it lets us in".to_owned()))
    }
}
