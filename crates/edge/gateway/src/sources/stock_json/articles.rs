//! Descriptions of articles.

use despatch_contracts::stock::{Barcode, Item, ItemsSet};
use despatch_domain::{Currency, country};
use serde::Deserialize;
use utoipa::ToSchema;

use super::MOST_ROWS;
use super::asked::{StockCommand, request, stock_body};
use super::row::{number_of_rows, required, short};
use crate::sources::fields::amount::{Amount, Prices};
use crate::sources::fields::json::{Id, Invalid, id, or_default, text};

/// The largest weight in grams, and the largest side in millimetres.
const LARGEST_MEASURE: i64 = 10_000_000;

/// The most days for which units should last.
const LONGEST_COVER: i64 = 3650;

stock_body! {
    /// Descriptions of articles.
    ItemsJson as Items {
        /// The articles; at most 1,000.
        #[serde(default, deserialize_with = "or_default")]
        #[schema(required)]
        items: Vec<ItemJson>,
    }
}

/// An article. A field that is left out stays unchanged.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ItemSettings)]
struct ItemJson {
    /// The article's SKU.
    #[serde(default, deserialize_with = "id")]
    #[schema(required, value_type = Id)]
    sku: String,
    /// The name for people; at most 200 bytes.
    #[serde(default, deserialize_with = "text")]
    #[schema(max_length = 200)]
    title: String,
    /// The weight of one unit in grams.
    #[schema(nullable = false, minimum = 1)]
    grams: Option<i64>,
    /// The longest side in millimetres.
    #[schema(nullable = false, minimum = 1)]
    length_mm: Option<i64>,
    /// The second side in millimetres.
    #[schema(nullable = false, minimum = 1)]
    width_mm: Option<i64>,
    /// The third side in millimetres.
    #[schema(nullable = false, minimum = 1)]
    height_mm: Option<i64>,
    /// Barcodes to add, or to change.
    #[serde(default, deserialize_with = "or_default")]
    barcodes: Vec<BarcodeJson>,
    /// Breaks easily.
    #[schema(nullable = false)]
    fragile: Option<bool>,
    /// Dangerous goods, such as lithium batteries.
    #[schema(nullable = false)]
    dangerous: Option<bool>,
    /// Sent in the box that it comes in.
    #[schema(nullable = false)]
    own_box: Option<bool>,
    /// Handed over to adults only.
    #[schema(nullable = false)]
    age_checked: Option<bool>,
    /// Has no units that lie anywhere, such as a voucher.
    #[schema(nullable = false)]
    intangible: Option<bool>,
    /// The country of origin: its ISO 3166-1 code or its name.
    #[serde(default, deserialize_with = "text")]
    origin: String,
    /// The code of the Harmonised System: 6 to 12 digits.
    #[serde(default, deserialize_with = "id")]
    #[schema(value_type = Id)]
    customs_code: String,
    /// The value of one unit.
    #[schema(nullable = false)]
    value: Option<Amount>,
    /// The value's currency: its ISO 4217 code.
    #[serde(default, deserialize_with = "text")]
    currency: String,
    /// For how many days its units should last; fewer are an alert. 0 for never.
    #[schema(nullable = false, minimum = 0, maximum = 3650)]
    cover_days: Option<i64>,
}

/// A barcode, and how many units one scan of it stands for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Barcode)]
struct BarcodeJson {
    /// The digits or letters.
    #[serde(default, deserialize_with = "id")]
    #[schema(required, value_type = Id)]
    code: String,
    /// The number of units, e.g. 12 for a carton. 0 removes the barcode.
    #[serde(default = "one")]
    #[schema(minimum = 0)]
    factor: i64,
}

fn one() -> i64 {
    1
}

impl ItemsJson {
    pub(crate) fn command(self) -> Result<StockCommand, Invalid> {
        let request = request(self.request_id, self.requested_by, self.by, self.note)?;
        number_of_rows("items", self.items.len(), MOST_ROWS)?;
        let items = self.items.into_iter().enumerate().map(|(at, item)| item.read(at));
        let command = ItemsSet { items: items.collect::<Result<_, _>>()?, request: Some(request.clone()) };
        Ok(StockCommand::new(request, &command))
    }
}

impl ItemJson {
    fn read(self, at: usize) -> Result<Item, Invalid> {
        let field = |name: &str| format!("items[{at}].{name}");
        let sku = required(self.sku, &field("sku"))?;
        let title = short(self.title, &field("title"))?;
        for (name, measure) in [
            ("grams", self.grams),
            ("length_mm", self.length_mm),
            ("width_mm", self.width_mm),
            ("height_mm", self.height_mm),
        ] {
            if let Some(found) = measure.filter(|measure| !(1..=LARGEST_MEASURE).contains(measure)) {
                let expected = format!("expected 1 to {LARGEST_MEASURE}, found {found}");
                return Err(Invalid::new(field(name), expected));
            }
        }
        if let Some(found) = self.cover_days.filter(|days| !(0..=LONGEST_COVER).contains(days)) {
            let expected = format!("expected 0 to {LONGEST_COVER} days, found {found}");
            return Err(Invalid::new(field("cover_days"), expected));
        }
        let origin = match &*self.origin {
            "" => None,
            origin => Some(country::find(origin).map(str::to_owned).ok_or_else(|| {
                Invalid::new(
                    field("origin"),
                    format!("expected a country, e.g. DE or Germany, found {origin:?}"),
                )
            })?),
        };
        let customs_code: String =
            self.customs_code.chars().filter(|letter| !" .".contains(*letter)).collect();
        let is_code =
            customs_code.bytes().all(|byte| byte.is_ascii_digit()) && (6..=12).contains(&customs_code.len());
        if !customs_code.is_empty() && !is_code {
            let found = format!("expected 6 to 12 digits, found {:?}", self.customs_code);
            return Err(Invalid::new(field("customs_code"), found));
        }
        let currency = self.currency.to_ascii_uppercase();
        let value = match &self.value {
            None => None,
            Some(_) if Currency::parse(&currency).is_err() => {
                let found = format!("expected the value's ISO 4217 code, found {currency:?}");
                return Err(Invalid::new(field("currency"), found));
            }
            Some(value) => Some(Prices::of(&currency).minor(value, || field("value"))?),
        };
        if value.is_some_and(|minor| minor < 0) {
            return Err(Invalid::new(field("value"), "expected 0 or more"));
        }
        let barcode = |(nth, it): (usize, BarcodeJson)| {
            let field = |name: &str| field(&format!("barcodes[{nth}].{name}"));
            if !(0..=1_000_000).contains(&it.factor) {
                return Err(Invalid::new(
                    field("factor"),
                    format!("expected 0 to 1000000, found {}", it.factor),
                ));
            }
            Ok(Barcode { code: required(it.code, &field("code"))?, factor: it.factor })
        };
        let said = |text: String| Some(text).filter(|text| !text.is_empty());
        Ok(Item {
            barcodes: self.barcodes.into_iter().enumerate().map(barcode).collect::<Result<_, _>>()?,
            sku,
            title: said(title),
            grams: self.grams,
            length_mm: self.length_mm,
            width_mm: self.width_mm,
            height_mm: self.height_mm,
            fragile: self.fragile,
            dangerous: self.dangerous,
            own_box: self.own_box,
            age_checked: self.age_checked,
            intangible: self.intangible,
            origin,
            customs_code: said(customs_code),
            value_minor: value,
            value_currency: value.map(|_| currency),
            cover_days: self.cover_days,
        })
    }
}
