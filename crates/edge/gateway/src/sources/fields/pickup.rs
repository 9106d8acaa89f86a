//! Orders that the customer collects, by shops' words for their shipping methods.

/// Words of methods of collection at the shop. A pick-up *point* is a carrier's, and a parcel goes there.
const COLLECTED: [&str; 16] = [
    "local pickup",
    "local pick-up",
    "local pick up",
    "store pickup",
    "store pick-up",
    "store pick up",
    "pickup in store",
    "pick up in store",
    "pick-up in store",
    "pickup at store",
    "collect in store",
    "click & collect",
    "click and collect",
    "selbstabholung",
    "abholung im",
    "retrait en magasin",
];

/// Words of methods by which something is sent.
const SENT: [&str; 14] = [
    "ship",
    "deliver",
    "standard",
    "express",
    "post",
    "mail",
    "courier",
    "parcel",
    "versand",
    "liefer",
    "livraison",
    "env\u{ed}o",
    "spedizione",
    "verzend",
];

/// Returns whether a method is named as a collection.
pub(crate) fn is_collected(name: &str) -> bool {
    let name = name.to_lowercase();
    COLLECTED.iter().any(|word| name.contains(word))
}

/// Returns whether a method is named as a way to send something.
pub(crate) fn is_sent(name: &str) -> bool {
    let name = name.to_lowercase();
    SENT.iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collection_at_the_shop_is_not_one_at_a_carrier() {
        for name in ["Local Pickup", "In-store pick up", "Click & Collect", "Selbstabholung Berlin"] {
            assert!(is_collected(name), "{name}");
        }
        for name in ["Pickup point", "DHL Packstation", "Free Shipping", "Main Street", ""] {
            assert!(!is_collected(name), "{name}");
        }
        for name in ["Free Shipping", "Standard", "Kostenloser Versand", "UPS Express"] {
            assert!(is_sent(name), "{name}");
        }
        assert!(!is_sent("Main Street"));
    }
}
