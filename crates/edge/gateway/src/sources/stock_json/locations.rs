//! Places from which parcels are sent.

use despatch_contracts::order::Address;
use despatch_contracts::stock::{Channels, Location, LocationSet};
use despatch_domain::country;
use jiff::tz::TimeZone;
use serde::Deserialize;
use utoipa::ToSchema;

use super::asked::{StockCommand, name, request, stock_body};
use super::row::{required, short};
use crate::sources::fields::json::{Invalid, text, texts};

stock_body! {
    /// A place from which parcels are sent. A field that is left out stays unchanged.
    LocationJson as LocationSettings {
        /// The name for people; at most 200 bytes, like every text of a location.
        #[serde(default, deserialize_with = "text")]
        #[schema(max_length = 200)]
        name: String,
        /// The address, from which parcels are sent. It is replaced as a whole.
        #[schema(nullable = false)]
        address: Option<LocationAddressJson>,
        /// The time zone's IANA name, e.g. `Europe/Berlin`.
        #[serde(default, deserialize_with = "text")]
        zone: String,
        /// The name of its working calendar.
        #[serde(default, deserialize_with = "text")]
        #[schema(max_length = 200)]
        calendar: String,
        /// The preference among locations that serve an order equally well; lower comes first.
        #[schema(nullable = false)]
        rank: Option<i32>,
        /// `instant`: a parcel counts as picked as soon as it is paid.
        #[serde(default, deserialize_with = "text")]
        mode: String,
        /// The shops that it sells for; an empty list for all of them.
        #[serde(default, deserialize_with = "channels")]
        #[schema(value_type = Vec<String>)]
        channels: Option<Vec<String>>,
    }
}

/// The address of a location.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = LocationAddress)]
struct LocationAddressJson {
    /// The person there.
    #[serde(default, deserialize_with = "text")]
    name: String,
    /// The company.
    #[serde(default, deserialize_with = "text")]
    company: String,
    /// Street and number.
    #[serde(default, deserialize_with = "text")]
    street1: String,
    /// Further address text.
    #[serde(default, deserialize_with = "text")]
    street2: String,
    /// Town.
    #[serde(default, deserialize_with = "text")]
    city: String,
    /// State, province or county, where there is one.
    #[serde(default, deserialize_with = "text")]
    region: String,
    /// The postcode, as its country writes it.
    #[serde(default, deserialize_with = "text")]
    postcode: String,
    /// The country: its ISO 3166-1 code (or `XK`), or its name in English or its own language.
    #[serde(default, deserialize_with = "text")]
    #[schema(required)]
    country: String,
    /// The phone number for the carrier.
    #[serde(default, deserialize_with = "text")]
    phone: String,
}

fn channels<'de, D: serde::Deserializer<'de>>(json: D) -> Result<Option<Vec<String>>, D::Error> {
    texts(json).map(Some)
}

impl LocationJson {
    pub(crate) fn command(self, id: String) -> Result<StockCommand, Invalid> {
        let request = request(self.request_id, self.requested_by, self.by, self.note)?;
        let (place_name, calendar) = (short(self.name, "name")?, short(self.calendar, "calendar")?);
        let channel = |(at, name)| required(name, &format!("channels[{at}]"));
        let channels = self.channels.map(|names| names.into_iter().enumerate().map(channel).collect());
        if !self.zone.is_empty() && TimeZone::get(&self.zone).is_err() {
            let found = format!("expected an IANA time zone such as Europe/Berlin, found {:?}", self.zone);
            return Err(Invalid::new("zone", found));
        }
        if !["", "instant"].contains(&&*self.mode) {
            let found =
                format!("expected \"instant\", the only mode that there is yet, found {:?}", self.mode);
            return Err(Invalid::new("mode", found));
        }
        let said = |text: String| Some(text).filter(|text| !text.is_empty());
        let location = Location {
            id: name(id, "location_id")?,
            name: said(place_name),
            address: self.address.map(LocationAddressJson::read).transpose()?,
            zone: said(self.zone),
            calendar: said(calendar),
            rank: self.rank,
            mode: said(self.mode),
            channels: channels.transpose()?.map(|names| Channels { names }),
        };
        let command = LocationSet { location: Some(location), request: Some(request.clone()) };
        Ok(StockCommand::new(request, &command))
    }
}

impl LocationAddressJson {
    fn read(self) -> Result<Address, Invalid> {
        let Some(code) = country::find(&self.country) else {
            let found = format!("expected a country, e.g. DE or Germany, found {:?}", self.country);
            return Err(Invalid::new("address.country", found));
        };
        let part = |text: String, name: &str| short(text, &format!("address.{name}"));
        Ok(Address {
            name: part(self.name, "name")?,
            company: part(self.company, "company")?,
            street1: part(self.street1, "street1")?,
            street2: part(self.street2, "street2")?,
            city: part(self.city, "city")?,
            region: part(self.region, "region")?,
            postcode: part(self.postcode, "postcode")?,
            country: code.to_owned(),
            phone: part(self.phone, "phone")?,
        })
    }
}
