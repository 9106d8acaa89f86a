//! Providers: does each serve us, with our key. Asked in the way in which its worker asks, for something harmless.

use std::time::Duration;

use futures_util::future::join_all;

use crate::admin::doctor::check::{Check, Grade};
use crate::worker::{ProviderAnswer, ProviderFault, RegisteredProvider, Worker};

/// How long a provider may take to answer. The doctor is waited for.
const DEADLINE: Duration = Duration::from_secs(8);

pub(crate) async fn examine(workers: &[Worker]) -> Vec<Check> {
    let providers: Vec<_> = workers.iter().flat_map(|worker| &worker.providers).collect();
    let answers = join_all(providers.iter().map(|provider| async move {
        let answer = tokio::time::timeout(DEADLINE, asked(&***provider)).await;
        answer.unwrap_or(Err(ProviderFault::TimedOut(DEADLINE)))
    }));
    let answers = answers.await;
    let is_live = answers.iter().any(|answer| matches!(answer, Ok(ProviderAnswer::Live(_))));
    providers.iter().zip(answers).map(|(provider, answer)| judged(&***provider, answer, is_live)).collect()
}

/// Asks a provider, and asks again if it failed: a connection that breaks off once says nothing of it.
async fn asked(provider: &dyn RegisteredProvider) -> Result<ProviderAnswer, ProviderFault> {
    match provider.check().await {
        Err(ProviderFault::Unreachable(_) | ProviderFault::BrokenOff(_) | ProviderFault::Failed(_)) => {
            provider.check().await
        }
        answer => answer,
    }
}

