//! The case that a person means, and the order that it is about.

use std::collections::HashMap;

use despatch_exceptions::{Case, CaseError, CaseQueries, CaseRef};
use despatch_read_model::ReadModel;

use crate::config::Config;
use crate::output::next_command;
use crate::result::{Result, hinted};

/// The case that a person means.
pub(super) async fn case(cases: &CaseQueries, given: CaseRef) -> Result<Case> {
    match cases.find(&given).await {
        Err(error @ CaseError::NotFound(_)) => Err(hinted(
            error,
            format!(
                "{}\nor, for resolved cases, {}",
                next_command("exceptions list"),
                next_command("exceptions list --state resolved")
            ),
        )),
        found => Ok(found?),
    }
}

/// Adds the shop, the shop's number and the worth of their orders to cases whose events do not carry the order.
pub(super) async fn add_orders(config: &Config, cases: &mut [Case]) -> Result {
    let lacking = cases.iter().filter(|case| case.shop.is_none()).filter_map(|case| case.order_id());
    let ids: Vec<String> = lacking.map(str::to_owned).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let orders = ReadModel::new(&config.settings())?.order_names(&ids).await?;
    let orders: HashMap<&str, _> = orders.iter().map(|order| (order.order_id.as_str(), order)).collect();
    for case in cases.iter_mut().filter(|case| case.shop.is_none()) {
        if let Some(order) = case.order_id().and_then(|id| orders.get(id)) {
            (case.shop, case.shop_order_id) = (Some(order.shop.clone()), Some(order.shop_order_id.clone()));
            (case.value_minor, case.currency) = (Some(order.total_minor), Some(order.currency.clone()));
        }
    }
    Ok(())
}

/// The order as people name it; its id where that is not known, and nothing for a case about no order.
pub(super) fn order_name(case: &Case) -> String {
    case.shop_order().or_else(|| case.order_id().map(str::to_owned)).unwrap_or_else(|| case.subject.clone())
}

/// A case's state in words.
pub(super) fn state(case: &Case) -> String {
    match (&case.resolution, &case.claimed_by) {
        (Some(resolution), _) => format!("resolved: {resolution}"),
        (None, Some(person)) => format!("claimed by {person}"),
        (None, None) => case.state.name().to_owned(),
    }
}
