//! `/orders/{order_id}/{token}`: an order's page for its customer, through the signed link in its mails.
//!
//! Opening a link changes nothing, because mail filters open links. Forms ask for changes, as commands that a worker decides on.
//! The answer to a form leads back to the page, so that a reload asks for nothing again.

use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use despatch_contracts::order::{OrderAddressChangeRequested, OrderCancelRequested};
use despatch_contracts::{Emitted, Event};
use despatch_domain::{Reason, link};
use despatch_read_model::CustomerOrder;
use despatch_read_model::orders::Step;
use despatch_status::OrderState;
use tokio::time::{Instant, MissedTickBehavior, interval};
use url::form_urlencoded;

use crate::http::description::{AnswerTooLarge, LinkUnknown, TryAgain};
use crate::http::error::ApiError;
use crate::http::extract::{Body, PathParams, RequestTrace};
use crate::http::order_page::{AddressView, CancelView, OrderView};
use crate::http::pages::OrderPage;
use crate::http::state::Gateway;
use crate::ingest::submission::Submission;
use crate::sources::address_form;

/// How long the answer to a form waits for the decision.
const DECISION_WAIT: Duration = Duration::from_secs(5);

/// The time between two looks for the decision.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A change that a customer can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Cancel,
    Address,
}

impl Change {
    const ALL: [Change; 2] = [Change::Cancel, Change::Address];

    fn name(self) -> &'static str {
        match self {
            Change::Cancel => "cancel",
            Change::Address => "address",
        }
    }

    fn command(self) -> &'static str {
        match self {
            Change::Cancel => OrderCancelRequested::TYPE,
            Change::Address => OrderAddressChangeRequested::TYPE,
        }
    }

    /// Returns the result for the customer, from the step of the request; `None` if it is not decided yet.
    fn result(self, step: Option<&Step>) -> &'static str {
        let Some(step) = step else {
            return "We have your request. It shows here in a moment: reload this page.";
        };
        let is_refused = step.reason == Reason::CommandRefused.code();
        match self {
            Change::Cancel if step.to == OrderState::Cancelled => "Your order is cancelled.",
            Change::Cancel => {
                "Your order could not be cancelled, because the carrier has a parcel of it already. Reply to our mail, and we \
                 will help you."
            }
            Change::Address if is_refused => {
                "The address could not be changed, because the carrier has a parcel of this order already, or the order is \
                 cancelled. Reply to our mail, and we will help you."
            }
            Change::Address if step.reason == Reason::AlreadyApplied.code() => {
                "That is the address that we have already."
            }
            Change::Address if step.to >= OrderState::Labelled => {
                "We have noted the new address. Your order is packed already, so we change the address on the parcel by hand, and \
                 write to you if we are too late."
            }
            Change::Address => "The address is changed. We send the order there.",
        }
    }
}

/// An order's page, behind the link in its mails
#[utoipa::path(
    get,
    path = "/orders/{order_id}/{token}",
    operation_id = "showOrderPage",
    params(
        ("order_id" = String, Path, description = "The id that the order was given."),
        ("token" = String, Path, description = "Proves that we wrote the link.")
    ),
    responses(
        (status = 200, description = "The page.", body = String, content_type = "text/html"),
        (status = 404, response = LinkUnknown),
        (status = 429, description = "Too many requests; the page asks to send it again.", body = String,
            content_type = "text/html"),
        (status = 503, response = TryAgain)
    )
)]
pub(crate) async fn show(
    State(gateway): State<Gateway>,
    PathParams((order_id, token)): PathParams<(String, String)>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let found = find(&gateway, &order_id, &token).await?;
    let notice = notice(&found.record.timeline, query.as_deref().unwrap_or_default());
    Ok(gateway.pages.order(StatusCode::OK, OrderPage::Order, OrderView::new(&found, &token, notice)))
}

