//! A parcel in a request, and its size as carriers look at it.

use serde::{Deserialize, Serialize};

/// A parcel, as a request describes it.
#[derive(Debug, Deserialize)]
pub(super) struct Parcel {
    length: Number,
    width: Number,
    height: Number,
    weight: Number,
    distance_unit: String,
    mass_unit: String,
}

/// A number. Shippo writes numbers as strings and reads both.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Number {
    Text(String),
    Plain(f64),
}

impl Number {
    /// Returns a positive number of at most six digits before the point, and four behind it in a text.
    fn positive(&self) -> Option<f64> {
        let value = match self {
            Self::Text(text) => {
                let (_, decimals) = text.trim().split_once('.').unwrap_or_default();
                text.trim().parse().ok().filter(|_| decimals.len() <= 4)?
            }
            Self::Plain(value) => *value,
        };
        (value > 0.0 && value < 1e6).then_some(value)
    }
}

/// A parcel's weight and sides.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Size {
    pub(super) grams: u32,
    /// Millimetres, the longest first.
    pub(super) sides: [u32; 3],
}

impl Parcel {
    /// Returns the weight and the sides.
    pub(super) fn check(&self) -> Result<Size, &'static str> {
        let mm_per_unit = match self.distance_unit.as_str() {
            "mm" => 1.0,
            "cm" => 10.0,
            "m" => 1000.0,
            "in" => 25.4,
            "ft" => 304.8,
            "yd" => 914.4,
            _ => return Err("distance_unit is not valid."),
        };
        let grams_per_unit = match self.mass_unit.as_str() {
            "g" => 1.0,
            "kg" => 1000.0,
            "oz" => 28.349_523,
            "lb" => 453.592_37,
            _ => return Err("mass_unit is not valid."),
        };
        // At most a million units of a kilogram or a yard: within u32, and rounded up so that nothing is 0.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded and positive")]
        let whole = |number: &Number, unit: f64| Some((number.positive()? * unit).ceil() as u32);
        let side =
            |number| whole(number, mm_per_unit).ok_or("length, width and height must be positive numbers.");
        let mut sides = [side(&self.length)?, side(&self.width)?, side(&self.height)?];
        sides.sort_unstable_by(|one, other| other.cmp(one));
        let grams = whole(&self.weight, grams_per_unit).ok_or("weight must be a positive number.")?;
        Ok(Size { grams, sides })
    }
}

impl Size {
    /// Returns cubic millimetres.
    pub(super) fn volume(self) -> u64 {
        self.sides.iter().fold(1, |volume, side| u64::from(*side).saturating_mul(volume))
    }

    /// Returns the length and the girth together, in millimetres.
    pub(super) fn girth(self) -> u64 {
        let [length, width, height] = self.sides.map(u64::from);
        length + 2 * (width + height)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn check(change: (&str, Value)) -> Result<Size, &'static str> {
        let mut parcel = json!({
            "length": "20", "width": "30.5", "height": 10, "distance_unit": "cm", "weight": "1.25", "mass_unit": "kg"
        });
        parcel[change.0] = change.1;
        serde_json::from_value::<Parcel>(parcel).unwrap().check()
    }

    #[test]
    fn units_become_grams_and_millimetres() {
        let size = check(("height", "10".into())).unwrap();
        assert_eq!((size.grams, size.sides), (1250, [305, 200, 100]));
        assert_eq!((size.volume(), size.girth()), (6_100_000, 905));
        assert_eq!(check(("distance_unit", "in".into())).unwrap().sides, [775, 508, 254]);
    }

    #[test]
    fn numbers_and_units_that_shippo_refuses_are_refused() {
        for (field, value) in [
            ("length", "0".into()),
            ("weight", "-1".into()),
            ("weight", "1000000".into()),
            ("width", "1.00001".into()),
            ("height", "ten".into()),
            ("mass_unit", "t".into()),
            ("distance_unit", "km".into()),
        ] {
            let shown = format!("{field} {value}");
            assert!(check((field, value)).is_err(), "{shown}");
        }
    }
}
