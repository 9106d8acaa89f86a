//! Articles and locations: the schema of `inventory`.

use despatch_runtime::DbError;
use serde::{Deserialize, Serialize};
use tokio_postgres::types::Json;
use tokio_postgres::{GenericClient, Row};
use utoipa::ToSchema;

/// An article.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[allow(clippy::struct_excessive_bools, reason = "each is a property of the article")]
pub struct Article {
    /// The article's SKU.
    pub sku: String,
    /// The name for people.
    #[schema(required)]
    pub title: Option<String>,
    /// The weight of one unit in grams.
    #[schema(required)]
    pub grams: Option<i64>,
    /// The longest side in millimetres.
    #[schema(required)]
    pub length_mm: Option<i64>,
    /// The second side in millimetres.
    #[schema(required)]
    pub width_mm: Option<i64>,
    /// The third side in millimetres.
    #[schema(required)]
    pub height_mm: Option<i64>,
    /// Its barcodes.
    pub barcodes: Vec<ArticleBarcode>,
    /// Breaks easily.
    pub fragile: bool,
    /// Dangerous goods, such as lithium batteries.
    pub dangerous: bool,
    /// Sent in the box that it comes in.
    pub own_box: bool,
    /// Handed over to adults only.
    pub age_checked: bool,
    /// Has no units that lie anywhere.
    pub intangible: bool,
    /// The country of origin.
    #[schema(required)]
    pub origin: Option<String>,
    /// The code of the Harmonised System.
    #[schema(required)]
    pub customs_code: Option<String>,
    /// The value of one unit, in minor units of the currency.
    #[schema(required)]
    pub value_minor: Option<i64>,
    /// The value's currency.
    #[schema(required)]
    pub value_currency: Option<String>,
    /// For how many days its units should last; null for as many as the configuration says, 0 for no alert.
    #[schema(required)]
    pub cover_days: Option<i64>,
}

/// A barcode of an article.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ArticleBarcode {
    /// The digits or letters.
    pub code: String,
    /// The number of units that one scan stands for.
    pub factor: i64,
}

/// A place from which parcels are sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StockLocation {
    /// The id.
    pub id: String,
    /// The name for people.
    pub name: String,
    /// Street and number.
    pub street1: String,
    /// Further address text.
    pub street2: String,
    /// Town.
    pub city: String,
    /// State, province or county.
    pub region: String,
    /// The postcode.
    pub postcode: String,
    /// The country's ISO 3166-1 code.
    pub country: String,
    /// The time zone's IANA name.
    pub zone: String,
    /// The name of its working calendar.
    pub calendar: String,
    /// The preference among locations that serve an order equally well; lower comes first.
    pub rank: i32,
    /// How parcels are picked there.
    pub mode: String,
    /// The shops that it sells for; none for all of them.
    pub channels: Vec<String>,
}

/// Returns articles by SKU, those after `after`, at most `limit`.
pub async fn articles(db: &impl GenericClient, after: &str, limit: usize) -> Result<Vec<Article>, DbError> {
    let sql = "select sku, title, grams, length_mm, width_mm, height_mm, fragile, dangerous, own_box, age_checked,
                      intangible, origin, customs_code, value_minor, value_currency, cover_days,
                      (select coalesce(jsonb_agg(jsonb_build_object('code', code, 'factor', factor) order by code), '[]')
                         from inventory.barcode where barcode.sku = item.sku) as barcodes
               from inventory.item where sku > $1 order by sku limit $2";
    db.query(sql, &[&after, &i64::try_from(limit).unwrap_or(i64::MAX)]).await?.iter().map(article).collect()
}

/// Returns all locations by rank.
pub async fn locations(db: &impl GenericClient) -> Result<Vec<StockLocation>, DbError> {
    let sql = "select id, name, street1, street2, city, region, postcode, country, zone, calendar, rank, mode, channels
               from inventory.location order by rank, id";
    db.query(sql, &[]).await?.iter().map(location).collect()
}

fn article(row: &Row) -> Result<Article, DbError> {
    let Json(barcodes) = row.try_get("barcodes")?;
    Ok(Article {
        sku: row.try_get("sku")?,
        title: row.try_get("title")?,
        grams: row.try_get("grams")?,
        length_mm: row.try_get("length_mm")?,
        width_mm: row.try_get("width_mm")?,
        height_mm: row.try_get("height_mm")?,
        barcodes,
        fragile: row.try_get("fragile")?,
        dangerous: row.try_get("dangerous")?,
        own_box: row.try_get("own_box")?,
        age_checked: row.try_get("age_checked")?,
        intangible: row.try_get("intangible")?,
        origin: row.try_get("origin")?,
        customs_code: row.try_get("customs_code")?,
        value_minor: row.try_get("value_minor")?,
        value_currency: row.try_get("value_currency")?,
        cover_days: row.try_get("cover_days")?,
    })
}

fn location(row: &Row) -> Result<StockLocation, DbError> {
    Ok(StockLocation {
        id: row.try_get("id")?,
        name: row.try_get("name")?,
        street1: row.try_get("street1")?,
        street2: row.try_get("street2")?,
        city: row.try_get("city")?,
        region: row.try_get("region")?,
        postcode: row.try_get("postcode")?,
        country: row.try_get("country")?,
        zone: row.try_get("zone")?,
        calendar: row.try_get("calendar")?,
        rank: row.try_get("rank")?,
        mode: row.try_get("mode")?,
        channels: row.try_get("channels")?,
    })
}
