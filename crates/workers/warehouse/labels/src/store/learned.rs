//! The worker's copy of what inventory says of articles and locations.

use std::collections::HashMap;

use despatch_contracts::order::Address;
use despatch_contracts::stock::{DescribedItem, LocationDescribed};
use despatch_routing::{Measures, Sides};
use despatch_runtime::{DbError, Tx};
use serde::Deserialize;

/// A row of `labels.item`, as JSON.
#[derive(Debug, Deserialize)]
pub(super) struct Item {
    sku: String,
    grams: Option<i64>,
    length_mm: Option<i64>,
    width_mm: Option<i64>,
    height_mm: Option<i64>,
    own_box: bool,
}

/// A row of `labels.location`, as JSON.
#[derive(Debug, Deserialize)]
pub(super) struct Location {
    name: String,
    company: String,
    street1: String,
    street2: String,
    city: String,
    region: String,
    postcode: String,
    country: String,
    phone: String,
}

/// Returns the measures of articles by SKU. Sides count only if all three are known.
pub(super) fn measures(items: Vec<Item>) -> HashMap<String, Measures> {
    let positive = |measure: Option<i64>| u64::try_from(measure?).ok().filter(|measure| *measure > 0);
    let read = |item: Item| {
        let sides = [item.length_mm, item.width_mm, item.height_mm].map(positive);
        let sides = match sides {
            [Some(length), Some(width), Some(height)] => Some(Sides::new([length, width, height])),
            _ => None,
        };
        (item.sku, Measures { grams: positive(item.grams), sides, is_own_box: item.own_box })
    };
    items.into_iter().map(read).collect()
}

impl From<Location> for Address {
    fn from(location: Location) -> Self {
        let Location { name, company, street1, street2, city, region, postcode, country, phone } = location;
        Address { name, company, street1, street2, city, region, postcode, country, phone }
    }
}

/// Keeps the latest descriptions of articles.
pub(crate) async fn learn_items(tx: &Tx<'_>, items: &[DescribedItem]) -> Result<(), DbError> {
    let sql = "insert into labels.item as i (sku, change, grams, length_mm, width_mm, height_mm, own_box)
        select * from unnest($1::text[], $2::int8[], $3::int8[], $4::int8[], $5::int8[], $6::int8[], $7::bool[])
                as each(sku, change, grams, length_mm, width_mm, height_mm, own_box)
        order by sku
        on conflict (sku) do update set change = excluded.change, grams = excluded.grams,
            length_mm = excluded.length_mm, width_mm = excluded.width_mm, height_mm = excluded.height_mm,
            own_box = excluded.own_box
        where i.change < excluded.change";
    let number = |of: fn(&DescribedItem) -> Option<i64>| items.iter().map(of).collect::<Vec<_>>();
    tx.execute(
        sql,
        &[
            &items.iter().map(|item| item.sku.as_str()).collect::<Vec<_>>(),
            &items.iter().map(|item| item.change).collect::<Vec<_>>(),
            &number(|item| item.grams),
            &number(|item| item.length_mm),
            &number(|item| item.width_mm),
            &number(|item| item.height_mm),
            &items.iter().map(|item| item.own_box).collect::<Vec<_>>(),
        ],
    )
    .await?;
    Ok(())
}

/// Keeps the latest address of a location.
pub(crate) async fn learn_location(tx: &Tx<'_>, location: &LocationDescribed) -> Result<(), DbError> {
    let sql = "insert into labels.location as l (id, change, name, company, street1, street2, city, region, postcode,
                                                 country, phone)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        on conflict (id) do update set change = excluded.change, name = excluded.name, company = excluded.company,
            street1 = excluded.street1, street2 = excluded.street2, city = excluded.city, region = excluded.region,
            postcode = excluded.postcode, country = excluded.country, phone = excluded.phone
        where l.change < excluded.change";
    let Address { name, company, street1, street2, city, region, postcode, country, phone } =
        &location.address.clone().unwrap_or_default();
    let (id, change) = (&location.location, location.change);
    tx.execute(sql, &[id, &change, name, company, street1, street2, city, region, postcode, country, phone])
        .await?;
    Ok(())
}
