//! `/labels/{label_id}`: the labels themselves, as PDF or (with `.zpl`) for label printers.

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

use crate::http::error::ApiError;
use crate::http::extract::{ApiKey, PathParams};
use crate::http::state::Gateway;
use crate::read_model::Format;

/// `GET /labels/{label_id}` and `GET /labels/{label_id}.zpl`
pub(crate) async fn show(
    State(gateway): State<Gateway>,
    _: ApiKey,
    PathParams(label): PathParams<String>,
) -> Result<Response, ApiError> {
    let (label_id, format) = match label.strip_suffix(".zpl") {
        Some(label_id) => (label_id, Format::Zpl),
        None => (label.strip_suffix(".pdf").unwrap_or(&label), Format::Pdf),
    };
    // Postgres cannot even be asked for it.
    if label_id.contains('\0') {
        return Err(ApiError::LabelUnknown);
    }
    let document = gateway.storage.read(gateway.records.label(label_id, format)).await?;
    let document = document.ok_or(ApiError::LabelUnknown)?;
    // It carries an address.
    let headers = [(CONTENT_TYPE, format.content_type()), (CACHE_CONTROL, "private, no-store")];
    Ok((headers, document).into_response())
}
