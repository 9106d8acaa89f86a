//! The usual carton, and the weight of a parcel in it.

use serde::Deserialize;

/// The usual parcel. Its sizes are the carton's.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Carton {
    /// Centimetres.
    pub length_cm: u32,
    /// Centimetres.
    pub width_cm: u32,
    /// Centimetres.
    pub height_cm: u32,
    /// Grams of the carton and its padding.
    pub packaging_grams: u32,
    /// Grams that every unit of an order adds.
    pub unit_grams: u32,
}

impl Carton {
    /// Returns the weight of a parcel of so many units, at least a gram.
    pub(crate) fn grams(&self, units: i64) -> u64 {
        let units = u64::try_from(units).unwrap_or(0);
        u64::from(self.packaging_grams)
            .saturating_add(units.saturating_mul(u64::from(self.unit_grams)))
            .max(1)
    }
}
