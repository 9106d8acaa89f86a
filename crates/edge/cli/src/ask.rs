//! Asks workers to act, as an operator.

use despatch_contracts::Ask;
use despatch_runtime::Operator;

use crate::config::Config;
use crate::result::Result;

/// Asks the exceptions worker and waits for its answer.
pub(crate) async fn ask<A: Ask>(config: &Config, request: &A) -> Result<A::Reply> {
    let operator = Operator::connect(&config.nats_url, &config.runtime.namespace).await?;
    Ok(operator.ask(despatch_exceptions::NAME, request).await?)
}
