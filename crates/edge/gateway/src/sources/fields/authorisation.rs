//! The checkout's authorisation, from the named values that a checkout adds to a shop's order.

use despatch_contracts::order::Authorisation;
use serde::Deserialize;
use serde_json::Value;

/// Names under which a checkout leaves the PaymentIntent's id: ours, and that of WooCommerce's Stripe extension.
const NAMES: [&str; 2] = ["payment_intent", "_stripe_intent_id"];

/// A named value: Shopify's `note_attributes` (`name`) or WooCommerce's `meta_data` (`key`). A shop may add any.
#[derive(Debug, Deserialize)]
pub(crate) struct Attribute {
    #[serde(default)]
    name: Value,
    #[serde(default)]
    key: Value,
    #[serde(default)]
    value: Value,
}

/// Returns the PaymentIntent among the attributes. Returns `None` if the checkout named none, so that there is nothing
/// to capture.
///
/// A shop authorises the order's total and does not repeat it, so the amount is the order's total. Payments compares it
/// with the provider's amount.
pub(crate) fn authorisation(attributes: &[Attribute], total_minor: i64) -> Option<Authorisation> {
    let named = |name: &str| {
        attributes.iter().find(|it| [&it.name, &it.key].iter().any(|said| said.as_str() == Some(name)))
    };
    let reference = NAMES.iter().find_map(|name| named(name)?.value.as_str())?.trim();
    (!reference.is_empty() && !reference.contains('\0')).then(|| Authorisation {
        provider: "stripe".into(),
        reference: reference.to_owned(),
        amount_minor: total_minor,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Option<Authorisation> {
        authorisation(&serde_json::from_str::<Vec<Attribute>>(json).unwrap(), 100)
    }

    #[test]
    fn both_shops_name_the_payment_intent() {
        for json in [
            r#"[{"name": "colour", "value": "green"}, {"name": "payment_intent", "value": "pi_1"}]"#,
            r#"[{"id": 1, "key": "payment_intent", "value": "pi_1"}]"#,
            r#"[{"id": 1, "key": "_stripe_intent_id", "value": " pi_1 "}]"#,
        ] {
            let authorisation = read(json).unwrap();
            assert_eq!((&*authorisation.provider, &*authorisation.reference), ("stripe", "pi_1"), "{json}");
            assert_eq!(authorisation.amount_minor, 100);
        }
    }

    #[test]
    fn anything_else_authorises_nothing() {
        for json in [
            "[]",
            "[{}]",
            r#"[{"name": 7, "value": {"deep": []}}]"#,
            r#"[{"name": "payment_intent", "value": ""}]"#,
            r#"[{"name": "payment_intent", "value": 7}]"#,
            r#"[{"name": "Payment_Intent", "value": "pi_1"}]"#,
        ] {
            assert_eq!(read(json), None, "{json}");
        }
    }
}
