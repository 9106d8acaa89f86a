//! `/v1/stock`: how many units there are, and why.

use axum::Json;
use axum::extract::State;
use despatch_read_model::stock::{
    LevelFilter, MovementFilter, SkuStock, StockLevel, StockMovement, StockOpening,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::http::description::{self, TooMany, Unauthorised, Unavailable, Unknown};
use crate::http::error::ApiError;
use crate::http::extract::{ApiKey, PathParams, QueryParams};
use crate::http::state::Gateway;
use crate::sources::fields::json::Invalid;

/// Entries of a page, by default.
const PAGE: u32 = 100;

/// The most entries of a page.
const LARGEST_PAGE: u32 = 1000;

/// Units of SKUs at locations, by SKU and location.
#[derive(Serialize, ToSchema)]
pub(crate) struct StockList {
    pub(crate) levels: Vec<StockLevel>,
    /// The end of this page: `after` of the next one; null at the end.
    #[schema(required)]
    pub(crate) next: Option<String>,
}

/// Movements of a SKU, the oldest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct MovementList {
    pub(crate) movements: Vec<StockMovement>,
    /// Where the units were at the time since which movements are kept; on the first page alone, and null if all are kept.
    #[schema(required)]
    pub(crate) opening: Option<StockOpening>,
    /// The end of this page: `after` of the next one; null at the end.
    #[schema(required)]
    pub(crate) next: Option<String>,
}

/// Which levels.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct LevelPage {
    /// Only this location.
    location: Option<String>,
    /// Continue after the last page's `next`.
    #[serde(default)]
    after: String,
    /// List at most so many: 1 to 1,000, by default 100.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// Which movements.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct MovementPage {
    /// Only this location.
    location: Option<String>,
    /// Only movements until this time. Earlier than the time since which movements are kept, it is refused.
    until: Option<Timestamp>,
    /// Continue after the last page's `next`.
    #[serde(default)]
    after: String,
    /// List at most so many: 1 to 1,000, by default 100.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// Returns the number of entries of a page.
pub(super) fn limit(asked: Option<u32>) -> Result<usize, Invalid> {
    let limit = asked.unwrap_or(PAGE);
    if !(1..=LARGEST_PAGE).contains(&limit) {
        return Err(Invalid::new("limit", format!("expected 1 to {LARGEST_PAGE}, found {limit}")));
    }
    Ok(limit as usize)
}

/// Refuses a character that PostgreSQL does not accept in a query.
pub(super) fn stored(field: &str, text: &str) -> Result<(), Invalid> {
    if text.contains('\0') { Err(Invalid::new(field, "expected text without U+0000")) } else { Ok(()) }
}

/// List units of SKUs at locations
#[utoipa::path(
    get,
    path = "/v1/stock",
    operation_id = "listStock",
    security(("apiKey" = [])),
    params(LevelPage),
    responses(
        (status = 200, description = "The units.", body = StockList),
        (status = 400, response = description::Invalid),
        (status = 401, response = Unauthorised),
        (status = 429, response = TooMany),
        (status = 503, response = Unavailable)
    )
)]
pub(crate) async fn list(
    State(gateway): State<Gateway>,
    _: ApiKey,
    QueryParams(page): QueryParams<LevelPage>,
) -> Result<Json<StockList>, ApiError> {
    let limit = limit(page.limit)?;
    stored("location", page.location.as_deref().unwrap_or_default())?;
    stored("after", &page.after)?;
    // A slash is in no location's id.
    let (location, sku) = page.after.split_once('/').unwrap_or_default();
    let filter = LevelFilter { location: page.location.as_deref(), after: (sku, location) };
    let levels = gateway.storage.read(gateway.read_model.stock_levels(filter, limit)).await?;
    let next = levels.last().filter(|_| levels.len() == limit);
    let next = next.map(|level| format!("{}/{}", level.location, level.sku));
    Ok(Json(StockList { levels, next }))
}

/// Units of a SKU at each location
#[utoipa::path(
    get,
    path = "/v1/stock/{sku}",
    operation_id = "showStock",
    security(("apiKey" = [])),
    params(("sku" = String, Path, description = "The article.")),
    responses(
        (status = 200, description = "The units.", body = SkuStock),
        (status = 401, response = Unauthorised),
        (status = 404, response = Unknown),
        (status = 429, response = TooMany),
        (status = 503, response = Unavailable)
    )
)]
pub(crate) async fn show(
    State(gateway): State<Gateway>,
    _: ApiKey,
    PathParams(sku): PathParams<String>,
) -> Result<Json<SkuStock>, ApiError> {
    stored("sku", &sku).map_err(|_| ApiError::SkuUnknown)?;
    let stock = gateway.storage.read(gateway.read_model.stock_of(&sku)).await?;
    stock.map(Json).ok_or(ApiError::SkuUnknown)
}

/// Every movement of a SKU, with its cause
#[utoipa::path(
    get,
    path = "/v1/stock/{sku}/movements",
    operation_id = "explainStock",
    security(("apiKey" = [])),
    params(("sku" = String, Path, description = "The article."), MovementPage),
    responses(
        (status = 200, description = "The movements.", body = MovementList),
        (status = 400, response = description::Invalid),
        (status = 401, response = Unauthorised),
        (status = 404, response = Unknown),
        (status = 429, response = TooMany),
        (status = 503, response = Unavailable)
    )
)]
pub(crate) async fn explain(
    State(gateway): State<Gateway>,
    _: ApiKey,
    PathParams(sku): PathParams<String>,
    QueryParams(page): QueryParams<MovementPage>,
) -> Result<Json<MovementList>, ApiError> {
    let limit = limit(page.limit)?;
    stored("location", page.location.as_deref().unwrap_or_default())?;
    stored("sku", &sku).map_err(|_| ApiError::SkuUnknown)?;
    let after = match &*page.after {
        "" => None,
        after => Some(movement(after).ok_or_else(|| {
            Invalid::new("after", format!("expected `next` of the page before, found {after:?}"))
        })?),
    };
    let location = page.location.as_deref();
    let filter = MovementFilter { sku: &sku, location, until: page.until, after };
    let movements = gateway.storage.read(gateway.read_model.movements(filter, limit)).await?;
    if movements.is_empty() && gateway.storage.read(gateway.read_model.stock_of(&sku)).await?.is_none() {
        return Err(ApiError::SkuUnknown);
    }
    let opening = match after {
        None => gateway.storage.read(gateway.read_model.opening_stock(&sku, location)).await?,
        Some(_) => None,
    };
    if let (Some(until), Some(at)) = (page.until, opening.as_ref().map(|opening| opening.at))
        && until < at
    {
        let expected =
            format!("expected a time since {at}, because earlier movements are not kept, found {until}");
        return Err(Invalid::new("until", expected).into());
    }
    let next = movements.last().filter(|_| movements.len() == limit);
    let next = next.map(|movement| format!("{},{}", movement.at, movement.id));
    Ok(Json(MovementList { movements, opening, next }))
}

/// Reads the place of a movement in the list.
fn movement(text: &str) -> Option<(Timestamp, i64)> {
    let (at, id) = text.rsplit_once(',')?;
    Some((at.parse().ok()?, id.parse().ok()?))
}
