//! The lines of a shop's newer word of an order, under the numbers of the lines that are known.
//!
//! A line's number and SKU never change, because reservations and parcels name them. So a line that is gone stays, with all of
//! its units taken off, and a new line gets a number after the highest.

use std::collections::HashMap;

use despatch_contracts::order::{Fulfilment, Line};

/// The shop's name of a line: its id, or the SKU of a shop that numbers none. Units of one item that the shop splits into
/// several lines have one name.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Name<'a> {
    id: &'a str,
    sku: &'a str,
}

fn name(line: &Line) -> Name<'_> {
    let id = line.shop_line_id.as_str();
    Name { id, sku: if id.is_empty() { &line.sku } else { "" } }
}

/// Returns the units of a line that the shop did not take off.
pub(crate) fn kept(line: &Line) -> i64 {
    line.quantity.saturating_sub(line.removed).max(0)
}

/// Returns the newer lines as a continuation of the known ones.
///
/// The known lines keep their way to the customer. A shop that learns that some of our units were sent says that somebody else
/// brings them, and they are ours all the same.
pub(crate) fn continued(known: &[Line], newer: &[Line]) -> Vec<Line> {
    let mut said: Vec<(Name<'_>, Vec<&Line>)> = Vec::new();
    for line in newer {
        match said.iter_mut().find(|(known, _)| *known == name(line)) {
            Some((_, lines)) => lines.push(line),
            None => said.push((name(line), vec![line])),
        }
    }
    let mut lines = known.to_vec();
    for line in &mut lines {
        if !said.iter().any(|(said, _)| *said == name(line)) {
            empty(line);
        }
    }
    let mut last = known.iter().map(|line| line.number).max().unwrap_or(0);
    // The numbers of new lines, by those that the shop's word gave them.
    let mut numbers = HashMap::new();
    for (said_name, said) in &said {
        let of_item: Vec<usize> = (0..lines.len()).filter(|at| name(&lines[*at]) == *said_name).collect();
        if of_item.is_empty() {
            for line in said.iter().filter(|line| kept(line) > 0 || line.total_minor != 0) {
                last += 1;
                numbers.insert(line.number, last);
                lines.push(Line { number: last, ..(*line).clone() });
            }
        } else {
            let first = lines[of_item[0]].number;
            numbers.extend(said.iter().map(|line| (line.number, first)));
            if let Some(added) = spread(&mut lines, &of_item, said) {
                last += 1;
                lines.push(Line { number: last, ..added });
            }
        }
    }
    for line in lines.iter_mut().filter(|line| known.iter().all(|known| known.number != line.number)) {
        line.bundle = numbers.get(&line.bundle).copied().unwrap_or(0);
    }
    lines
}

/// Takes every unit off a line.
fn empty(line: &mut Line) {
    line.removed = line.quantity;
    (line.total_minor, line.discount_minor) = (0, 0);
    line.taxes.clear();
}

/// Gives the units and amounts of one item to the known lines of it, at these positions. Returns a line without a number of
/// the units that none of them can take: units for us, of an item that somebody else brought so far.
fn spread(lines: &mut [Line], at: &[usize], said: &[&Line]) -> Option<Line> {
    let units = |lines: &mut dyn Iterator<Item = &Line>| lines.map(kept).fold(0, i64::saturating_add);
    let sum = |minors: &mut dyn Iterator<Item = i64>| minors.fold(0, i64::saturating_add);
    let (had, has) = (units(&mut at.iter().map(|at| &lines[*at])), units(&mut said.iter().copied()));
    let mut added = None;
    if has < had {
        let mut less = had - has;
        // Somebody else brought theirs already.
        for is_ours in [true, false] {
            for at in at.iter().filter(|at| is_picked(&lines[**at]) == is_ours).copied().collect::<Vec<_>>() {
                let off = kept(&lines[at]).min(less);
                lines[at].removed += off;
                less -= off;
            }
        }
    } else if has > had {
        let ours = said.iter().find(|line| is_picked(line));
        match (at.iter().find(|at| is_picked(&lines[**at])), ours) {
            (None, Some(ours)) => {
                let new = Line { quantity: has - had, removed: 0, taxes: Vec::new(), ..(*ours).clone() };
                added = Some(Line { sku: lines[at[0]].sku.clone(), ..new });
            }
            (found, _) => {
                let line = &mut lines[*found.unwrap_or(&at[0])];
                let stands = kept(line) + has - had;
                line.quantity = line.quantity.max(stands);
                line.removed = line.quantity - stands;
            }
        }
    }
    let total = sum(&mut said.iter().map(|line| line.total_minor));
    let discount = sum(&mut said.iter().map(|line| line.discount_minor));
    let was_total = sum(&mut at.iter().map(|at| lines[*at].total_minor));
    let is_same = had == has && total == was_total;
    let mut before = 0;
    let mut share = |line: &mut Line| {
        let after = before + kept(line);
        if !is_same || at.len() == 1 {
            let part = |minor: i64| running(minor, after, has) - running(minor, before, has);
            (line.total_minor, line.discount_minor) = (part(total), part(discount));
        }
        before = after;
    };
    for at in at {
        share(&mut lines[*at]);
    }
    if let Some(added) = &mut added {
        share(added);
    }
    if has == 0 {
        (lines[at[0]].total_minor, lines[at[0]].discount_minor) = (total, discount);
    }
    for at in at {
        let line = &mut lines[*at];
        line.title.clone_from(&said[0].title);
        line.product_id.clone_from(&said[0].product_id);
        line.variant_id.clone_from(&said[0].variant_id);
        line.unit_price_minor = said[0].unit_price_minor;
        if said[0].weight_grams > 0 {
            line.weight_grams = said[0].weight_grams;
        }
    }
    if let ([only], None) = (at, &added) {
        lines[*only].taxes = said.iter().flat_map(|line| line.taxes.iter().cloned()).collect();
    }
    added
}

/// Returns the part of an amount that the first units of an item have.
fn running(minor: i64, units: i64, of: i64) -> i64 {
    if of == 0 {
        return 0;
    }
    let part = (i128::from(minor) * i128::from(units)).div_euclid(i128::from(of));
    i64::try_from(part).unwrap_or(minor)
}

/// Returns whether we reserve and pick the units of the line.
fn is_picked(line: &Line) -> bool {
    matches!(line.fulfilment(), Fulfilment::Unspecified | Fulfilment::Ours | Fulfilment::Pickup)
}

/// Returns whether units that we send are collected by the newer word, or the other way round.
pub(crate) fn go_otherwise(known: &[Line], newer: &[Line]) -> bool {
    let stands = |line: &&Line| line.our_units() > 0;
    newer.iter().filter(stands).any(|line| {
        let mut same = known.iter().filter(|known| name(known) == name(line)).filter(stands);
        same.any(|known| known.is_collected() != line.is_collected())
    })
}

#[cfg(test)]
mod tests;
