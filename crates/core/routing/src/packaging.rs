//! Decides in which carton a parcel goes, and how heavy it is: the smallest carton whose volume and sides suffice. How the units
//! lie in it is left to the packer.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Units fill at most this part of a carton, because they leave gaps: three of four.
const FILLED: (u128, u128) = (3, 4);

/// A carton of the shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
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
}

/// Three sides in millimetres, the longest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sides([u64; 3]);

/// The measures of an article, as far as they are known. Later knowledge may differ.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Measures {
    /// The weight of one unit.
    pub grams: Option<u64>,
    /// The sides of one unit.
    pub sides: Option<Sides>,
    /// Whether one unit is sent in the box that it comes in.
    pub is_own_box: bool,
}

/// Units of one article in a parcel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Units<'a> {
    /// The article.
    pub sku: &'a str,
    /// How many.
    pub quantity: u64,
    /// Its measures.
    pub measures: Measures,
}

/// The cartons of a shop, and the weight of articles that have none.
#[derive(Debug, Clone, Copy)]
pub struct Cartons<'a> {
    /// The carton of units without sides.
    pub usual: Carton,
    /// Further cartons.
    pub others: &'a [Carton],
    /// The weight of a unit without one.
    pub unit_grams: u32,
}

/// The weight and the sides of a packed parcel, as a carrier asks for them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// Grams, at least 1.
    pub grams: u64,
    /// The sides.
    pub sides: Sides,
    /// SKUs whose weight is not known, and was assumed.
    pub assumed_weights: BTreeSet<String>,
    /// SKUs whose sides are not known. They count as if they took no room, in the usual carton or a larger one.
    pub unknown_sides: BTreeSet<String>,
}

/// No carton takes the units of a parcel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected units that fit in a carton, found {} of them, the longest {longest} ({sku:?}); the largest carton is {largest} and \
     takes {}", Litres(*volume), Litres(capacity(*largest))
)]
pub struct NoCarton {
    /// Cubic millimetres of all units.
    volume: u128,
    /// The longest unit.
    longest: Sides,
    /// Its SKU.
    sku: String,
    /// The largest carton.
    largest: Sides,
}

/// Decides about the units of one parcel: the smallest carton that takes them. A single unit that has a box of its own goes in
/// that, without packaging. A unit whose sides are not known needs at least the usual carton.
pub fn package(contents: &[Units<'_>], cartons: Cartons<'_>) -> Result<Package, NoCarton> {
    let named = |is_unknown: fn(&Measures) -> bool| {
        let unknown = contents.iter().filter(|units| is_unknown(&units.measures));
        unknown.map(|units| units.sku.to_owned()).collect::<BTreeSet<_>>()
    };
    let weigh = |units: &Units<'_>| {
        units.quantity.saturating_mul(units.measures.grams.unwrap_or(u64::from(cartons.unit_grams)))
    };
    let grams = contents.iter().map(weigh).fold(0, u64::saturating_add);
    let assumed_weights = named(|measures| measures.grams.is_none());
    let unknown_sides = named(|measures| measures.sides.is_none());
    let own_box = match contents {
        [Units { quantity: 1, measures, .. }] if measures.is_own_box => measures.sides,
        _ => None,
    };
    let (sides, packaging) = if let Some(sides) = own_box {
        (sides, 0)
    } else {
        let carton = smallest(contents, cartons, !unknown_sides.is_empty())?;
        (carton.sides(), u64::from(carton.packaging_grams))
    };
    Ok(Package { grams: grams.saturating_add(packaging).max(1), sides, assumed_weights, unknown_sides })
}

/// Returns the smallest carton for the units whose sides are known; of equal ones the usual.
fn smallest(contents: &[Units<'_>], cartons: Cartons<'_>, needs_usual: bool) -> Result<Carton, NoCarton> {
    let known: Vec<(&Units<'_>, Sides)> =
        contents.iter().filter_map(|units| Some((units, units.measures.sides?))).collect();
    let volume = known
        .iter()
        .map(|(units, sides)| sides.volume().saturating_mul(u128::from(units.quantity)))
        .fold(0, u128::saturating_add);
    let is_single = contents.iter().map(|units| units.quantity).fold(0, u64::saturating_add) == 1;
    let takes = |carton: &Carton| {
        let sides = carton.sides();
        known.iter().all(|(_, unit)| unit.fits_in(sides)) && (is_single || volume <= capacity(sides))
    };
    let least = if needs_usual { cartons.usual.sides().volume() } else { 0 };
    let mut all: Vec<Carton> = std::iter::once(&cartons.usual).chain(cartons.others).copied().collect();
    all.sort_by_key(|carton| carton.sides().volume());
    let found = all.iter().filter(|carton| carton.sides().volume() >= least).find(|carton| takes(carton));
    if let Some(carton) = found {
        return Ok(*carton);
    }
    // Only units with sides can be too large.
    let longest = known.iter().max_by_key(|(_, sides)| sides.0);
    let (sku, longest) = longest.map_or(("", Sides([0; 3])), |(units, sides)| (units.sku, *sides));
    let largest = all.last().map_or(Sides([0; 3]), Carton::sides);
    Err(NoCarton { volume, longest, sku: sku.to_owned(), largest })
}

/// Returns how many cubic millimetres of several units go into a carton of these sides.
fn capacity(sides: Sides) -> u128 {
    sides.volume().saturating_mul(FILLED.0) / FILLED.1
}

impl Carton {
    /// Returns its sides; units of that size still fit.
    pub fn sides(&self) -> Sides {
        Sides::new([self.length_cm, self.width_cm, self.height_cm].map(|side| u64::from(side) * 10))
    }
}

impl Sides {
    /// Takes three sides in millimetres, in any order.
    pub fn new(mut sides: [u64; 3]) -> Self {
        sides.sort_unstable_by(|one, other| other.cmp(one));
        Sides(sides)
    }

    /// Returns the sides in millimetres, the longest first.
    pub fn mm(self) -> [u64; 3] {
        self.0
    }

    /// Returns cubic millimetres.
    fn volume(self) -> u128 {
        self.0.iter().fold(1, |volume, side| volume.saturating_mul(u128::from(*side)))
    }

    fn fits_in(self, other: Sides) -> bool {
        self.0.iter().zip(other.0).all(|(side, room)| *side <= room)
    }
}

impl fmt::Display for Sides {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [length, width, height] = self.0;
        write!(f, "{length} × {width} × {height} mm")
    }
}

/// The weight and the sides, and what was assumed of them.
impl fmt::Display for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} g, {}", self.grams, self.sides)?;
        for (what, skus) in [("weight", &self.assumed_weights), ("room", &self.unknown_sides)] {
            if !skus.is_empty() {
                let skus: Vec<&str> = skus.iter().map(String::as_str).collect();
                write!(f, "; {what} of {} assumed", skus.join(", "))?;
            }
        }
        Ok(())
    }
}

/// Cubic millimetres, shown in litres and rounded up.
struct Litres(u128);

impl fmt::Display for Litres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = self.0.div_ceil(100_000);
        write!(f, "{}.{} l", tenths / 10, tenths % 10)
    }
}

#[cfg(test)]
mod tests;
