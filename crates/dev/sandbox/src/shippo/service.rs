//! The carrier services that every shipment is offered, with invented prices.

use serde_json::{Value, json};

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
    fn price_minor(&self, grams: u32) -> i64 {
        self.base_minor + self.step_minor * i64::from(grams.div_ceil(500))
    }

    pub(super) fn rate_json(&self, rate: u128, shipment: u128, grams: u32) -> Value {
        let price = self.price_minor(grams);
        let amount = format!("{}.{:02}", price / 100, price % 100);
        json!({
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
        })
    }
}
