//! The carrier services that every shipment is offered, with invented prices.

use serde_json::{Value, json};

use super::parcel::Size;

/// Cubic millimetres that USPS bills as a gram, of parcels above a cubic foot: 166 cubic inches to the pound.
const USPS_DIVISOR: (u64, u64) = (28_316_846, 5_997);
/// The same of UPS, of every parcel: 139 cubic inches to the pound.
const UPS_DIVISOR: (u64, u64) = (0, 5_022);
/// USPS takes 70 lb, and 130 inches of length and girth; UPS 150 lb and 165 inches.
const USPS_MOST: (u32, u64) = (31_751, 3_302);
const UPS_MOST: (u32, u64) = (68_038, 4_191);

/// A carrier's service. Tokens are Shippo's: <https://docs.goshippo.com/shippoapi/public-api/service-levels/>.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) carrier: &'static str,
    pub(super) token: &'static str,
    pub(super) name: &'static str,
    days: u8,
    /// The price in cents for any parcel, and for each started 500 g.
    base_minor: i64,
    step_minor: i64,
}

/// The services, cheapest first. A rate's id ends with the position here.
pub(super) const SERVICES: [Service; 5] = [
    Service {
        carrier: "USPS",
        token: "usps_ground_advantage",
        name: "Ground Advantage",
        days: 5,
        base_minor: 420,
        step_minor: 65,
    },
    Service {
        carrier: "USPS",
        token: "usps_priority",
        name: "Priority Mail",
        days: 3,
        base_minor: 780,
        step_minor: 95,
    },
    Service { carrier: "UPS", token: "ups_ground", name: "Ground", days: 4, base_minor: 910, step_minor: 80 },
    Service {
        carrier: "USPS",
        token: "usps_priority_express",
        name: "Priority Mail Express",
        days: 1,
        base_minor: 2_650,
        step_minor: 180,
    },
    Service {
        carrier: "UPS",
        token: "ups_next_day_air",
        name: "Next Day Air",
        days: 1,
        base_minor: 3_890,
        step_minor: 240,
    },
];

impl Service {
    /// Carriers bill the room that a parcel takes, if it is light for its size.
    fn price_minor(&self, size: Size) -> i64 {
        let (above, divisor) = if self.carrier == "USPS" { USPS_DIVISOR } else { UPS_DIVISOR };
        let room = if size.volume() > above { size.volume().div_ceil(divisor) } else { 0 };
        let billed = room.max(u64::from(size.grams));
        let steps = i64::try_from(billed.div_ceil(500)).unwrap_or(i64::MAX);
        self.step_minor.saturating_mul(steps).saturating_add(self.base_minor)
    }

    /// Why the service does not take a parcel; `None` if it does.
    pub(super) fn refusal(&self, size: Size) -> Option<String> {
        let (grams, girth) = if self.carrier == "USPS" { USPS_MOST } else { UPS_MOST };
        if size.grams > grams {
            return Some(format!("the parcel weighs {} g, at most {grams} g are allowed", size.grams));
        }
        let is_long = size.girth() > girth;
        is_long.then(|| format!("length and girth are {} mm, at most {girth} mm are allowed", size.girth()))
    }

    /// Returns the offer; `None` if the service does not take the parcel.
    pub(super) fn rate_json(&self, rate: u128, shipment: u128, size: Size) -> Option<Value> {
        if self.refusal(size).is_some() {
            return None;
        }
        let price = self.price_minor(size);
        let amount = format!("{}.{:02}", price / 100, price % 100);
        Some(json!({
            "object_id": format!("{rate:032x}"),
            "shipment": format!("{shipment:032x}"),
            "amount": amount,
            "currency": "USD",
            "amount_local": amount,
            "currency_local": "USD",
            "provider": self.carrier,
            "servicelevel": { "name": self.name, "token": self.token, "terms": "" },
            "estimated_days": self.days,
            "attributes": [],
            "messages": [],
            "test": true,
        }))
    }
}
