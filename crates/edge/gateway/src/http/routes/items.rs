//! `/v1/items`: what is known of articles.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use despatch_read_model::articles::Article;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::stock_requests::{StockCommandAnswers, submit};
use crate::http::description::{self, TooMany, Unauthorised, Unavailable};
use crate::http::error::ApiError;
use crate::http::extract::{ApiKey, Body, QueryParams, RequestTrace};
use crate::http::state::Gateway;
use crate::sources::fields::json;
use crate::sources::stock_json::ItemsJson;

/// Articles, by SKU.
#[derive(Serialize, ToSchema)]
pub(crate) struct ItemList {
    pub(crate) items: Vec<Article>,
    /// The SKU to continue after; null at the end.
    #[schema(required)]
    pub(crate) next: Option<String>,
}

/// A page of a list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ItemPage {
    /// Continue after this SKU.
    #[serde(default)]
    after: String,
    /// List at most so many: 1 to 1,000, by default 100.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// Describe articles
///
/// Each row has its result. A field that is left out stays unchanged.
#[utoipa::path(
    post,
    path = "/v1/items",
    operation_id = "setItems",
    security(("apiKey" = [])),
    request_body(content = ref("#/components/schemas/Items"), content_type = "application/json"),
    responses(StockCommandAnswers)
)]
pub(crate) async fn set(
    State(gateway): State<Gateway>,
    _: ApiKey,
    RequestTrace(trace): RequestTrace,
    Body(body): Body,
) -> Result<Response, ApiError> {
    let body: ItemsJson = json::read(&body)?;
    submit(&gateway, body.command()?, trace).await
}

/// List articles
#[utoipa::path(
    get,
    path = "/v1/items",
    operation_id = "listItems",
    security(("apiKey" = [])),
    params(ItemPage),
    responses(
        (status = 200, description = "The articles.", body = ItemList),
        (status = 400, response = description::Invalid),
        (status = 401, response = Unauthorised),
        (status = 429, response = TooMany),
        (status = 503, response = Unavailable)
    )
)]
pub(crate) async fn list(
    State(gateway): State<Gateway>,
    _: ApiKey,
    QueryParams(page): QueryParams<ItemPage>,
) -> Result<Json<ItemList>, ApiError> {
    let limit = super::stock::limit(page.limit)?;
    super::stock::stored("after", &page.after)?;
    let items = gateway.storage.read(gateway.read_model.articles(&page.after, limit)).await?;
    let next = items.last().filter(|_| items.len() == limit).map(|item| item.sku.clone());
    Ok(Json(ItemList { items, next }))
}
