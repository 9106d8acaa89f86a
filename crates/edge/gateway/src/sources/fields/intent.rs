//! The PaymentIntent that a checkout authorised, from the named values that a checkout adds to a shop's order.

use despatch_contracts::order::{Proof, Tender};
use serde::Deserialize;
use serde_json::Value;

/// Names under which a checkout leaves the PaymentIntent's id: ours, and that of WooCommerce's Stripe extension.
const NAMES: [&str; 2] = ["payment_intent", "_stripe_intent_id"];

/// The one that no visitor can set, as a key of WooCommerce's `meta_data`: a key with an underscore is protected there. As
/// a name of Shopify's `note_attributes` it is only hidden.
const PROTECTED: &str = NAMES[1];

/// A named value: Shopify's `note_attributes` (`name`) or WooCommerce's `meta_data` (`key`). A shop may add any.
#[derive(Debug, Deserialize)]
pub(crate) struct Attribute {
    #[serde(default)]
    pub(crate) name: Value,
    #[serde(default)]
    pub(crate) key: Value,
    #[serde(default)]
    pub(crate) value: Value,
}

/// Returns the PaymentIntent among the attributes. Returns `None` if the checkout named none, so that there is nothing
/// to capture.
///
/// The shop does not repeat the amount, so the tender has none yet. One of `proofs`, which name the order, must be in the
/// intent's own metadata, unless the reference is in the protected field. Proofs without a value are left out.
pub(crate) fn intent<'a>(
    attributes: &[Attribute],
    proofs: impl IntoIterator<Item = (&'static str, &'a str)>,
) -> Option<Tender> {
    let reference = |attribute: &Attribute| {
        let reference = attribute.value.as_str()?.trim();
        (!reference.is_empty() && !reference.contains('\0')).then(|| reference.to_owned())
    };
    let protected = attributes.iter().find(|it| it.key.as_str() == Some(PROTECTED));
    let open = |name| attributes.iter().find(|it| [&it.name, &it.key].into_iter().any(|said| said == name));
    let proof = |(key, value): (&str, &str)| Proof { key: key.to_owned(), value: value.to_owned() };
    let proofs = || proofs.into_iter().filter(|(_, value)| !value.is_empty()).map(proof).collect();
    let (reference, proofs) = match protected.and_then(reference) {
        Some(reference) => (reference, Vec::new()),
        None => (NAMES.into_iter().filter_map(open).find_map(reference)?, proofs()),
    };
    Some(Tender { provider: "stripe".into(), reference, proofs, ..Tender::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Option<Tender> {
        let attributes: Vec<Attribute> = serde_json::from_str(json).unwrap();
        intent(&attributes, [("order_id", "7"), ("cart_token", "")])
    }

    #[test]
    fn both_shops_name_the_payment_intent() {
        for json in [
            r#"[{"name": "colour", "value": "green"}, {"name": "payment_intent", "value": "pi_1"}]"#,
            r#"[{"id": 1, "key": "payment_intent", "value": "pi_1"}]"#,
            r#"[{"id": 1, "key": "_stripe_intent_id", "value": " pi_1 "}]"#,
        ] {
            let intent = read(json).unwrap();
            assert_eq!((&*intent.provider, &*intent.reference), ("stripe", "pi_1"), "{json}");
        }
    }

    #[test]
    fn a_field_that_visitors_can_set_needs_a_proof() {
        let proofs = |json| read(json).unwrap().proofs;
        let open = r#"[{"name": "payment_intent", "value": "pi_1"}]"#;
        assert_eq!(proofs(open), [Proof { key: "order_id".into(), value: "7".into() }]);
        let hidden = r#"[{"name": "_stripe_intent_id", "value": "pi_1"}]"#;
        assert_eq!(proofs(hidden).len(), 1, "Shopify lets visitors set it");
        let both = r#"[{"key": "payment_intent", "value": "pi_of_another"}, {"key": "_stripe_intent_id", "value": "pi_1"}]"#;
        assert_eq!(proofs(both), []);
        assert_eq!(read(both).unwrap().reference, "pi_1");
    }

    #[test]
    fn a_name_without_a_reference_hides_no_other() {
        let json =
            r#"[{"key": "payment_intent", "value": 7}, {"name": "_stripe_intent_id", "value": "pi_1"}]"#;
        assert_eq!(read(json).unwrap().reference, "pi_1");
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
