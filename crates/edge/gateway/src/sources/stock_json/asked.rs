//! The parts that all commands about stock have: the request's id, the requester, the reason.

use despatch_contracts::stock::StockRequest;
use despatch_contracts::{Emitted, Event};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::sources::fields::json::{Invalid, at_most};

/// A command, ready to be committed.
#[derive(Debug, Clone)]
pub(crate) struct StockCommand {
    /// The request's id, which the answer names.
    pub(crate) request_id: String,
    /// The digest of the command as it was sent. A repeat has the same one.
    pub(crate) digest: [u8; 32],
    pub(crate) event: Emitted,
}

impl StockCommand {
    /// Makes a command of what was sent.
    pub(super) fn new(request: StockRequest, sent: &impl Event) -> Self {
        let event = Emitted::from(sent);
        StockCommand { request_id: request.request_id, digest: Sha256::digest(&event.payload).into(), event }
    }

    /// Replaces the event by one that has more than what was sent.
    pub(super) fn completed(self, event: &impl Event) -> Self {
        StockCommand { event: Emitted::from(event), ..self }
    }
}

/// The side that a command comes from.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum StockRequester {
    #[default]
    Api,
    Operator,
}

impl StockRequester {
    fn name(self) -> &'static str {
        match self {
            StockRequester::Api => "api",
            StockRequester::Operator => "operator",
        }
    }
}

/// Returns the request of a command, with a new id if it has none.
pub(super) fn request(
    request_id: String,
    requested_by: StockRequester,
    by: String,
    note: String,
) -> Result<StockRequest, Invalid> {
    at_most(&[("by", &by, 100), ("note", &note, 500)])?;
    let request_id =
        if request_id.is_empty() { Uuid::now_v7().to_string() } else { name(request_id, "request_id")? };
    Ok(StockRequest { request_id, requested_by: requested_by.name().to_owned(), by, note })
}

/// Checks an id that a person or a program chose: of a request or a location.
pub(super) fn name(id: String, field: &'static str) -> Result<String, Invalid> {
    at_most(&[(field, &id, 100)])?;
    if id.is_empty() {
        return Err(Invalid::new(field, "is required"));
    }
    if !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) {
        return Err(Invalid::new(field, format!("expected letters, digits and -_., found {id:?}")));
    }
    Ok(id)
}

/// Defines the body of a command about stock: the fields of every such body, and its own.
macro_rules! stock_body {
    ($(#[$about:meta])* $name:ident as $schema:ident { $($fields:tt)* }) => {
        $(#[$about])*
        #[derive(serde::Deserialize, utoipa::ToSchema)]
        #[serde(deny_unknown_fields)]
        #[schema(as = $schema)]
        pub(crate) struct $name {
            /// Your id of the request: letters, digits and `-_.`. The same id again is the same request, which asks for nothing
            /// more. By default a new one.
            #[serde(default, deserialize_with = "crate::sources::fields::json::id")]
            #[schema(value_type = crate::sources::fields::json::Id)]
            request_id: String,
            #[serde(default)]
            #[schema(inline)]
            requested_by: crate::sources::stock_json::asked::StockRequester,
            /// The person, for the ledger.
            #[serde(default, deserialize_with = "crate::sources::fields::json::text")]
            #[schema(max_length = 100)]
            by: String,
            /// Why, in words, for the ledger.
            #[serde(default, deserialize_with = "crate::sources::fields::json::text")]
            #[schema(max_length = 500)]
            note: String,
            $($fields)*
        }
    };
}

pub(super) use stock_body;
