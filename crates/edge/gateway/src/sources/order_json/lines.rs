//! The lines of our order JSON.

use despatch_contracts::order::{Fulfilment, Line, TaxLine};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::sources::fields::amount::Amount;
use crate::sources::fields::json::{Id, Invalid, id, or_default, text};
use crate::sources::fields::line::LineReader;
use crate::sources::fields::tax::{PERCENT, rate_ppm};

/// Units of one SKU.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Line)]
pub(super) struct LineJson {
    /// The SKU to send. May be empty if nothing is sent by us.
    #[serde(default, deserialize_with = "text")]
    sku: String,
    /// The article's name.
    #[serde(default, deserialize_with = "text")]
    title: String,
    /// The number of units.
    #[schema(required, nullable = false)]
    quantity: Option<i64>,
    /// The line's total after its discount, without the units that are `removed`.
    #[schema(required, nullable = false)]
    total: Option<Amount>,
    #[schema(inline, nullable = false)]
    fulfilment: Option<FulfilmentJson>,
    /// Of `quantity`, the units that no longer stand; they are not sent. By default none.
    #[serde(default, deserialize_with = "or_default")]
    #[schema(minimum = 0)]
    removed: i64,
    /// The shop's own id of the line.
    #[serde(default, deserialize_with = "id")]
    #[schema(value_type = Id)]
    shop_line_id: String,
    /// The shop's own id of the article.
    #[serde(default, deserialize_with = "id")]
    #[schema(value_type = Id)]
    product_id: String,
    /// The shop's own id of the variant.
    #[serde(default, deserialize_with = "id")]
    #[schema(value_type = Id)]
    variant_id: String,
    /// The price of one unit before discounts; by default unknown.
    #[schema(nullable = false)]
    unit_price: Option<Amount>,
    /// The discount that `total` contains already, positive; by default nothing.
    #[schema(nullable = false)]
    discount: Option<Amount>,
    /// The weight of one unit; by default unknown.
    #[serde(default, deserialize_with = "or_default")]
    #[schema(minimum = 0)]
    weight_grams: i64,
    /// The number of the line that is this one's bundle, from 1; by default it is in none.
    #[schema(nullable = false, minimum = 1)]
    bundle: Option<u32>,
    /// The taxes on the line. They add nothing: the order's `tax` does.
    #[serde(default, deserialize_with = "or_default")]
    taxes: Vec<TaxJson>,
}

/// A tax on a line.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Tax)]
struct TaxJson {
    /// The tax's name.
    #[serde(default, deserialize_with = "text")]
    title: String,
    /// The rate in percent, exact to a ten-thousandth; by default unknown.
    #[schema(nullable = false, minimum = 0, maximum = 1000)]
    rate_percent: Option<f64>,
    /// The amount of the tax.
    #[schema(required, nullable = false)]
    amount: Option<Amount>,
}

/// The party that brings the units to the customer; by default `ours`. Only `ours` and `pickup` are picked. `none` is a
/// line of which nothing moves, such as a bundle's container.
#[derive(Deserialize, ToSchema, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
enum FulfilmentJson {
    Ours,
    OtherService,
    Digital,
    Pickup,
    None,
}

impl From<FulfilmentJson> for Fulfilment {
    fn from(json: FulfilmentJson) -> Self {
        match json {
            FulfilmentJson::Ours => Fulfilment::Ours,
            FulfilmentJson::OtherService => Fulfilment::OtherService,
            FulfilmentJson::Digital => Fulfilment::Digital,
            FulfilmentJson::Pickup => Fulfilment::Pickup,
            FulfilmentJson::None => Fulfilment::None,
        }
    }
}

impl LineJson {
    /// Returns the line of an order of this many lines.
    pub(super) fn normalised(self, reader: LineReader, lines: usize) -> Result<Line, Invalid> {
        let quantity = reader.quantity(self.quantity)?;
        if !(0..=quantity.max(0)).contains(&self.removed) {
            let problem = format!("expected 0 to {quantity} of the units, found {}", self.removed);
            return Err(Invalid::new(reader.path("removed"), problem));
        }
        let is_line =
            |number: &u32| usize::try_from(*number).is_ok_and(|number| (1..=lines).contains(&number));
        if let Some(bundle) = self.bundle.filter(|bundle| !is_line(bundle) || *bundle == reader.number()) {
            let problem = format!("expected the number of another of the {lines} lines, found {bundle}");
            return Err(Invalid::new(reader.path("bundle"), problem));
        }
        Ok(Line {
            number: reader.number(),
            sku: self.sku,
            title: self.title,
            quantity,
            total_minor: reader.minor(self.total, "total")?,
            fulfilment: self.fulfilment.map_or(Fulfilment::Ours, Fulfilment::from).into(),
            removed: self.removed,
            shop_line_id: self.shop_line_id,
            product_id: self.product_id,
            variant_id: self.variant_id,
            unit_price_minor: reader.minor_or_zero(self.unit_price.as_ref(), "unit_price")?,
            discount_minor: reader.minor_or_zero(self.discount.as_ref(), "discount")?,
            weight_grams: self.weight_grams.max(0),
            bundle: self.bundle.unwrap_or(0),
            taxes: (0..)
                .zip(self.taxes)
                .map(|(at, tax)| tax.normalised(at, reader))
                .collect::<Result<_, _>>()?,
        })
    }
}

impl TaxJson {
    fn normalised(self, at: usize, reader: LineReader) -> Result<TaxLine, Invalid> {
        let rate_ppm = match self.rate_percent {
            None => 0,
            Some(rate) => rate_ppm(rate, PERCENT).ok_or_else(|| {
                let field = reader.path(format_args!("taxes[{at}].rate_percent"));
                Invalid::new(field, format!("expected a rate from 0 to 1000 percent, found {rate}"))
            })?,
        };
        let amount_minor = reader.minor(self.amount, format_args!("taxes[{at}].amount"))?;
        Ok(TaxLine { title: self.title, rate_ppm, amount_minor })
    }
}