/// `is_live` is whether a provider is live: then none may be a stand-in.
fn judged(
    provider: &dyn RegisteredProvider,
    answer: Result<ProviderAnswer, ProviderFault>,
    is_live: bool,
) -> Check {
    let (address, secret) = (provider.address_key(), provider.secret_key());
    let check = |found: &str| Check::ok(provider.name(), found, "an answer to our key");
    let fault = match answer {
        Ok(ProviderAnswer::Live(found) | ProviderAnswer::Reached(found)) => return check(&found),
        Ok(ProviderAnswer::Test(found)) if !is_live => return check(&format!("{found}, in test mode")),
        Ok(ProviderAnswer::StandIn) if !is_live => {
            return check("a stand-in answers: nothing leaves this machine");
        }
        Ok(ProviderAnswer::Test(found)) => {
            let advice = format!("Others are live: set {secret} to the key of the live mode.");
            return check(&format!("{found}, in test mode")).but(Grade::Warning, advice);
        }
        Ok(ProviderAnswer::StandIn) => {
            let advice = format!("Others are live: set {address} and {secret} to the provider's own.");
            return check("a stand-in answers: nothing leaves").but(Grade::Warning, advice);
        }
        Err(fault) => fault,
    };
    let (found, grade, advice) = match fault {
        ProviderFault::Refused(why) => (
            format!("it refuses our key: {why}"),
            Grade::Failed,
            format!("Correct {secret}: the provider is there, but does not take this one."),
        ),
        ProviderFault::Unreachable(why) => (
            format!("it is not reached: {why}"),
            Grade::Failed,
            format!("Correct {address}, or let this machine reach it: host name, firewall, proxy."),
        ),
        ProviderFault::TimedOut(within) => (
            format!("no answer within {within:?}"),
            Grade::Failed,
            format!(
                "Look at the provider's status page. If it is well, a firewall may be in between, or {address} names \
                 another host. Events are retried meanwhile."
            ),
        ),
        ProviderFault::BrokenOff(why) => (
            format!("it breaks the connection off: {why}"),
            Grade::Failed,
            format!(
                "Look at the provider's status page, and at proxies and firewalls in between; {address} may name another \
                 host. Events are retried meanwhile."
            ),
        ),
        ProviderFault::Busy => (
            "it wants fewer requests".to_owned(),
            Grade::Warning,
            "Wait: workers hold back by themselves. If it stays so, ask the provider for a higher limit."
                .to_owned(),
        ),
        ProviderFault::Failed(why) => (
            format!("it fails: {why}"),
            Grade::Failed,
            "Look at the provider's status page. Events are retried meanwhile; there is nothing to do here."
                .to_owned(),
        ),
        ProviderFault::Unexpected(why) => (
            format!("it answers what it should not: {why}"),
            Grade::Failed,
            format!("Correct {address}: something else may be there."),
        ),
    };
    check(&found).but(grade, advice)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::worker::ProviderCheck;

    struct Asked(Result<ProviderAnswer, ProviderFault>);

    impl ProviderCheck for Asked {
        const NAME: &'static str = "stripe";
        const ADDRESS_KEY: &'static str = "stripe.base_url";
        const SECRET_KEY: &'static str = "stripe.secret_key";

        async fn check(&self) -> Result<ProviderAnswer, ProviderFault> {
            self.0.clone()
        }
    }

    async fn examined(answers: &[Result<ProviderAnswer, ProviderFault>]) -> Vec<Check> {
        let worker = |answer: &Result<_, _>| Worker::new("worker", &[]).provider(Asked(answer.clone()));
        examine(&answers.iter().map(worker).collect::<Vec<_>>()).await
    }

    #[tokio::test]
    async fn advice_fits_what_was_answered() {
        for (fault, grade, advice) in [
            (ProviderFault::Refused("invalid key".into()), Grade::Failed, "stripe.secret_key"),
            (ProviderFault::Unreachable("connection refused".into()), Grade::Failed, "stripe.base_url"),
            (ProviderFault::TimedOut(DEADLINE), Grade::Failed, "status page"),
            (ProviderFault::BrokenOff("reset by peer".into()), Grade::Failed, "in between"),
            (ProviderFault::Failed("500".into()), Grade::Failed, "status page"),
            (ProviderFault::Busy, Grade::Warning, "Wait"),
        ] {
            let check = examined(&[Err(fault)]).await.remove(0);
            assert_eq!(check.grade, grade, "{check:?}");
            assert!(check.advice.as_ref().unwrap().contains(advice), "{check:?}");
        }
    }

    /// A provider whose first answer is a fault.
    struct Once(ProviderFault, AtomicBool);

    impl ProviderCheck for Once {
        const NAME: &'static str = "stripe";
        const ADDRESS_KEY: &'static str = "stripe.base_url";
        const SECRET_KEY: &'static str = "stripe.secret_key";

        async fn check(&self) -> Result<ProviderAnswer, ProviderFault> {
            if self.1.swap(true, Ordering::Relaxed) {
                return Ok(ProviderAnswer::StandIn);
            }
            Err(self.0.clone())
        }
    }

    #[tokio::test]
    async fn a_connection_that_breaks_off_once_is_no_fault_of_the_provider() {
        for (fault, grade) in [
            (ProviderFault::BrokenOff("reset by peer".into()), Grade::Ok),
            (ProviderFault::Unreachable("connection refused".into()), Grade::Ok),
            (ProviderFault::Refused("invalid key".into()), Grade::Failed),
        ] {
            let worker = Worker::new("worker", &[]).provider(Once(fault.clone(), AtomicBool::new(false)));
            assert_eq!(examine(&[worker]).await[0].grade, grade, "{fault:?}");
        }
    }

    #[tokio::test]
    async fn a_stand_in_is_well_unless_another_provider_is_live() {
        let stand_in = || Ok(ProviderAnswer::StandIn);
        let grades = async |answers: &[_]| {
            examined(answers).await.into_iter().map(|check| check.grade).collect::<Vec<_>>()
        };
        assert_eq!(grades(&[stand_in(), stand_in()]).await, [Grade::Ok, Grade::Ok]);
        let live = Ok(ProviderAnswer::Live("it answers".into()));
        assert_eq!(grades(&[stand_in(), live]).await, [Grade::Warning, Grade::Ok]);
    }
}
