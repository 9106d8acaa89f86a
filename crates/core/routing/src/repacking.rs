//! Decides which parcels of a changed order are made again. A parcel's number stands for one content and one label, so a
//! parcel that changes is voided, and made under a number that the order never used.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::allocation::Allocation;

/// Units of a line in a parcel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Packed {
    /// The units, and the parcel's number.
    #[serde(flatten)]
    pub allocation: Allocation,
    /// The parcel's place among those that go, as its label says; 0 until [`repack`] or [`renumber`] gives it one.
    pub position: u32,
    /// Whether the carrier or the customer has the parcel.
    pub has_left: bool,
}

/// The parcels of an order after a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repacking {
    /// All units, sorted by parcel.
    pub packed: Vec<Packed>,
    /// The parcels that are not sent.
    pub voided: Vec<u32>,
    /// The parcels that are new.
    pub made: Vec<u32>,
    /// How many parcels go.
    pub of: u32,
    /// The highest number that the order ever used.
    pub last: u32,
}

/// Numbers the parcels of an order of which none is known outside, from 1.
pub fn renumber(mut packed: Vec<Packed>) -> Vec<Packed> {
    let known: BTreeSet<u32> = packed.iter().map(|it| it.allocation.parcel).collect();
    let numbers: BTreeMap<u32, u32> = known.into_iter().zip(1..).collect();
    for it in &mut packed {
        let number = numbers.get(&it.allocation.parcel).copied().unwrap_or(it.allocation.parcel);
        (it.allocation.parcel, it.position) = (number, number);
    }
    sorted(packed)
}

/// Compares an order's parcels before and after a change of their contents. A parcel that differs gets a new number, and so does
/// each one that must be `remade`. A parcel that is made again keeps its position if so many parcels still go. `last` is the highest number that the order
/// used before.
pub fn repack(
    before: &[Packed],
    after: &[Packed],
    remade: impl Fn(&[Packed]) -> bool,
    last: u32,
) -> Repacking {
    let (before, mut parcels) = (by_parcel(before), by_parcel(after));
    let highest = before.keys().max().copied().unwrap_or(0);
    let mut repacking = Repacking { packed: Vec::new(), voided: Vec::new(), made: Vec::new(), of: 0, last };
    repacking.last = last.max(highest);
    repacking.voided = before.keys().filter(|number| !parcels.contains_key(number)).copied().collect();
    for (number, packed) in &mut parcels {
        let former = before.get(number);
        let is_same = former.is_some_and(|former| former == packed);
        if packed.iter().any(|it| it.has_left) || is_same && !remade(packed) {
            repacking.packed.append(packed);
            continue;
        }
        if former.is_some() {
            repacking.voided.push(*number);
        }
        repacking.last += 1;
        repacking.made.push(repacking.last);
        for mut it in packed.drain(..) {
            it.allocation.parcel = repacking.last;
            repacking.packed.push(it);
        }
    }
    repacking.voided.sort_unstable();
    repacking.packed = sorted(repacking.packed);
    repacking.of = place(&mut repacking.packed, &repacking.made);
    repacking
}

/// Gives each new parcel a position: that of the parcel in whose place it is, or the first free one. Returns how many parcels go.
/// No new label says "3 of 2".
fn place(packed: &mut [Packed], made: &[u32]) -> u32 {
    let positions: BTreeMap<u32, u32> = packed.iter().map(|it| (it.allocation.parcel, it.position)).collect();
    let of = u32::try_from(positions.len()).unwrap_or(u32::MAX);
    let is_kept = |number: u32, position: u32| !made.contains(&number) || (1..=of).contains(&position);
    let mut taken: BTreeSet<u32> =
        positions.iter().filter(|(number, it)| is_kept(**number, **it)).map(|(_, it)| *it).collect();
    let mut given: BTreeMap<u32, u32> = BTreeMap::new();
    for it in packed.iter_mut().filter(|it| !is_kept(it.allocation.parcel, it.position)) {
        it.position = *given.entry(it.allocation.parcel).or_insert_with(|| {
            let free = (1..=of).find(|position| !taken.contains(position)).unwrap_or(of);
            taken.insert(free);
            free
        });
    }
    of
}

fn by_parcel(packed: &[Packed]) -> BTreeMap<u32, Vec<Packed>> {
    let mut parcels: BTreeMap<u32, Vec<Packed>> = BTreeMap::new();
    for it in sorted(packed.to_vec()) {
        parcels.entry(it.allocation.parcel).or_default().push(it);
    }
    parcels
}

fn sorted(mut packed: Vec<Packed>) -> Vec<Packed> {
    packed.sort_by_key(|it| (it.allocation.parcel, it.allocation.line));
    packed
}
