//! The buyer and the addresses of our order JSON.

use despatch_contracts::order::{Address, Customer, MarketingConsent};
use despatch_domain::country;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::sources::fields::json::{Id, Invalid, id, text};
use crate::sources::fields::placed_at;

/// The buyer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Customer)]
pub(super) struct CustomerJson {
    /// The shop's own customer id; empty for a guest.
    #[serde(default, deserialize_with = "id")]
    #[schema(value_type = Id)]
    customer_id: String,
    /// The full name.
    #[serde(default, deserialize_with = "text")]
    name: String,
    /// The e-mail address for messages. Without one the customer gets no messages, and the order goes on.
    #[serde(default, deserialize_with = "text")]
    email: String,
    /// The customer's own phone number.
    #[serde(default, deserialize_with = "text")]
    phone: String,
    /// The language and perhaps the region, as in BCP 47, e.g. `de-CH`.
    #[serde(default, deserialize_with = "text")]
    locale: String,
    #[schema(nullable = false)]
    marketing: Option<MarketingJson>,
}

/// The customer's word on marketing by e-mail.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Marketing)]
struct MarketingJson {
    /// E.g. `subscribed`, `not_subscribed`, `pending`.
    #[serde(default, deserialize_with = "text")]
    state: String,
    /// E.g. `single_opt_in`, `confirmed_opt_in`; may be empty.
    #[serde(default, deserialize_with = "text")]
    level: String,
    /// When it was given or last changed.
    #[serde(default, deserialize_with = "text")]
    #[schema(format = DateTime)]
    at: String,
}

/// An address: of delivery, or of the bill.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Address)]
pub(super) struct AddressJson {
    /// The recipient's name. By default the customer's, or the company.
    #[serde(default, deserialize_with = "text")]
    name: String,
    /// The recipient's company.
    #[serde(default, deserialize_with = "text")]
    company: String,
    /// Street and number.
    #[serde(default, deserialize_with = "text")]
    street1: String,
    /// Further address text.
    #[serde(default, deserialize_with = "text")]
    street2: String,
    /// Town.
    #[serde(default, deserialize_with = "text")]
    city: String,
    /// State, province or county, where there is one.
    #[serde(default, deserialize_with = "text")]
    region: String,
    /// The postcode, as its country writes it.
    #[serde(default, deserialize_with = "text")]
    postcode: String,
    /// The country: its ISO 3166-1 code (or `XK`), or its name in English or its own language.
    #[serde(default, deserialize_with = "text")]
    country: String,
    /// The phone number for the carrier.
    #[serde(default, deserialize_with = "text")]
    phone: String,
}

impl CustomerJson {
    pub(super) fn normalised(self) -> Result<Customer, Invalid> {
        let marketing = self.marketing.map(|said| {
            let at = placed_at::read(&said.at, "customer.marketing.at")?;
            Ok(MarketingConsent { state: said.state, level: said.level, at })
        });
        Ok(Customer {
            customer_id: self.customer_id,
            name: self.name,
            email: self.email,
            phone: self.phone,
            locale: self.locale,
            marketing: marketing.transpose()?,
        })
    }
}

impl AddressJson {
    pub(super) fn normalised(self) -> Address {
        Address {
            name: self.name,
            company: self.company,
            street1: self.street1,
            street2: self.street2,
            city: self.city,
            region: self.region,
            postcode: self.postcode,
            country: country::normalised(&self.country),
            phone: self.phone,
        }
    }
}
