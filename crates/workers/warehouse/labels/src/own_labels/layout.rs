//! The layout of an own label: one drawing, from which both the PDF and the ZPL document are made.

use std::ops::Range;

use despatch_contracts::order::Address;

use super::barcode::{Barcode, NotEncodable, QUIET_ZONE};
use super::shipment::Shipment;

/// Dots per inch of the usual thermal printer. Every measure on a label is in these dots.
pub(super) const DPI: u16 = 203;
/// 4 inches.
pub(super) const WIDTH: u16 = 4 * DPI;
/// 6 inches.
pub(super) const HEIGHT: u16 = 6 * DPI;

const MARGIN: u16 = 36;
const INNER: u16 = WIDTH - 2 * MARGIN;
/// Dots per module. Three dots are 0.375 mm, which every scanner resolves and which leaves room for the longest
/// tracking number.
const MODULE: u16 = 3;
/// Letters of an address line before it is broken, and lines before it is cut.
const LINE_LETTERS: usize = 44;
const LINES_A_FIELD: usize = 2;

/// One thing to print. Positions are dots from the label's top left corner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    /// A filled rectangle.
    Rule {
        /// The left edge.
        x: u16,
        /// The upper edge.
        y: u16,
        /// The width.
        width: u16,
        /// The height.
        height: u16,
    },
    /// One line of text, in any script.
    Text {
        /// The left edge.
        x: u16,
        /// The upper edge of the line.
        y: u16,
        /// The font size; reduced if the line would be wider than `room`.
        size: u16,
        /// The width that the line may take.
        room: u16,
        /// Whether the text is bold.
        bold: bool,
        /// The text.
        text: String,
    },
    /// A Code 128 barcode.
    Barcode {
        /// The left edge of the first bar; the quiet zone is to the left of it.
        x: u16,
        /// The upper edge.
        y: u16,
        /// The height of the bars.
        height: u16,
        /// The width of one module.
        module: u16,
        /// The encoded text.
        code: Barcode,
    },
}

/// Lays the label out.
pub(super) fn layout(shipment: &Shipment<'_>) -> Result<Vec<Item>, NotEncodable> {
    let mut items = Vec::new();
    let parcel = format!("Parcel {} of {}", shipment.parcel, shipment.parcels);

    items.push(text(MARGIN, 36, 22, 400, false, "From"));
    block(&mut items, shipment.from, 62..306, 24, 400);
    items.push(text(480, 36, 40, WIDTH - MARGIN - 480, true, shipment.service));
    items.push(text(480, 90, 32, WIDTH - MARGIN - 480, false, &parcel));
    items.push(Item::Rule { x: MARGIN, y: 310, width: INNER, height: 3 });

    items.push(text(MARGIN, 330, 26, INNER, false, "Ship to"));
    block(&mut items, shipment.to, 366..796, 44, INNER);
    items.push(Item::Rule { x: MARGIN, y: 800, width: INNER, height: 3 });

    let code = Barcode::encode(shipment.tracking_number)?;
    let x = WIDTH.saturating_sub(code.modules.saturating_mul(MODULE)) / 2;
    if x < QUIET_ZONE * MODULE {
        return Err(NotEncodable(shipment.tracking_number.to_owned()));
    }
    items.push(Item::Barcode { x, y: 826, height: 230, module: MODULE, code });
    items.push(text(x, 1066, 32, INNER, false, &grouped(shipment.tracking_number)));
    items.push(Item::Rule { x: MARGIN, y: 1114, width: INNER, height: 3 });

    let reference = format!("Order {}", shipment.order_reference);
    items.push(text(MARGIN, 1136, 34, 500, true, &reference));
    items.push(text(560, 1136, 34, WIDTH - MARGIN - 560, false, &parcel));
    Ok(items)
}

fn text(x: u16, y: u16, size: u16, room: u16, bold: bool, text: &str) -> Item {
    Item::Text { x, y, size, room, bold, text: text.to_owned() }
}

/// Adds an address in lines between two heights, the first in bold. Many lines are set closer and smaller.
fn block(items: &mut Vec<Item>, address: &Address, within: Range<u16>, size: u16, room: u16) {
    let lines = lines(address);
    let share = (within.end - within.start) / u16::try_from(lines.len()).unwrap_or(u16::MAX).max(1);
    let height = share.min(size + size / 4);
    let mut y = within.start;
    for (index, line) in lines.iter().enumerate() {
        items.push(text(MARGIN, y, height * 4 / 5, room, index == 0, line));
        y += height;
    }
}

/// Returns the address in its country's format, with long fields broken at spaces.
fn lines(address: &Address) -> Vec<String> {
    let Address { name, company, street1, street2, city, region, postcode, country, phone: _ } = address;
    let place = match country.as_str() {
        "US" | "CA" | "AU" => format!("{city}, {region} {postcode}"),
        "GB" | "IE" | "IN" => format!("{city} {region} {postcode}"),
        _ => format!("{postcode} {city} {region}"),
    };
    let place = place.trim().trim_matches(',').to_owned();
    [name, company, street1, street2, &place, country].into_iter().flat_map(|field| broken(field)).collect()
}

/// Breaks a field into at most two lines; an ellipsis marks what does not fit.
fn broken(field: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in field.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= LINE_LETTERS => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    if lines.len() > LINES_A_FIELD {
        lines.truncate(LINES_A_FIELD);
        lines[LINES_A_FIELD - 1].push('…');
    }
    for line in &mut lines {
        if let Some((cut, _)) = line.char_indices().nth(2 * LINE_LETTERS) {
            line.truncate(cut);
            line.push('…');
        }
    }
    lines
}

/// Formats a tracking number in groups of four, for people to read out.
fn grouped(number: &str) -> String {
    let letters: Vec<char> = number.chars().collect();
    letters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_fields_are_broken_and_visibly_cut() {
        assert_eq!(broken("Anna  Lind"), ["Anna Lind"]);
        let street =
            "Rosenstraße am Alten Botanischen Garten hinter dem Hof 17, Aufgang B, dritter Stock links";
        let lines = broken(street);
        assert_eq!(lines.len(), 2);
        assert!(lines[1].ends_with('…') && lines[0].chars().count() <= LINE_LETTERS);
        assert!(broken(&"長".repeat(300))[0].chars().count() <= 2 * LINE_LETTERS + 1);
    }

    #[test]
    fn the_longest_address_stays_within_its_lines() {
        let long = "word ".repeat(60);
        let address = Address {
            name: long.clone(),
            company: long.clone(),
            street1: long.clone(),
            street2: long.clone(),
            city: long.clone(),
            country: "DE".into(),
            ..Address::default()
        };
        let mut items = Vec::new();
        block(&mut items, &address, 366..796, 44, INNER);
        assert_eq!(items.len(), 11);
        for item in items {
            let Item::Text { y, size, .. } = item else { panic!("an address is text") };
            assert!(size >= 24 && y + size <= 796, "legible, and above the rule: {y} {size}");
        }
    }

    #[test]
    fn the_place_is_written_as_its_country_writes_it() {
        let place = |country: &str, region: &str| {
            lines(&Address {
                city: "X".into(),
                region: region.into(),
                postcode: "1".into(),
                country: country.into(),
                ..Address::default()
            })
        };
        assert_eq!(place("US", "KY"), ["X, KY 1", "US"]);
        assert_eq!(place("DE", ""), ["1 X", "DE"]);
        assert_eq!(place("GB", ""), ["X 1", "GB"]);
    }
}
