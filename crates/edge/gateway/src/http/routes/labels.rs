//! `/labels/{label_id}`: labels as PDF or, with `.zpl`, for label printers.

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use despatch_read_model::labels::LabelFormat;

use crate::http::description::{TooMany, Unauthorised, Unavailable, Unknown};
use crate::http::error::ApiError;
use crate::http::extract::{ApiKey, PathParams};
use crate::http::state::Gateway;

/// A label
#[utoipa::path(
    get,
    path = "/labels/{label}",
    operation_id = "showLabel",
    security(("apiKey" = [])),
    params(("label" = String, Path,
        description = "The label's id; with `.zpl` at its end for label printers, with `.pdf` or nothing for a PDF.")),
    responses(
        (status = 200, description = "The label.", content(("application/pdf"), ("application/zpl"))),
        (status = 401, response = Unauthorised),
        (status = 404, response = Unknown),
        (status = 429, response = TooMany),
        (status = 503, response = Unavailable)
    )
)]
pub(crate) async fn show(
    State(gateway): State<Gateway>,
    _: ApiKey,
    PathParams(label): PathParams<String>,
) -> Result<Response, ApiError> {
    let (label_id, format) = match label.strip_suffix(".zpl") {
        Some(label_id) => (label_id, LabelFormat::Zpl),
        None => (label.strip_suffix(".pdf").unwrap_or(&label), LabelFormat::Pdf),
    };
    // PostgreSQL does not accept this character in a query.
    if label_id.contains('\0') {
        return Err(ApiError::LabelUnknown);
    }
    let document = gateway.storage.read(gateway.read_model.label(label_id, format)).await?;
    let document = document.ok_or(ApiError::LabelUnknown)?;
    // The label holds an address.
    let headers = [(CONTENT_TYPE, content_type(format)), (CACHE_CONTROL, "private, no-store")];
    Ok((headers, document).into_response())
}

/// Returns the media type of a format.
fn content_type(format: LabelFormat) -> &'static str {
    match format {
        LabelFormat::Pdf => "application/pdf",
        LabelFormat::Zpl => "application/zpl",
    }
}
