//! Describes articles: weight, sides, barcodes and what else people say of them.

use std::collections::{BTreeSet, HashMap};

use despatch_contracts::Event as _;
use despatch_contracts::stock::{Item, ItemsDescribed, ItemsSet};
use despatch_domain::{Currency, country};
use despatch_runtime::{Handler, Policy, Tx};

use crate::error::InventoryError;
use crate::request::{self, check_text};
use crate::row_result::{RowError, RowResult};
use crate::store;

/// The largest measure, in grams or millimetres.
const LARGEST: i64 = 100_000_000;

/// Creates and changes articles.
#[derive(Debug)]
pub struct SetItems;

impl Handler for SetItems {
    const NAME: &'static str = "inventory.set-items";
    const POLICY: Policy = request::ALONE;
    type In = ItemsSet;
    type Out = Option<ItemsDescribed>;
    type Error = InventoryError;

    async fn record(&self, event: &ItemsSet, tx: &Tx<'_>) -> Result<Option<ItemsDescribed>, InventoryError> {
        let Some(request) = request::new(tx, event.request.as_ref()).await? else { return Ok(None) };
        store::lock_items(tx).await?;
        let codes = event.items.iter().flat_map(|item| &item.barcodes).map(|barcode| barcode.code.as_str());
        let codes: Vec<&str> = codes.filter(|code| check_text("a barcode", code).is_ok()).collect();
        let known = store::barcodes(tx, &codes).await?;
        let mut owners: HashMap<String, String> =
            known.into_iter().map(|(code, (sku, _))| (code, sku)).collect();
        let mut skus = BTreeSet::new();
        let mut results = Vec::with_capacity(event.items.len());
        let mut items = Vec::new();
        for (at, item) in event.items.iter().enumerate() {
            let result = RowResult::booked(at, &item.sku, "", 0);
            let check = check(item).and_then(|()| {
                let taken = item.barcodes.iter().find_map(|barcode| {
                    let owner = owners.get(&barcode.code).filter(|owner| **owner != item.sku)?;
                    Some(used(&barcode.code, owner))
                });
                taken.map_or(Ok(()), Err)?;
                if skus.insert(item.sku.as_str()) { Ok(()) } else { Err(twice()) }
            });
            match check {
                Ok(()) => {
                    let codes = item.barcodes.iter().map(|barcode| (barcode.code.clone(), item.sku.clone()));
                    owners.extend(codes);
                    items.push(item);
                    results.push(result);
                }
                Err(error) => results.push(result.refused(error)),
            }
        }
        let items = store::set_items(tx, &items).await?;
        request::record(tx, &request, (ItemsSet::TYPE, ""), results, false).await?;
        Ok((!items.is_empty()).then(|| ItemsDescribed { request_id: request.request_id.clone(), items }))
    }
}

fn check(item: &Item) -> Result<(), RowError> {
    check_text("a SKU", &item.sku)?;
    let Item { title, grams, length_mm, width_mm, height_mm, customs_code, .. } = item;
    let measures =
        [("grams", grams), ("length_mm", length_mm), ("width_mm", width_mm), ("height_mm", height_mm)];
    for (field, measure) in measures {
        if let Some(found) = measure.filter(|found| !(1..=LARGEST).contains(found)) {
            let error = format!("{field}: expected 1 to {LARGEST}, found {found}");
            return Err(RowError::new("measure-invalid", error));
        }
    }
    if let Some(found) = item.cover_days.filter(|found| !(0..=LARGEST).contains(found)) {
        let error = format!("cover_days: expected 0 to {LARGEST}, found {found}");
        return Err(RowError::new("measure-invalid", error));
    }
    for (what, text) in [("a title", title), ("a customs code", customs_code)] {
        text.as_deref().map_or(Ok(()), |text| check_text(what, text))?;
    }
    if let Some(origin) = &item.origin {
        country::check(origin)
            .map_err(|error| RowError::new("country-unknown", format!("origin: {error}")))?;
    }
    let mut codes = BTreeSet::new();
    for barcode in &item.barcodes {
        check_text("a barcode", &barcode.code)?;
        if !(0..=1_000_000).contains(&barcode.factor) || !codes.insert(&barcode.code) {
            let error = format!(
                "barcode {:?}: expected it once, with a factor of 0 to 1000000, found {}",
                barcode.code, barcode.factor
            );
            return Err(RowError::new("barcode-invalid", error));
        }
    }
    check_value(item)
}

fn check_value(item: &Item) -> Result<(), RowError> {
    match (item.value_minor, item.value_currency.as_deref()) {
        (None, None) => Ok(()),
        (Some(0..), Some(currency)) if currency.parse::<Currency>().is_ok() => Ok(()),
        (minor, currency) => {
            let error = format!(
                "value: expected an amount of at least 0 and a currency of ISO 4217, found {} and {:?}",
                minor.map_or_else(|| "none".to_owned(), |minor| minor.to_string()),
                currency.unwrap_or_default()
            );
            Err(RowError::new("value-invalid", error))
        }
    }
}

fn used(code: &str, owner: &str) -> RowError {
    let error = format!(
        "barcode {code:?}: expected one of this article, found one of {owner:?}; set its factor there to 0 first"
    );
    RowError::new("barcode-used", error)
}

fn twice() -> RowError {
    RowError::new("row-twice", "expected each SKU once, found another row of it in this request")
}
