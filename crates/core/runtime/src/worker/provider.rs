//! The question of `despatch doctor` to the providers that a worker needs: a harmless request, made as the worker makes
//! its own, with its own key.

use std::error::Error;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::error::chain;
use crate::worker::erased::BoxFuture;

/// A provider that can be asked how it is.
pub trait ProviderCheck: Send + Sync + 'static {
    /// Its name, e.g. `stripe`.
    const NAME: &'static str;
    /// The key of the configuration that says where it is.
    const ADDRESS_KEY: &'static str;
    /// The key that holds what we prove ourselves with.
    const SECRET_KEY: &'static str;

    /// Asks it something that changes nothing.
    fn check(&self) -> impl Future<Output = Result<ProviderAnswer, ProviderFault>> + Send;
}

/// A provider that serves us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProviderAnswer {
    /// For real: money moves, parcels travel, mail leaves.
    Live(String),
    /// The provider itself, but in its test mode.
    Test(String),
    /// A stand-in for it: nothing leaves.
    StandIn,
    /// It is there. More cannot be asked without doing something.
    Reached(String),
}

/// A provider that does not serve us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProviderFault {
    /// It refuses our key, in its words.
    Refused(String),
    /// It is not reached: no such host, or nobody listens.
    Unreachable(String),
    /// The connection broke off before the answer was there.
    BrokenOff(String),
    /// No answer in time.
    TimedOut(Duration),
    /// It wants fewer requests.
    Busy,
    /// It fails, in its words.
    Failed(String),
    /// It answers what it should not: perhaps something else is there.
    Unexpected(String),
}

impl ProviderFault {
    /// A request that was not answered: it timed out, or it did not get there, or the answer broke off.
    pub fn unanswered(timed_out: Option<Duration>, is_connect: bool, why: &(dyn Error + 'static)) -> Self {
        match timed_out {
            Some(within) => ProviderFault::TimedOut(within),
            None if is_connect => ProviderFault::Unreachable(chain(why)),
            None => ProviderFault::BrokenOff(chain(why)),
        }
    }
}

/// A registered [`ProviderCheck`], with its type out of sight.
pub(crate) trait RegisteredProvider: Send + Sync {
    fn name(&self) -> &'static str;
    fn address_key(&self) -> &'static str;
    fn secret_key(&self) -> &'static str;
    fn check(&self) -> BoxFuture<'_, Result<ProviderAnswer, ProviderFault>>;
}

struct Registered<P>(P);

impl<P: ProviderCheck> RegisteredProvider for Registered<P> {
    fn name(&self) -> &'static str {
        P::NAME
    }

    fn address_key(&self) -> &'static str {
        P::ADDRESS_KEY
    }

    fn secret_key(&self) -> &'static str {
        P::SECRET_KEY
    }

    fn check(&self) -> BoxFuture<'_, Result<ProviderAnswer, ProviderFault>> {
        Box::pin(self.0.check())
    }
}

/// Takes a check's type out of sight.
pub(crate) fn registered_provider(check: impl ProviderCheck) -> Arc<dyn RegisteredProvider> {
    Arc::new(Registered(check))
}
