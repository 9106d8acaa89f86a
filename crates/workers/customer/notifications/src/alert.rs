//! `notifications.alert`: notifies operators, if a webhook for alerts is configured.

use std::time::Duration;

use despatch_contracts::alert::AlertRaised;
use despatch_domain::{ProviderKind, Reason};
use despatch_runtime::{
    Attempt, DbError, EffectHandler, ExternalProvider, HandlerError, Reader, Tx, Verdict,
};

use crate::alerts::{Alert, AlertError, Alerts};

/// Posts alerts. Each is sent at least once; a second copy does no harm.
pub(crate) struct NotifyOperators {
    pub(crate) alerts: Option<Alerts>,
}

/// Why operators were not notified.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotifyOperatorsError {
    #[error(transparent)]
    Alert(#[from] AlertError),
    #[error(transparent)]
    Database(#[from] DbError),
}

impl HandlerError for NotifyOperatorsError {
    fn verdict(&self) -> Verdict {
        match self {
            NotifyOperatorsError::Alert(AlertError::Busy(wait)) => Verdict::Down(*wait),
            NotifyOperatorsError::Alert(AlertError::Refused(401 | 403)) => Verdict::Refused,
            NotifyOperatorsError::Alert(AlertError::Refused(400..=499)) => {
                Verdict::Reject(Reason::AlertRejected)
            }
            NotifyOperatorsError::Alert(AlertError::Unreachable(_) | AlertError::Refused(_)) => {
                Verdict::Down(Duration::ZERO)
            }
            NotifyOperatorsError::Alert(AlertError::Webhook) | NotifyOperatorsError::Database(_) => {
                Verdict::Retry
            }
        }
    }
}

impl EffectHandler for NotifyOperators {
    const NAME: &'static str = "notifications.alert";
    const PROVIDER: Option<ExternalProvider> =
        Some(ExternalProvider::new("alerts-webhook", ProviderKind::Webhook));

    type In = AlertRaised;
    type Plan = Alert;
    type Response = ();
    type Out = ();
    type Error = NotifyOperatorsError;

    async fn prepare(&self, event: &AlertRaised, _: &Reader<'_>) -> Result<Alert, NotifyOperatorsError> {
        let facts = event.facts.iter().map(|fact| (fact.name.clone(), fact.value.clone())).collect();
        Ok(Alert { title: event.title.clone(), facts })
    }

    fn asks_provider(&self, _: &Alert) -> bool {
        self.alerts.is_some()
    }

    async fn perform(&self, alert: &Alert, _: &Attempt) -> Result<(), NotifyOperatorsError> {
        let Some(alerts) = &self.alerts else {
            tracing::warn!(alert = alert.title, "alert not sent: no webhook is configured");
            return Ok(());
        };
        Ok(alerts.post(alert).await?)
    }

    async fn record(
        &self,
        _: &AlertRaised,
        _: &Alert,
        (): &(),
        _: &Tx<'_>,
    ) -> Result<(), NotifyOperatorsError> {
        Ok(())
    }
}
