//! Bundles: a container line and the lines of its articles, as WooCommerce's plugins mark them.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::webhook::Item;
use crate::sources::fields::attributes::value;
use crate::sources::fields::json::is_yes;

/// Meta data by which plugins tie an article to its container: the container's key, and the article's reference to it.
const KEYS: [(&str, &str); 4] = [
    ("_bundle_cart_key", "_bundled_by"),
    ("_composite_cart_key", "_composite_parent"),
    ("_mnm_cart_key", "_mnm_container"),
    ("_yith_bundle_cart_key", "_bundled_by"),
];

/// Meta data by which plugins name the container's product in an article's line.
const BY_PRODUCT: [&str; 3] = ["_woosb_parent_id", "_wooco_parent_id", "_yith_wcpb_parent_id"];

/// The position of each article's container among the items.
pub(super) struct Bundles {
    container_of: HashMap<usize, usize>,
    /// The containers that are packed in the shop and travel as one piece.
    assembled: HashSet<usize>,
}

/// A line's role in a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// In no bundle.
    None,
    /// Of the container at this position: sent, while the container is not.
    Article(usize),
    /// Of an assembled container at this position, which is sent in its place.
    Packed(usize),
    /// A container of articles that are sent.
    Container,
}

impl Bundles {
    /// Finds the bundles among the items of an order.
    pub(super) fn of(items: &[Item]) -> Self {
        let by_id: HashMap<&str, usize> = (0..).zip(items).map(|(at, item)| (&*item.id, at)).collect();
        let mut by_key = HashMap::new();
        let mut by_product = HashMap::new();
        for (at, item) in items.iter().enumerate() {
            for (key, _) in KEYS {
                if let Some(key_text) = meta(item, key) {
                    by_key.entry((key, key_text)).or_insert(at);
                }
            }
            by_product.entry(&*item.product_id).or_insert(at);
        }
        let mut container_of = HashMap::new();
        for (at, item) in items.iter().enumerate() {
            let said = [&item.bundled_by, &item.composite_parent, &item.mnm_container];
            let by_id = said.into_iter().filter_map(|id| by_id.get(&*id_text(id)?).copied());
            let by_key = KEYS
                .iter()
                .filter_map(|(key, reference)| by_key.get(&(*key, meta(item, reference)?)).copied());
            let by_product = BY_PRODUCT.iter().filter_map(|key| by_product.get(&*meta(item, key)?).copied());
            let found = by_id.chain(by_key).chain(by_product).find(|container| *container != at);
            if let Some(container) = found {
                container_of.insert(at, container);
            }
        }
        // A container may list its articles, too.
        for (at, item) in items.iter().enumerate() {
            let lists = [&item.bundled_items, &item.composite_children, &item.mnm_contents];
            let listed = lists.into_iter().filter_map(Value::as_array).flatten().filter_map(id_text);
            for article in listed.filter_map(|id| by_id.get(&*id).copied()).filter(|article| *article != at) {
                container_of.entry(article).or_insert(at);
            }
        }
        // Two lines that name each other are none.
        let tied = container_of.clone();
        container_of.retain(|article, container| tied.get(container) != Some(article));
        let mut assembled: HashSet<usize> = container_of.values().copied().collect();
        for (article, container) in &container_of {
            let needs_shipping = value(&items[*article].meta_data, "_bundled_item_needs_shipping");
            if needs_shipping.is_none_or(is_yes) {
                assembled.remove(container);
            }
        }
        Bundles { container_of, assembled }
    }

    /// Returns the role of the line at this position.
    pub(super) fn role(&self, at: usize) -> Role {
        match self.container_of.get(&at) {
            Some(container) if self.assembled.contains(container) => Role::Packed(*container),
            // A composite may hold a bundle.
            Some(_) | None if self.is_container(at) && !self.assembled.contains(&at) => Role::Container,
            Some(container) => Role::Article(*container),
            None => Role::None,
        }
    }

    fn is_container(&self, at: usize) -> bool {
        self.container_of.values().any(|container| *container == at)
    }
}

fn meta(item: &Item, key: &str) -> Option<String> {
    id_text(value(&item.meta_data, key)?)
}

/// Returns an id that is a number or a text; `None` for anything else, and for `""` and `0`, which are none.
fn id_text(id: &Value) -> Option<String> {
    let text = match id {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_owned(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    (!text.is_empty() && text != "0").then_some(text)
}
