//! Articles and their barcodes.

use std::collections::HashMap;

use despatch_contracts::stock::{DescribedItem, Item};
use despatch_runtime::{DbError, Row, Tx};

/// Returns the SKU and the factor of each of these codes that is a barcode.
pub(crate) async fn barcodes(tx: &Tx<'_>, codes: &[&str]) -> Result<HashMap<String, (String, i64)>, DbError> {
    if codes.is_empty() {
        return Ok(HashMap::new());
    }
    let sql = "SELECT code, sku, factor FROM inventory.barcode WHERE code = ANY ($1)";
    let rows = tx.query(sql, &[&codes]).await?;
    let row = |row: &Row| Ok((row.try_get("code")?, (row.try_get("sku")?, row.try_get("factor")?)));
    rows.iter().map(row).collect()
}

/// Keeps other transactions from describing articles until this one ends, so that none is decided by what another one is changing.
pub(crate) async fn lock_items(tx: &Tx<'_>) -> Result<(), DbError> {
    tx.execute("LOCK TABLE inventory.barcode IN SHARE ROW EXCLUSIVE MODE", &[]).await?;
    Ok(())
}

/// Creates articles, or changes what is said of them; a field that is missing stays. Each SKU comes once. Returns the articles as
/// they are now.
pub(crate) async fn set_items(tx: &Tx<'_>, items: &[&Item]) -> Result<Vec<DescribedItem>, DbError> {
    if items.is_empty() {
        return Ok(Vec::new());
    }
    let sql = "INSERT INTO inventory.item AS i
                   (sku, change, title, grams, length_mm, width_mm, height_mm, fragile, dangerous, own_box, age_checked,
                    intangible, origin, customs_code, value_minor, value_currency, cover_days)
               SELECT sku, 1, title, grams, length_mm, width_mm, height_mm, coalesce(fragile, old_fragile, false),
                      coalesce(dangerous, old_dangerous, false), coalesce(own_box, old_own_box, false),
                      coalesce(age_checked, old_age_checked, false), coalesce(intangible, old_intangible, false),
                      origin, customs_code, value_minor, value_currency, cover_days
               FROM unnest($1::text[], $2::text[], $3::int8[], $4::int8[], $5::int8[], $6::int8[], $7::bool[],
                           $8::bool[], $9::bool[], $10::bool[], $11::bool[], $12::text[], $13::text[], $14::int8[],
                           $15::text[], $16::int8[])
                    AS each (sku, title, grams, length_mm, width_mm, height_mm, fragile, dangerous, own_box,
                             age_checked, intangible, origin, customs_code, value_minor, value_currency, cover_days)
               LEFT JOIN (SELECT sku, fragile AS old_fragile, dangerous AS old_dangerous, own_box AS old_own_box,
                                 age_checked AS old_age_checked, intangible AS old_intangible
                          FROM inventory.item WHERE sku = ANY ($1)) old USING (sku)
               ORDER BY sku
               ON CONFLICT (sku) DO UPDATE SET
                   title = coalesce(excluded.title, i.title), grams = coalesce(excluded.grams, i.grams),
                   length_mm = coalesce(excluded.length_mm, i.length_mm),
                   width_mm = coalesce(excluded.width_mm, i.width_mm),
                   height_mm = coalesce(excluded.height_mm, i.height_mm),
                   fragile = excluded.fragile, dangerous = excluded.dangerous, own_box = excluded.own_box,
                   age_checked = excluded.age_checked, intangible = excluded.intangible,
                   origin = coalesce(excluded.origin, i.origin),
                   customs_code = coalesce(excluded.customs_code, i.customs_code),
                   value_minor = coalesce(excluded.value_minor, i.value_minor),
                   value_currency = coalesce(excluded.value_currency, i.value_currency),
                   cover_days = coalesce(excluded.cover_days, i.cover_days),
                   change = i.change + 1, changed_at = despatch_now()
               RETURNING sku, change, grams, length_mm, width_mm, height_mm, own_box";
    let text = |of: fn(&Item) -> Option<&str>| items.iter().map(|item| of(item)).collect::<Vec<_>>();
    let number = |of: fn(&Item) -> Option<i64>| items.iter().map(|item| of(item)).collect::<Vec<_>>();
    let flag = |of: fn(&Item) -> Option<bool>| items.iter().map(|item| of(item)).collect::<Vec<_>>();
    let rows = tx
        .returning(
            sql,
            &[
                &text(|item| Some(&item.sku)),
                &text(|item| item.title.as_deref()),
                &number(|item| item.grams),
                &number(|item| item.length_mm),
                &number(|item| item.width_mm),
                &number(|item| item.height_mm),
                &flag(|item| item.fragile),
                &flag(|item| item.dangerous),
                &flag(|item| item.own_box),
                &flag(|item| item.age_checked),
                &flag(|item| item.intangible),
                &text(|item| item.origin.as_deref()),
                &text(|item| item.customs_code.as_deref()),
                &number(|item| item.value_minor),
                &text(|item| item.value_currency.as_deref()),
                &number(|item| item.cover_days),
            ],
        )
        .await?;
    set_barcodes(tx, items).await?;
    rows.iter().map(described).collect()
}

fn described(row: &Row) -> Result<DescribedItem, DbError> {
    Ok(DescribedItem {
        sku: row.try_get("sku")?,
        change: row.try_get("change")?,
        grams: row.try_get("grams")?,
        length_mm: row.try_get("length_mm")?,
        width_mm: row.try_get("width_mm")?,
        height_mm: row.try_get("height_mm")?,
        own_box: row.try_get("own_box")?,
    })
}

/// Adds barcodes, changes their factors, or removes those with the factor 0.
async fn set_barcodes(tx: &Tx<'_>, items: &[&Item]) -> Result<(), DbError> {
    let barcodes: Vec<_> = items
        .iter()
        .flat_map(|item| {
            item.barcodes.iter().map(|barcode| (item.sku.as_str(), barcode.code.as_str(), barcode.factor))
        })
        .collect();
    if barcodes.is_empty() {
        return Ok(());
    }
    let sql = "WITH each AS (
                   SELECT * FROM unnest($1::text[], $2::text[], $3::int8[]) AS each (sku, code, factor)
               ), removed AS (
                   DELETE FROM inventory.barcode b USING each WHERE b.code = each.code AND each.factor = 0
               )
               INSERT INTO inventory.barcode AS b (code, sku, factor)
               SELECT code, sku, factor FROM each WHERE factor > 0 ORDER BY code
               ON CONFLICT (code) DO UPDATE SET factor = excluded.factor WHERE b.sku = excluded.sku";
    let skus: Vec<&str> = barcodes.iter().map(|(sku, ..)| *sku).collect();
    let codes: Vec<&str> = barcodes.iter().map(|(_, code, _)| *code).collect();
    let factors: Vec<i64> = barcodes.iter().map(|(.., factor)| *factor).collect();
    tx.execute(sql, &[&skus, &codes, &factors]).await?;
    Ok(())
}
