//! The frame of every request about stock: it is worked on once, its rows are checked against what is known, and its results are
//! recorded.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use despatch_contracts::stock::StockRequest;
use despatch_domain::similar::similar;
use despatch_runtime::{DbError, Policy, Tx};

use crate::error::InventoryError;
use crate::row_result::{RowError, RowResult, storable};
use crate::store;

/// The longest SKU, location, barcode and name, in bytes.
const LONGEST: usize = 200;

/// The most units of a row. It keeps sums far from the limit of the counters.
const MOST_UNITS: i64 = 1_000_000_000;

/// The policy of handlers that lock rows and decide by them: each request has a transaction of its own, because a lock keeps
/// nobody out who shares the transaction.
pub(crate) const ALONE: Policy = Policy { batch: 1, ..Policy::DEFAULT };

/// Returns the request, unless it was worked on before.
pub(crate) async fn new(
    tx: &Tx<'_>,
    request: Option<&StockRequest>,
) -> Result<Option<StockRequest>, InventoryError> {
    let request = request.filter(|request| !request.request_id.is_empty());
    let StockRequest { request_id, requested_by, by, note } =
        request.ok_or(InventoryError::RequestMissing)?;
    let request = StockRequest {
        request_id: storable(request_id),
        requested_by: storable(requested_by),
        by: storable(by),
        note: storable(note),
    };
    Ok((!store::is_request_known(tx, &request.request_id).await?).then_some(request))
}

/// Records what became of a request. `kind` is the event's type; `name` that of the delivery or transfer, if any.
pub(crate) async fn record(
    tx: &Tx<'_>,
    request: &StockRequest,
    (kind, name): (&'static str, &str),
    results: Vec<RowResult>,
    needs_second: bool,
) -> Result<(), DbError> {
    let refused = results.iter().filter(|result| result.is_refused()).count();
    store::record_request(tx, request, (kind, name), (refused, needs_second), results).await
}

/// The SKUs and locations that a request may name.
pub(crate) struct Known {
    locations: BTreeSet<String>,
    /// SKUs that no article has, each with the article that it probably stands for.
    strangers: BTreeMap<String, Option<String>>,
    /// The strangers that are barcodes, each with the article and the units that it stands for.
    barcodes: HashMap<String, (String, i64)>,
}

impl Known {
    /// Reads the locations, and which of these SKUs are articles.
    pub(crate) async fn read(tx: &Tx<'_>, skus: BTreeSet<&str>) -> Result<Self, DbError> {
        let mut known = Known::read_new(tx, skus).await?;
        let unknown: Vec<String> = known.strangers.keys().cloned().collect();
        let near = if unknown.is_empty() { Vec::new() } else { store::skus_near(tx, &unknown).await? };
        for (sku, meant) in &mut known.strangers {
            *meant = similar(sku, near.iter().map(String::as_str)).map(str::to_owned);
        }
        Ok(known)
    }

    /// Reads the locations, and which of these SKUs are articles, for a request that may make others known.
    pub(crate) async fn read_new(tx: &Tx<'_>, skus: BTreeSet<&str>) -> Result<Self, DbError> {
        let locations = store::location_ids(tx).await?;
        // PostgreSQL stores no text with a NUL, and such a SKU is refused anyway.
        let skus: Vec<&str> = skus.into_iter().filter(|sku| check_text("a SKU", sku).is_ok()).collect();
        let unknown = store::unknown_skus(tx, &skus).await?;
        let codes: Vec<&str> = unknown.iter().map(String::as_str).collect();
        let barcodes = store::barcodes(tx, &codes).await?;
        let strangers = unknown.into_iter().map(|sku| (sku, None)).collect();
        Ok(Known { locations, strangers, barcodes })
    }

    /// Returns whether no article has this SKU.
    pub(crate) fn is_new(&self, sku: &str) -> bool {
        self.strangers.contains_key(sku)
    }

    /// Fails if this is no SKU, but a barcode of an article.
    pub(crate) fn check_is_no_barcode(&self, sku: &str) -> Result<(), RowError> {
        let Some((article, factor)) = self.barcodes.get(sku) else { return Ok(()) };
        let stands = if *factor == 1 { "a unit".to_owned() } else { format!("{factor} units") };
        let error = format!(
            "expected a SKU, found {sku:?}, the barcode of {stands} of {article:?}: name the article, and count its units"
        );
        Err(RowError::new("sku-is-barcode", error))
    }

    /// Fails unless a location has this id.
    pub(crate) fn check_location(&self, id: &str) -> Result<(), RowError> {
        if id.is_empty() {
            return Err(RowError::new("location-missing", "expected a location, found none"));
        }
        if self.locations.contains(id) {
            return Ok(());
        }
        let known = self.locations.iter().map(String::as_str);
        let hint = match similar(id, known) {
            Some(near) => format!("did you mean {near:?}? Create"),
            None => "create".to_owned(),
        };
        let error = format!("expected a location, found {id:?}: {hint} one with `despatch locations set`");
        Err(RowError::new("location-unknown", error))
    }

    /// Fails unless an article has this SKU.
    pub(crate) fn check_sku(&self, sku: &str) -> Result<(), RowError> {
        check_text("a SKU", sku)?;
        self.check_is_no_barcode(sku)?;
        let Some(meant) = self.strangers.get(sku) else { return Ok(()) };
        let hint = match meant {
            Some(near) => format!("did you mean {near:?}? A"),
            None => "a".to_owned(),
        };
        let error = format!(
            "expected a known SKU, found {sku:?}: {hint} receipt or `despatch items set` makes an article known"
        );
        Err(RowError::new("sku-unknown", error))
    }
}

/// Fails unless the text can be a SKU or another key.
pub(crate) fn check_text(what: &str, text: &str) -> Result<(), RowError> {
    if text.is_empty() {
        return Err(RowError::new("text-missing", format!("expected {what}, found none")));
    }
    if text.len() > LONGEST || text.chars().any(char::is_control) || text.trim() != text {
        let shown: String = text.chars().take(LONGEST).collect();
        let error = format!(
            "expected {what} of at most {LONGEST} bytes without control characters and outer spaces, found {shown:?}"
        );
        return Err(RowError::new("text-invalid", error));
    }
    Ok(())
}

/// Fails unless the quantity is within `least` and the most that a row may have.
pub(crate) fn check_quantity(field: &str, quantity: i64, least: i64) -> Result<(), RowError> {
    if (least..=MOST_UNITS).contains(&quantity) {
        return Ok(());
    }
    let error = format!("{field}: expected {least} to {MOST_UNITS} units, found {quantity}");
    Err(RowError::new("quantity-invalid", error))
}
