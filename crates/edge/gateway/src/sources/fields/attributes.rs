//! The named values that plugins and checkouts add to a shop's order: gifts, tax ids, languages.

use serde_json::Value;

use super::intent::Attribute;
use super::json::is_yes;

/// Names under which shops' plugins keep the buyer's tax id.
const TAX_ID: [&str; 16] = [
    "vat_number",
    "vat_id",
    "vat",
    "tax_id",
    "tax_number",
    "eu_vat_number",
    "billing_vat_number",
    "billing_vat_id",
    "billing_vat",
    "billing_eu_vat_number",
    "billing_tax_id",
    "billing_nif",
    "billing_cpf",
    "billing_cnpj",
    "partita_iva",
    "billing_piva",
];

/// Names under which shops' plugins keep the language of an order.
const LANGUAGE: [&str; 5] =
    ["wpml_language", "trp_language", "pll_language", "customer_locale", "billing_language"];

/// Names of a mark that an order is a gift.
const GIFT: [&str; 3] = ["is_gift", "gift", "gift_order"];

/// The longest value that is kept, in bytes.
const LONGEST: usize = 100;

/// Returns the buyer's tax id; empty if there is none.
pub(crate) fn tax_id(attributes: &[Attribute]) -> String {
    text(attributes, &TAX_ID)
}

/// Returns the language of the order as BCP 47 writes it; empty if there is none.
pub(crate) fn language(attributes: &[Attribute]) -> String {
    text(attributes, &LANGUAGE).replace('_', "-")
}

/// Returns whether the order is marked as a gift.
pub(crate) fn is_gift(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|it| is_named(it, &GIFT) && is_yes(&it.value))
}

/// Returns the value of the first attribute of this key.
pub(crate) fn value<'a>(attributes: &'a [Attribute], key: &str) -> Option<&'a Value> {
    attributes.iter().find(|it| it.key.as_str() == Some(key)).map(|it| &it.value)
}

fn text(attributes: &[Attribute], names: &[&str]) -> String {
    let value = |it: &Attribute| {
        let value = it.value.as_str()?.trim();
        (!value.is_empty() && value.len() <= LONGEST && !value.contains('\0')).then(|| value.to_owned())
    };
    attributes.iter().filter(|it| is_named(it, names)).find_map(value).unwrap_or_default()
}

/// Whether an attribute has one of these names, however it writes case, spaces and a leading underscore.
fn is_named(attribute: &Attribute, names: &[&str]) -> bool {
    [&attribute.name, &attribute.key].into_iter().filter_map(Value::as_str).any(|said| {
        let said = said.trim().trim_start_matches('_').to_ascii_lowercase().replace([' ', '-'], "_");
        names.contains(&&*said)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes(json: &str) -> Vec<Attribute> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn plugins_names_are_known_however_they_are_written() {
        for json in [
            r#"[{"key": "_billing_vat_number", "value": "DE123456789"}]"#,
            r#"[{"name": "VAT number", "value": " DE123456789 "}]"#,
            r#"[{"name": "vat-id", "value": ""}, {"name": "Tax ID", "value": "DE123456789"}]"#,
        ] {
            assert_eq!(tax_id(&attributes(json)), "DE123456789", "{json}");
        }
        assert_eq!(language(&attributes(r#"[{"key": "trp_language", "value": "pt_BR"}]"#)), "pt-BR");
        for json in [r#"[{"name": "Is gift", "value": "Yes"}]"#, r#"[{"key": "_gift", "value": 1}]"#] {
            assert!(is_gift(&attributes(json)), "{json}");
        }
    }

    #[test]
    fn anything_else_says_nothing() {
        for json in [
            "[]",
            "[{}]",
            r#"[{"name": "vat_number", "value": 7}, {"name": "gift", "value": "no"}]"#,
            r#"[{"name": "vat_number", "value": "\u0000"}, {"name": "gift", "value": {}}]"#,
        ] {
            let attributes = attributes(json);
            assert_eq!((tax_id(&attributes), language(&attributes)), (String::new(), String::new()));
            assert!(!is_gift(&attributes), "{json}");
        }
    }
}
