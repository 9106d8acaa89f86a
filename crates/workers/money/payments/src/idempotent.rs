//! Requests that take effect once, whatever is retried or lost in between.

use std::future::Future;
use std::time::Duration;

use despatch_runtime::Attempt;

use crate::error::PaymentError;
use crate::provider::{AuthorisationStatus, ProviderError};

/// Makes a request under the operation's idempotency key. If an earlier answer is missing, it looks the result up
/// first.
///
/// `part` tells effects of one operation on one order apart. `keys_kept` is the provider's. `look` looks up whether it has
/// happened; `act` makes the request. The key changes only after a look-up has proved
/// that nothing happened under it, or after a definite refusal.
pub(crate) async fn request<T, L, A>(
    attempt: &Attempt,
    (operation, part): (&'static str, &str),
    keys_kept: Duration,
    look: impl Fn() -> L,
    act: impl FnOnce(String) -> A,
) -> Result<T, PaymentError>
where
    L: Future<Output = Result<Option<T>, ProviderError>>,
    A: Future<Output = Result<T, ProviderError>>,
{
    let mut key = attempt.begin(operation, part).await?;
    if !key.first {
        if let Some(done) = look().await? {
            return Ok(done);
        }
        if key.age >= keys_kept {
            key = attempt.rotate(&key).await?;
        }
    }
    let error = match act(key.key.clone()).await {
        Ok(done) => return Ok(done),
        Err(error) => error,
    };
    match &error {
        ProviderError::Failed { .. } => {
            if let Some(done) = look().await? {
                return Ok(done);
            }
            attempt.rotate(&key).await?;
        }
        ProviderError::Declined { .. }
        | ProviderError::NotAllowed(
            AuthorisationStatus::Authorised
            | AuthorisationStatus::Captured(_)
            | AuthorisationStatus::Cancelled
            | AuthorisationStatus::Unfinished,
        )
        | ProviderError::AlreadyRefunded
        | ProviderError::AmountRefused { .. }
        | ProviderError::Refused { .. } => attempt.rejected(&key).await?,
        ProviderError::Unauthorised { .. }
        | ProviderError::Busy { .. }
        | ProviderError::NotAllowed(AuthorisationStatus::Processing)
        | ProviderError::InProgress
        | ProviderError::Unanswered(_) => {}
    }
    Err(error.into())
}
