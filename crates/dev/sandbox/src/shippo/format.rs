//! Shippo's format of numbers, times and ids.

use super::service::Service;
use crate::digest;

/// Returns a number in the carrier's style, the same for the same transaction.
pub(super) fn tracking_number(transaction: u128, service: &Service) -> String {
    let digits = |length| digest::digits(&[b"tracking", &transaction.to_le_bytes()], length);
    match service.carrier {
        "UPS" => format!("1Z999AA1{}", digits(10)),
        _ => format!("92055{}", digits(17)),
    }
}

/// Formats a time as Shippo does.
pub(super) fn iso(ms: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(ms).unwrap_or_default();
    format!("{time:.3}")
}

/// Ids in the log, in Shippo's format: 32 hexadecimal digits.
pub(super) mod hex {
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(in crate::shippo) fn serialize<S: Serializer>(id: &u128, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{id:032x}"))
    }

    pub(in crate::shippo) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<u128, D::Error> {
        let text = String::deserialize(deserializer)?;
        u128::from_str_radix(&text, 16).map_err(D::Error::custom)
    }
}