/// The question whether to cancel
#[utoipa::path(
    get,
    path = "/orders/{order_id}/{token}/cancel",
    operation_id = "askToCancelOrder",
    params(
        ("order_id" = String, Path, description = "The id that the order was given."),
        ("token" = String, Path, description = "Proves that we wrote the link.")
    ),
    responses(
        (status = 200, description = "The form.", body = String, content_type = "text/html"),
        (status = 404, response = LinkUnknown),
        (status = 429, description = "Too many requests; the page asks to send it again.", body = String,
            content_type = "text/html"),
        (status = 503, response = TryAgain)
    )
)]
pub(crate) async fn ask_to_cancel(
    State(gateway): State<Gateway>,
    PathParams((order_id, token)): PathParams<(String, String)>,
) -> Result<Response, ApiError> {
    let found = find(&gateway, &order_id, &token).await?;
    Ok(gateway.pages.order(StatusCode::OK, OrderPage::Cancel, CancelView::new(&found, &token)))
}

/// The customer's cancellation
///
/// The order's page shows whether it was still possible.
#[utoipa::path(
    post,
    path = "/orders/{order_id}/{token}/cancel",
    operation_id = "cancelOrderByCustomer",
    params(
        ("order_id" = String, Path, description = "The id that the order was given."),
        ("token" = String, Path, description = "Proves that we wrote the link.")
    ),
    request_body(content = String, content_type = "application/x-www-form-urlencoded",
        description = "`confirm=cancel`"),
    responses(
        (status = 200, description = "The form again, because it was not confirmed.", body = String,
            content_type = "text/html"),
        (status = 303, description = "Committed; the order's page has the result."),
        (status = 404, response = LinkUnknown),
        (status = 413, response = AnswerTooLarge),
        (status = 429, description = "Too many requests; the page asks to send it again.", body = String,
            content_type = "text/html"),
        (status = 503, response = TryAgain)
    )
)]
pub(crate) async fn cancel(
    State(gateway): State<Gateway>,
    RequestTrace(trace): RequestTrace,
    PathParams((order_id, token)): PathParams<(String, String)>,
    Body(body): Body,
) -> Result<Response, ApiError> {
    let found = find(&gateway, &order_id, &token).await?;
    let is_confirmed = form_urlencoded::parse(&body).any(|it| it == ("confirm".into(), "cancel".into()));
    if !is_confirmed {
        return Ok(gateway.pages.order(StatusCode::OK, OrderPage::Cancel, CancelView::new(&found, &token)));
    }
    gateway.change_limits.admit(&order_id)?;
    let command = OrderCancelRequested {
        order_id: order_id.clone(),
        reason: Reason::CustomerCancelled.code().to_owned(),
        requested_by: "customer".to_owned(),
        by: String::new(),
    };
    gateway.storage.submit(Submission::Event(Emitted::from(&command)), trace).await?;
    back_to_the_page(&gateway, &found, &token, Change::Cancel).await
}

/// The form of the address
#[utoipa::path(
    get,
    path = "/orders/{order_id}/{token}/address",
    operation_id = "askForAddress",
    params(
        ("order_id" = String, Path, description = "The id that the order was given."),
        ("token" = String, Path, description = "Proves that we wrote the link.")
    ),
    responses(
        (status = 200, description = "The form.", body = String, content_type = "text/html"),
        (status = 404, response = LinkUnknown),
        (status = 429, description = "Too many requests; the page asks to send it again.", body = String,
            content_type = "text/html"),
        (status = 503, response = TryAgain)
    )
)]
pub(crate) async fn ask_for_address(
    State(gateway): State<Gateway>,
    PathParams((order_id, token)): PathParams<(String, String)>,
) -> Result<Response, ApiError> {
    let found = find(&gateway, &order_id, &token).await?;
    let address = found.order.ship_to.clone().unwrap_or_default();
    let view = AddressView::new(&found, &token, &address, &[]);
    Ok(gateway.pages.order(StatusCode::OK, OrderPage::Address, view))
}

