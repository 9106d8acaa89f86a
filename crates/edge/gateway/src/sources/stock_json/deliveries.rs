//! Deliveries that suppliers announce.

use despatch_contracts::stock::{DeliveryArrived, DeliveryCancelRequested, ExpectRequested, ExpectedRow};
use email_address::{EmailAddress, Options};
use serde::Deserialize;
use utoipa::ToSchema;

use super::MOST_ROWS;
use super::asked::{StockCommand, request, stock_body};
use super::row::{at_least, named, number_of_rows};
use crate::sources::fields::json::{Id, Invalid, at_most, id, key, or_default, text, units};
use crate::sources::fields::placed_at;

stock_body! {
    /// A delivery that a supplier announced. A field that is left out stays unchanged.
    DeliveryJson as Delivery {
        /// The delivery's name, e.g. the number of the purchase order. Its receipts have the same name.
        #[serde(default, deserialize_with = "text")]
        #[schema(required, max_length = 100)]
        delivery: String,
        /// When it should be here. A new delivery needs it. Another time than before opens a delivery again that was over.
        #[serde(default, deserialize_with = "text")]
        #[schema(format = DateTime)]
        due: String,
        /// The supplier's name.
        #[schema(nullable = false, max_length = 200)]
        supplier: Option<String>,
        /// The supplier's e-mail address, which is reminded once the delivery is overdue; empty for none.
        #[schema(nullable = false)]
        contact: Option<String>,
        /// The rows; at most 1,000. Rows of earlier requests stay.
        #[serde(default, deserialize_with = "or_default")]
        rows: Vec<ExpectedRowJson>,
    }
}

/// Units of a SKU that a delivery should bring to a location.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ExpectedRow)]
struct ExpectedRowJson {
    /// The article. It need not be known yet.
    #[serde(default, deserialize_with = "id")]
    #[schema(required, value_type = Id)]
    sku: String,
    /// The location's id.
    #[serde(default, deserialize_with = "text")]
    #[schema(required)]
    location: String,
    /// All units of the delivery, whatever arrived before. 0 takes the row off.
    #[serde(default, deserialize_with = "units")]
    #[schema(required, nullable = false, minimum = 0)]
    quantity: Option<i64>,
}

impl DeliveryJson {
    pub(crate) fn command(self) -> Result<StockCommand, Invalid> {
        let request = request(self.request_id, self.requested_by, self.by, self.note)?;
        let supplier = self.supplier.map(|supplier| supplier.trim().to_owned());
        let name = supplier.as_deref().unwrap_or_default();
        at_most(&[("supplier", name, 200)])?;
        one_line("supplier", name)?;
        if !self.rows.is_empty() {
            number_of_rows("rows", self.rows.len(), MOST_ROWS)?;
        }
        let row = |(at, row): (usize, ExpectedRowJson)| {
            Ok(ExpectedRow {
                sku: named(row.sku, at, "sku")?,
                location: named(row.location, at, "location")?,
                quantity: at_least(0, row.quantity, at, "quantity")?,
            })
        };
        let command = ExpectRequested {
            delivery: delivery_name(self.delivery)?,
            due: placed_at::read(&self.due, "due")?,
            supplier,
            contact: self.contact.map(|contact| mail_address(contact.trim())).transpose()?,
            rows: self.rows.into_iter().enumerate().map(row).collect::<Result<_, _>>()?,
            request: Some(request.clone()),
        };
        Ok(StockCommand::new(request, &command))
    }
}

stock_body! {
    /// The end of a delivery.
    DeliveryEndJson as DeliveryEnd {}
}

impl DeliveryEndJson {
    /// The receiver says that nothing more comes.
    pub(crate) fn arrived(self, delivery: String) -> Result<StockCommand, Invalid> {
        let request = request(self.request_id, self.requested_by, self.by, self.note)?;
        let command = DeliveryArrived { delivery: delivery_name(delivery)?, request: Some(request.clone()) };
        Ok(StockCommand::new(request, &command))
    }

    /// Units that have not arrived are not expected any more.
    pub(crate) fn cancelled(self, delivery: String) -> Result<StockCommand, Invalid> {
        let request = request(self.request_id, self.requested_by, self.by, self.note)?;
        let command =
            DeliveryCancelRequested { delivery: delivery_name(delivery)?, request: Some(request.clone()) };
        Ok(StockCommand::new(request, &command))
    }
}

/// Checks the name of a delivery.
fn delivery_name(name: String) -> Result<String, Invalid> {
    at_most(&[("delivery", &name, 100)])?;
    one_line("delivery", &name)?;
    key(name, "delivery")
}

fn one_line(field: &str, text: &str) -> Result<(), Invalid> {
    if text.contains(char::is_control) {
        return Err(Invalid::new(field, format!("expected no control characters, found {text:?}")));
    }
    Ok(())
}

/// Checks a supplier's address. Empty text is none.
fn mail_address(address: &str) -> Result<String, Invalid> {
    let syntax = Options::default().with_required_tld().without_domain_literal().without_display_text();
    let is_usable = !address.contains(char::is_whitespace)
        && address.len() <= 254
        && EmailAddress::parse_with_options(address, syntax).is_ok();
    if address.is_empty() || is_usable {
        return Ok(address.to_owned());
    }
    Err(Invalid::new(
        "contact",
        format!("expected an e-mail address, e.g. orders@acme.example, found {address:?}"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_supplier_s_address_is_one_or_none() {
        for address in ["", "orders@acme.example"] {
            assert_eq!(mail_address(address), Ok(address.to_owned()));
        }
        for address in
            ["acme", "orders@acme", "a b@acme.example", "Acme <orders@acme.example>", "@acme.example"]
        {
            assert_eq!(mail_address(address).unwrap_err().field, "contact", "{address}");
        }
    }
}
