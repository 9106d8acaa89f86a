//! Locations.

use despatch_contracts::order::Address;
use despatch_contracts::stock::{self, LocationDescribed};
use despatch_runtime::{DbError, Row, Tx};
use tokio_postgres::GenericClient;

/// Creates a location, or changes what is said of it; what is missing stays.
const SET: &str = "
    INSERT INTO inventory.location AS l (id, name, contact, company, street1, street2, city, region, postcode, country,
                                         phone, zone, calendar, rank, channels, change)
    SELECT id, coalesce(each.name, o.name, id), coalesce(each.contact, o.contact, ''),
           coalesce(each.company, o.company, ''), coalesce(each.street1, o.street1, ''),
           coalesce(each.street2, o.street2, ''), coalesce(each.city, o.city, ''), coalesce(each.region, o.region, ''),
           coalesce(each.postcode, o.postcode, ''), coalesce(each.country, o.country, ''),
           coalesce(each.phone, o.phone, ''), coalesce(each.zone, o.zone, 'UTC'),
           coalesce(each.calendar, o.calendar, ''), coalesce(each.rank, o.rank, 100),
           coalesce(each.channels, o.channels, '{}'), 1
    FROM (VALUES ($1::text, $2::text, $3::text, $4::text, $5::text, $6::text, $7::text, $8::text, $9::text, $10::text,
                  $11::text, $12::text, $13::text, $14::int4, $15::text[]))
         AS each (id, name, contact, company, street1, street2, city, region, postcode, country, phone, zone, calendar,
                  rank, channels)
    LEFT JOIN inventory.location o USING (id)
    ON CONFLICT (id) DO UPDATE SET name = excluded.name, contact = excluded.contact, company = excluded.company,
        street1 = excluded.street1, street2 = excluded.street2, city = excluded.city, region = excluded.region,
        postcode = excluded.postcode, country = excluded.country, phone = excluded.phone, zone = excluded.zone,
        calendar = excluded.calendar, rank = excluded.rank, channels = excluded.channels,
        change = l.change + 1, changed_at = despatch_now()
    RETURNING change, contact, company, street1, street2, city, region, postcode, country, phone";

/// Creates a location, or changes what is said of it. Returns the location as it is now.
pub(crate) async fn set_location(
    tx: &Tx<'_>,
    location: &stock::Location,
) -> Result<Option<LocationDescribed>, DbError> {
    // A part that is missing stays as it is, also if another transaction is changing it.
    tx.execute("LOCK TABLE inventory.location IN SHARE ROW EXCLUSIVE MODE", &[]).await?;
    let address = location.address.as_ref();
    let part = |of: fn(&Address) -> &str| address.map(of);
    let channels = location.channels.as_ref().map(|channels| &channels.names);
    let rows = tx
        .returning(
            SET,
            &[
                &location.id,
                &location.name,
                &part(|address| &address.name),
                &part(|address| &address.company),
                &part(|address| &address.street1),
                &part(|address| &address.street2),
                &part(|address| &address.city),
                &part(|address| &address.region),
                &part(|address| &address.postcode),
                &part(|address| &address.country),
                &part(|address| &address.phone),
                &location.zone,
                &location.calendar,
                &location.rank,
                &channels,
            ],
        )
        .await?;
    rows.first().map(|row| described(&location.id, row)).transpose()
}

fn described(id: &str, row: &Row) -> Result<LocationDescribed, DbError> {
    let address = Address {
        name: row.try_get("contact")?,
        company: row.try_get("company")?,
        street1: row.try_get("street1")?,
        street2: row.try_get("street2")?,
        city: row.try_get("city")?,
        region: row.try_get("region")?,
        postcode: row.try_get("postcode")?,
        country: row.try_get("country")?,
        phone: row.try_get("phone")?,
    };
    Ok(LocationDescribed { location: id.to_owned(), change: row.try_get("change")?, address: Some(address) })
}

/// A place from which parcels are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The id in allocations.
    pub id: String,
    /// The name for people.
    pub name: String,
    /// ISO 3166-1 alpha-2, upper case.
    pub country: String,
    /// State, province or county.
    pub region: String,
    /// The preference among locations that serve an order equally well; lower comes first.
    pub rank: i32,
}

/// Creates locations, or updates them.
pub async fn open_locations(db: &impl GenericClient, locations: &[Location]) -> Result<(), DbError> {
    for Location { id, name, country, region, rank } in locations {
        let none: Option<&str> = None;
        let channels: Option<Vec<&str>> = None;
        db.execute(
            SET,
            &[
                id, name, &none, &none, &none, &none, &none, region, &none, country, &none, &none, &none,
                rank, &channels,
            ],
        )
        .await?;
    }
    Ok(())
}
