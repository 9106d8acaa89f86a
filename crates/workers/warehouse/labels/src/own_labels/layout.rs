//! The layout of an own label: one drawing, from which both the PDF and the ZPL document are made.

use std::ops::{Range, RangeInclusive};

use despatch_contracts::order::Address;

use super::address_block::{AddressBlock, Line, TooLong, leading};
use super::barcode::{Barcode, NotEncodable, QUIET_ZONE};
use super::latin::latin;
use super::lines::{cut, fits, wrap};
use super::shipment::Shipment;
use super::unprintable::Unprintable;

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
/// The smallest font: 2 mm. Text that is too wide even so is cut.
const SMALLEST: u16 = 16;
/// The smallest font of the recipient's address, which couriers read at arm's length: 2.5 mm.
const SMALLEST_TO: u16 = 20;

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
    /// One line of text.
    Text {
        /// The left edge.
        x: u16,
        /// The upper edge of the line.
        y: u16,
        /// The font size.
        size: u16,
        /// Whether the text is bold.
        bold: bool,
        /// The text, in the letters of [`latin`].
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
pub(super) fn layout(shipment: &Shipment<'_>) -> Result<Vec<Item>, Unprintable> {
    let mut items = Vec::new();
    let parcel = format!("Parcel {} of {}", shipment.position, shipment.parcels);

    items.push(line(MARGIN, 36, 22, 400, false, "From"));
    block(&mut items, shipment.from, 62..306, SMALLEST..=24, 400)?;
    items.push(line(480, 36, 40, WIDTH - MARGIN - 480, true, shipment.service));
    items.push(line(480, 90, 32, WIDTH - MARGIN - 480, false, &parcel));
    items.push(Item::Rule { x: MARGIN, y: 310, width: INNER, height: 3 });

    items.push(line(MARGIN, 330, 26, INNER, false, "Ship to"));
    block(&mut items, shipment.to, 366..796, SMALLEST_TO..=44, INNER)?;
    items.push(Item::Rule { x: MARGIN, y: 800, width: INNER, height: 3 });

    let code = Barcode::encode(shipment.tracking_number)?;
    let x = WIDTH.saturating_sub(code.modules.saturating_mul(MODULE)) / 2;
    if x < QUIET_ZONE * MODULE {
        return Err(NotEncodable(shipment.tracking_number.to_owned()).into());
    }
    items.push(Item::Barcode { x, y: 826, height: 230, module: MODULE, code });
    items.push(line(x, 1066, 32, WIDTH - MARGIN - x, false, &grouped(shipment.tracking_number)));
    items.push(Item::Rule { x: MARGIN, y: 1114, width: INNER, height: 3 });

    let reference = format!("Order {}", shipment.order_reference);
    items.push(line(MARGIN, 1136, 34, 500, true, &reference));
    items.push(line(560, 1136, 34, WIDTH - MARGIN - 560, false, &parcel));
    Ok(items)
}

/// Returns one line of text, in a smaller font or cut if it would be wider than `room`.
fn line(x: u16, y: u16, largest: u16, room: u16, bold: bool, text: &str) -> Item {
    let text = latin(text);
    if let Some(size) = (SMALLEST..=largest).rev().find(|size| fits(&text, *size, room)) {
        return Item::Text { x, y, size, bold, text };
    }
    let beginning = wrap(&text, SMALLEST, room).into_iter().next().unwrap_or_default();
    Item::Text { x, y, size: SMALLEST, bold, text: cut(&beginning, SMALLEST, room) }
}

/// Adds an address in lines between two heights, the name in bold, in the largest font in which all of it fits.
fn block(
    items: &mut Vec<Item>,
    address: &Address,
    within: Range<u16>,
    sizes: RangeInclusive<u16>,
    room: u16,
) -> Result<(), TooLong> {
    let AddressBlock { size, lines } = AddressBlock::of(address, within.end - within.start, sizes, room)?;
    let mut y = within.start;
    for Line { text, bold } in lines {
        items.push(Item::Text { x: MARGIN, y, size, bold, text });
        y += leading(size);
    }
    Ok(())
}

/// Formats a tracking number in groups of four, for people to read out.
fn grouped(number: &str) -> String {
    let letters: Vec<char> = number.chars().collect();
    letters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}
