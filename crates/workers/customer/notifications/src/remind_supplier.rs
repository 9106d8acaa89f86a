//! `notifications.remind-supplier`: asks a supplier for a delivery that is overdue, once for each due time.

use std::time::SystemTime;

use despatch_contracts::stock::DeliveryOverdue;
use despatch_domain::ProviderKind;
use despatch_runtime::{Attempt, EffectHandler, ExternalProvider, Reader, Tx};

use crate::config::{Config, SetupError};
use crate::error::NotifyError;
use crate::mailer::Mailer;
use crate::reminder::{Reminder, Reminders};
use crate::store;

/// Writes to suppliers.
pub(crate) struct RemindSupplier {
    reminders: Reminders,
    mailer: Mailer,
}

impl RemindSupplier {
    pub(crate) fn new(config: &Config) -> Result<Self, SetupError> {
        let timeout = std::time::Duration::from_secs(config.smtp_timeout_seconds);
        let mailer = Mailer::new(&config.smtp_url, timeout)?;
        Ok(RemindSupplier { reminders: Reminders::new(config)?, mailer })
    }
}

impl EffectHandler for RemindSupplier {
    const NAME: &'static str = "notifications.remind-supplier";
    const PROVIDER: Option<ExternalProvider> = Some(ExternalProvider::new("smtp", ProviderKind::Mail));

    type In = DeliveryOverdue;
    /// The reminder; `None` if it was sent, or the supplier has no address.
    type Plan = Option<Reminder>;
    type Response = ();
    type Out = ();
    type Error = NotifyError;

    async fn prepare(
        &self,
        event: &DeliveryOverdue,
        db: &Reader<'_>,
    ) -> Result<Option<Reminder>, NotifyError> {
        let due = event.due.and_then(|due| SystemTime::try_from(due).ok());
        let due = due.ok_or(NotifyError::Incomplete("due time"))?;
        if event.contact.is_empty() || store::is_reminded(db, &event.delivery, due).await? {
            return Ok(None);
        }
        Ok(Some(Reminder { due, event: event.clone() }))
    }

    fn asks_provider(&self, plan: &Option<Reminder>) -> bool {
        plan.is_some()
    }

    async fn perform(&self, plan: &Option<Reminder>, attempt: &Attempt) -> Result<(), NotifyError> {
        let Some(reminder) = plan else { return Ok(()) };
        let message = self.reminders.compose(reminder, attempt.event_id().created_at())?;
        Ok(self.mailer.send(&message).await?)
    }

    async fn record(
        &self,
        _: &DeliveryOverdue,
        plan: &Option<Reminder>,
        (): &(),
        tx: &Tx<'_>,
    ) -> Result<(), NotifyError> {
        let Some(reminder) = plan else { return Ok(()) };
        let message_id = self.reminders.message_id(reminder);
        Ok(store::reminded(tx, &reminder.event.delivery, reminder.due, &message_id).await?)
    }
}
