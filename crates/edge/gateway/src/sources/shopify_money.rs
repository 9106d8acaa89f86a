//! Shopify's `order_transactions/create` and `refunds/create` webhooks: money that moved in the shop. Its orders carry no
//! transactions (<https://shopify.dev/docs/api/admin-rest/latest/resources/transaction>).

use despatch_contracts::order::{PaymentReported, Tender, TenderState};
use despatch_contracts::payment::RefundReported;
use despatch_contracts::tender;
use serde::Deserialize;
use uuid::Uuid;

use crate::sources::fields::amount::{Amount, Prices};
use crate::sources::fields::json::{self, Invalid, id, key, or_default, required, text};

/// Money that moved in the shop, for an order that it names by its id.
#[derive(Debug, PartialEq)]
pub(crate) struct ShopMoney {
    pub(crate) shop_order_id: String,
    pub(crate) movement: Movement,
}

/// A movement of money.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Movement {
    /// The customer paid this.
    Paid(Tender),
    /// The shop gave this back.
    Refunded {
        /// The holder of the money, as a tender names it.
        provider: &'static str,
        /// The transaction's id.
        reference: String,
        /// Minor units of the currency.
        minor: i64,
        currency: String,
    },
}

/// The event of a movement.
#[derive(Debug)]
pub(crate) enum Report {
    Paid(Box<PaymentReported>),
    Refunded(RefundReported),
}

impl Movement {
    /// Returns how much was given back in this currency, in minor units.
    pub(super) fn refunded(&self, in_currency: &str) -> i64 {
        match self {
            Movement::Refunded { minor, currency, .. } if currency == in_currency => *minor,
            Movement::Refunded { .. } | Movement::Paid(_) => 0,
        }
    }

    /// Returns the event of the movement, for the order of this id.
    pub(crate) fn report(self, order_id: Uuid) -> Report {
        let order_id = order_id.to_string();
        match self {
            Movement::Paid(tender) => Report::Paid(Box::new(PaymentReported {
                order_id,
                tenders: vec![tender],
                is_part: true,
                order: None,
            })),
            Movement::Refunded { provider, reference, minor, currency } => Report::Refunded(RefundReported {
                order_id,
                provider: provider.to_owned(),
                reference,
                amount_minor: minor,
                currency,
                refund_id: String::new(),
            }),
        }
    }
}

#[derive(Deserialize)]
struct Transaction {
    #[serde(default, deserialize_with = "id")]
    id: String,
    #[serde(default, deserialize_with = "id")]
    order_id: String,
    #[serde(default, deserialize_with = "text")]
    kind: String,
    #[serde(default, deserialize_with = "text")]
    status: String,
    #[serde(default, deserialize_with = "text")]
    gateway: String,
    #[serde(default, deserialize_with = "text")]
    currency: String,
    amount: Option<Amount>,
    #[serde(default, deserialize_with = "or_default")]
    test: bool,
}

/// A refund, as its own webhook and the order have it.
#[derive(Deserialize)]
pub(super) struct Refund {
    #[serde(default, deserialize_with = "id")]
    order_id: String,
    #[serde(default, deserialize_with = "or_default")]
    transactions: Vec<Transaction>,
}

/// Reads a transaction. Only what succeeded has moved money; an authorisation has not.
pub(crate) fn transaction(body: &[u8]) -> Result<Vec<ShopMoney>, Invalid> {
    let transaction: Transaction = json::read(body)?;
    let shop_order_id = key(transaction.order_id.clone(), "order_id")?;
    Ok(transaction
        .movement(str::to_owned)?
        .map(|movement| ShopMoney { shop_order_id, movement })
        .into_iter()
        .collect())
}

/// Reads a refund with the transactions that it caused.
pub(crate) fn refund(body: &[u8]) -> Result<Vec<ShopMoney>, Invalid> {
    let refund: Refund = json::read(body)?;
    let shop_order_id = key(refund.order_id.clone(), "order_id")?;
    let moved = refund.movements(str::to_owned)?.into_iter();
    Ok(moved.map(|movement| ShopMoney { shop_order_id: shop_order_id.clone(), movement }).collect())
}

impl Refund {
    /// Returns what it moved. `path` returns the place of one of its fields.
    pub(super) fn movements(self, path: impl Fn(&str) -> String) -> Result<Vec<Movement>, Invalid> {
        let mut moved = Vec::new();
        for (at, transaction) in self.transactions.into_iter().enumerate() {
            moved.extend(transaction.movement(|field| path(&format!("transactions[{at}].{field}")))?);
        }
        Ok(moved)
    }
}

impl Transaction {
    fn movement(self, path: impl Fn(&str) -> String) -> Result<Option<Movement>, Invalid> {
        let is_payment = ["sale", "capture"].contains(&&*self.kind);
        if self.status != "success" || self.test || !(is_payment || self.kind == "refund") {
            return Ok(None);
        }
        let reference = required(Some(self.id).filter(|id| !id.is_empty()), || path("id"))?;
        let currency = self.currency.to_ascii_uppercase();
        let amount = required(self.amount, || path("amount"))?;
        let minor = Prices::of(&currency).minor(&amount, || path("amount"))?;
        let provider = if self.gateway == "gift_card" { tender::GIFT_CARD } else { tender::SHOP };
        Ok(Some(if is_payment {
            Movement::Paid(Tender {
                provider: provider.to_owned(),
                reference,
                amount_minor: minor,
                currency,
                state: TenderState::Captured.into(),
                name: self.gateway,
                ..Tender::default()
            })
        } else {
            Movement::Refunded { provider, reference, minor, currency }
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moved_is_read_and_nothing_else() {
        let read = |kind: &str, status: &str| {
            let body = format!(
                r#"{{"id": 7, "order_id": 1001, "kind": "{kind}", "status": "{status}", "gateway": "manual",
                    "amount": "10.50", "currency": "USD"}}"#
            );
            transaction(body.as_bytes()).unwrap()
        };
        for kind in ["sale", "capture"] {
            let moved = read(kind, "success");
            let [ShopMoney { shop_order_id, movement: Movement::Paid(tender) }] = moved.as_slice() else {
                panic!("{moved:?}")
            };
            assert_eq!(
                (shop_order_id.as_str(), tender.amount_minor, &*tender.reference),
                ("1001", 1050, "7")
            );
        }
        let refunded = Movement::Refunded {
            provider: tender::SHOP,
            reference: "7".into(),
            minor: 1050,
            currency: "USD".into(),
        };
        assert_eq!(
            read("refund", "success"),
            [ShopMoney { shop_order_id: "1001".into(), movement: refunded }]
        );
        for (kind, status) in
            [("authorization", "success"), ("void", "success"), ("sale", "failure"), ("sale", "pending")]
        {
            assert_eq!(read(kind, status), [], "{kind} {status}");
        }
    }

    #[test]
    fn a_refund_names_the_field_that_is_wrong() {
        let body = br#"{"order_id": 1, "transactions": [{"id": 1, "kind": "refund", "status": "success", "currency": "USD"}]}"#;
        assert_eq!(refund(body).unwrap_err().field, "transactions[0].amount");
        assert_eq!(refund(br#"{"order_id": 1, "transactions": []}"#).unwrap(), []);
        assert_eq!(refund(b"{}").unwrap_err().field, "order_id");
    }
}
