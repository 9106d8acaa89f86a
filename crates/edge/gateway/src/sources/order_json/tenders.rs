//! The fields of our order JSON that say how an order is paid.

use despatch_contracts::order::{Tender, TenderState};
use despatch_contracts::tender;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::sources::fields::amount::{Amount, Prices};
use crate::sources::fields::json::{Invalid, required, text};
use crate::sources::fields::line::LineReader;

/// The checkout's authorisation, which will be captured.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Authorisation)]
pub(super) struct AuthorisationJson {
    /// The provider, e.g. `stripe`.
    #[serde(default, deserialize_with = "text")]
    provider: String,
    /// The provider's own reference, e.g. a PaymentIntent's id.
    #[serde(default, deserialize_with = "text")]
    reference: String,
    /// The authorised amount.
    #[schema(required, nullable = false)]
    amount: Option<Amount>,
}

/// One of the means by which an order is paid, other than the checkout's authorisation.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Tender)]
pub(super) struct TenderJson {
    #[schema(required, inline, nullable = false)]
    provider: Option<HolderJson>,
    /// The holder's own reference; may be empty.
    #[serde(default, deserialize_with = "text")]
    reference: String,
    /// The part of the order that it pays.
    #[schema(required, nullable = false)]
    amount: Option<Amount>,
    #[schema(required, inline, nullable = false)]
    state: Option<TenderStateJson>,
    /// Your name of it, for people.
    #[serde(default, deserialize_with = "text")]
    name: String,
}

/// The holder of money that despatch does not capture.
#[derive(Deserialize, ToSchema, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
enum HolderJson {
    Shop,
    GiftCard,
    CashOnDelivery,
    Manual,
}

/// How far the payment is.
#[derive(Deserialize, ToSchema, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
enum TenderStateJson {
    Authorised,
    Captured,
    Pending,
}

impl TenderJson {
    pub(super) fn normalised(self, reader: LineReader, currency: &str) -> Result<Tender, Invalid> {
        let provider = match required(self.provider, || reader.path("provider"))? {
            HolderJson::Shop => tender::SHOP,
            HolderJson::GiftCard => tender::GIFT_CARD,
            HolderJson::CashOnDelivery => tender::CASH_ON_DELIVERY,
            HolderJson::Manual => tender::MANUAL,
        };
        let state = match required(self.state, || reader.path("state"))? {
            TenderStateJson::Authorised => TenderState::Authorised,
            TenderStateJson::Captured => TenderState::Captured,
            TenderStateJson::Pending => TenderState::Pending,
        };
        Ok(Tender {
            provider: provider.to_owned(),
            reference: self.reference,
            amount_minor: reader.minor(self.amount, "amount")?,
            currency: currency.to_owned(),
            state: state.into(),
            name: self.name,
            ..Tender::default()
        })
    }
}

impl AuthorisationJson {
    pub(super) fn normalised(self, prices: Prices, currency: &str) -> Result<Tender, Invalid> {
        let amount = required(self.amount, || "authorisation.amount".into())?;
        Ok(Tender {
            provider: self.provider,
            reference: self.reference,
            amount_minor: prices.minor(&amount, || "authorisation.amount".into())?,
            // It needs no proofs, because the caller has the shop's secret: no visitor sets this.
            currency: currency.to_owned(),
            state: TenderState::Authorised.into(),
            ..Tender::default()
        })
    }
}
