//! Creates locations, and changes what is said of them.

use despatch_contracts::Event as _;
use despatch_contracts::order::Address;
use despatch_contracts::stock::{Location, LocationDescribed, LocationSet};
use despatch_domain::country;
use despatch_runtime::{Handler, Policy, Tx};

use crate::error::InventoryError;
use crate::request::{self, check_text};
use crate::row_result::{RowError, RowResult, storable};
use crate::store;

/// The only mode: a parcel counts as picked as soon as it is paid.
const INSTANT: &str = "instant";

/// Creates and changes locations.
#[derive(Debug)]
pub struct SetLocation;

impl Handler for SetLocation {
    const NAME: &'static str = "inventory.set-location";
    const POLICY: Policy = request::ALONE;
    type In = LocationSet;
    type Out = Option<LocationDescribed>;
    type Error = InventoryError;

    async fn record(
        &self,
        event: &LocationSet,
        tx: &Tx<'_>,
    ) -> Result<Option<LocationDescribed>, InventoryError> {
        let Some(request) = request::new(tx, event.request.as_ref()).await? else { return Ok(None) };
        let location = event.location.clone().unwrap_or_default();
        let result = RowResult::booked(0, "", &location.id, 0);
        let (described, result) = match check(&location) {
            Ok(()) => (store::set_location(tx, &location).await?, result),
            Err(error) => (None, result.refused(error)),
        };
        request::record(tx, &request, (LocationSet::TYPE, &storable(&location.id)), vec![result], false)
            .await?;
        Ok(described)
    }
}

fn check(location: &Location) -> Result<(), RowError> {
    check_text("a location's id", &location.id)?;
    for (what, text) in [("a name", &location.name), ("a calendar", &location.calendar)] {
        text.as_deref().map_or(Ok(()), |text| check_text(what, text))?;
    }
    if let Some(mode) = location.mode.as_deref().filter(|mode| *mode != INSTANT) {
        let why = if mode == "handled" { ", because picking by hand does not exist yet" } else { "" };
        return Err(RowError::new("mode-unknown", format!("mode: expected {INSTANT}, found {mode:?}{why}")));
    }
    if let Some(zone) = location.zone.as_deref()
        && jiff::tz::TimeZone::get(zone).is_err()
    {
        let error = format!("zone: expected an IANA time zone such as Europe/Berlin, found {zone:?}");
        return Err(RowError::new("zone-unknown", error));
    }
    if let Some(address) = &location.address {
        let Address { name, company, street1, street2, city, region, postcode, phone, .. } = address;
        let parts = [name, company, street1, street2, city, region, postcode, phone];
        parts.iter().filter(|part| !part.is_empty()).try_for_each(|part| check_text("an address", part))?;
        country::check(&address.country)
            .map_err(|error| RowError::new("country-unknown", format!("address.country: {error}")))?;
    }
    let channels = location.channels.iter().flat_map(|channels| &channels.names);
    channels.into_iter().try_for_each(|name| check_text("a channel", name))
}