/// The customer's new address
///
/// The order's page shows whether it was still possible.
#[utoipa::path(
    post,
    path = "/orders/{order_id}/{token}/address",
    operation_id = "changeAddressByCustomer",
    params(
        ("order_id" = String, Path, description = "The id that the order was given."),
        ("token" = String, Path, description = "Proves that we wrote the link.")
    ),
    request_body(content = String, content_type = "application/x-www-form-urlencoded",
        description = "`name`, `company`, `street1`, `street2`, `city`, `region` and `postcode`"),
    responses(
        (status = 303, description = "Committed; the order's page has the result."),
        (status = 400, description = "The form again, with an error at each wrong field.", body = String,
            content_type = "text/html"),
        (status = 404, response = LinkUnknown),
        (status = 413, response = AnswerTooLarge),
        (status = 429, description = "Too many requests; the page asks to send it again.", body = String,
            content_type = "text/html"),
        (status = 503, response = TryAgain)
    )
)]
pub(crate) async fn change_address(
    State(gateway): State<Gateway>,
    RequestTrace(trace): RequestTrace,
    PathParams((order_id, token)): PathParams<(String, String)>,
    Body(body): Body,
) -> Result<Response, ApiError> {
    let found = find(&gateway, &order_id, &token).await?;
    let former = found.order.ship_to.clone().unwrap_or_default();
    let (address, errors) = address_form::read(&body, &former);
    // An order that is collected has no address, and its page says so.
    if !errors.is_empty() || found.order.ship_to.is_none() {
        let view = AddressView::new(&found, &token, &address, &errors);
        return Ok(gateway.pages.order(StatusCode::BAD_REQUEST, OrderPage::Address, view));
    }
    gateway.change_limits.admit(&order_id)?;
    let command = OrderAddressChangeRequested {
        order_id: order_id.clone(),
        address: Some(address),
        requested_by: "customer".to_owned(),
        by: String::new(),
    };
    gateway.storage.submit(Submission::Event(Emitted::from(&command)), trace).await?;
    back_to_the_page(&gateway, &found, &token, Change::Address).await
}

/// Returns the order of a link. A link that is not ours, one of an order that is gone, and one that is too old have the same
/// answer.
async fn find(gateway: &Gateway, order_id: &str, token: &str) -> Result<CustomerOrder, ApiError> {
    if !gateway.links.signed(link::ORDER_PAGE, order_id, token) {
        return Err(ApiError::LinkUnknown);
    }
    gateway.view_limits.admit(order_id)?;
    let found = gateway.storage.read(gateway.read_model.customer_order(order_id)).await?;
    let is_shown = |found: &CustomerOrder| found.ended_for.is_none_or(|ended| ended <= gateway.page_life);
    found.filter(is_shown).ok_or(ApiError::LinkUnknown)
}

/// Waits shortly for the decision on a request, and leads back to the order's page. `found` is the order before the request.
async fn back_to_the_page(
    gateway: &Gateway,
    found: &CustomerOrder,
    token: &str,
    change: Change,
) -> Result<Response, ApiError> {
    let after = found.record.timeline.len();
    let end = Instant::now() + DECISION_WAIT;
    let mut looks = interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while Instant::now() < end {
        looks.tick().await;
        let timeline = gateway.storage.read(gateway.read_model.timeline(&found.order.order_id)).await?;
        if decision(&timeline, change, after).is_some() {
            break;
        }
    }
    let page = format!("../{token}?asked={}&after={after}", change.name());
    Ok((StatusCode::SEE_OTHER, [(LOCATION, page)]).into_response())
}

/// Returns the step of a request that came after so many steps.
fn decision(timeline: &[Step], change: Change, after: usize) -> Option<&Step> {
    timeline.get(after..)?.iter().find(|step| step.event == change.command())
}

/// Returns the result of the request that the query names; empty if it names none.
fn notice(timeline: &[Step], query: &str) -> &'static str {
    let value = |name: &str| form_urlencoded::parse(query.as_bytes()).find(|it| it.0 == name).map(|it| it.1);
    let asked = value("asked").and_then(|asked| Change::ALL.into_iter().find(|it| it.name() == asked));
    let after = value("after").and_then(|after| after.parse().ok());
    match (asked, after) {
        (Some(change), Some(after)) if after <= timeline.len() => {
            change.result(decision(timeline, change, after))
        }
        _ => "",
    }
}
