//! An address in lines: the largest font in which all of it fits, and what is cut if even the smallest is too large.
//!
//! Postcode and country are always complete, because they lead the parcel. Of the rest the longest part is cut first,
//! down to one line, and an ellipsis shows it. The phone number is not on the label.

use std::ops::RangeInclusive;

use despatch_contracts::order::Address;

use super::latin::latin;
use super::lines::{cut, fits, wrap};

/// A postcode or a country is so long that it does not fit even in the smallest font. The error does not repeat it,
/// because errors are logged and logs hold no personal data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("address: expected a postcode and a country that fit the label, found {0} letters")]
pub struct TooLong(usize);

/// An address, ready to print.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct AddressBlock {
    /// The font size of every line.
    pub(super) size: u16,
    pub(super) lines: Vec<Line>,
}

/// A line of an address.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) text: String,
    /// Whether it belongs to the name.
    pub(super) bold: bool,
}

/// Returns the distance between the upper edges of two lines.
pub(super) fn leading(size: u16) -> u16 {
    size + size / 4
}

/// A part of an address, broken into lines.
struct Part {
    lines: Vec<String>,
    bold: bool,
    /// Whether it must be complete.
    whole: bool,
    is_cut: bool,
}

impl AddressBlock {
    /// Breaks an address into lines that are no wider than `room` and together no higher than `height`.
    pub(super) fn of(
        address: &Address,
        height: u16,
        sizes: RangeInclusive<u16>,
        room: u16,
    ) -> Result<Self, TooLong> {
        let fields = Fields::of(address);
        let smallest = *sizes.start();
        for size in sizes.rev() {
            let parts = fields.parts(size, room);
            if lines(&parts) <= usize::from(height / leading(size)) {
                return Ok(AddressBlock { size, lines: set(parts, size, room) });
            }
        }
        let mut parts = fields.parts(smallest, room);
        while lines(&parts) > usize::from(height / leading(smallest)) {
            let cuttable = parts.iter_mut().filter(|part| !part.whole && part.lines.len() > 1);
            let Some(longest) = cuttable.max_by_key(|part| part.lines.len()) else {
                return Err(TooLong(fields.postcode.chars().count() + fields.country.chars().count()));
            };
            longest.lines.pop();
            longest.is_cut = true;
        }
        Ok(AddressBlock { size: smallest, lines: set(parts, smallest, room) })
    }
}

fn lines(parts: &[Part]) -> usize {
    parts.iter().map(|part| part.lines.len()).sum()
}

/// Returns the lines of all parts, with an ellipsis at the end of each that was cut.
fn set(parts: Vec<Part>, size: u16, room: u16) -> Vec<Line> {
    let mut set = Vec::new();
    for Part { mut lines, bold, is_cut, .. } in parts {
        if let Some(last) = lines.last_mut().filter(|_| is_cut) {
            *last = cut(last, size, room);
        }
        set.extend(lines.into_iter().map(|text| Line { text, bold }));
    }
    set
}

/// An address in the letters of a label.
struct Fields {
    name: String,
    /// Company and streets.
    above: [String; 3],
    /// City and region.
    town: String,
    postcode: String,
    /// Whether the postcode stands before the town.
    postcode_first: bool,
    country: String,
}

impl Fields {
    fn of(address: &Address) -> Self {
        let Address { name, company, street1, street2, city, region, postcode, country, phone: _ } = address;
        let (city, region) = (latin(city), latin(region));
        let between =
            if matches!(country.as_str(), "US" | "CA" | "AU") && !city.is_empty() { ", " } else { " " };
        let town = if region.is_empty() { city } else { format!("{city}{between}{region}") };
        Fields {
            name: latin(name),
            above: [latin(company), latin(street1), latin(street2)],
            town: town.trim().to_owned(),
            postcode: latin(postcode),
            postcode_first: !matches!(country.as_str(), "US" | "CA" | "AU" | "GB" | "IE" | "IN"),
            country: latin(country),
        }
    }

    fn parts(&self, size: u16, room: u16) -> Vec<Part> {
        let part =
            |text: &str, bold, whole| Part { lines: wrap(text, size, room), bold, whole, is_cut: false };
        let mut parts = vec![part(&self.name, true, false)];
        parts.extend(self.above.iter().map(|text| part(text, false, false)));
        let (postcode, town) = (self.postcode.as_str(), self.town.as_str());
        let place = if self.postcode_first { [postcode, town] } else { [town, postcode] };
        let one_line = place.join(" ");
        if fits(&one_line, size, room) {
            parts.push(part(&one_line, false, true));
        } else {
            let each = if self.postcode_first { [true, false] } else { [false, true] };
            parts.extend(place.into_iter().zip(each).map(|(text, whole)| part(text, false, whole)));
        }
        parts.push(part(&self.country, false, true));
        parts
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn block(address: &Address) -> Result<AddressBlock, TooLong> {
        AddressBlock::of(address, 430, 20..=44, 740)
    }

    fn texts(address: &Address) -> Vec<String> {
        block(address).expect("it fits").lines.into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn the_place_is_written_as_its_country_writes_it() {
        let place = |country: &str, region: &str| {
            texts(&Address {
                city: "X".into(),
                region: region.into(),
                postcode: "1".into(),
                country: country.into(),
                ..Address::default()
            })
        };
        assert_eq!(place("US", "KY"), ["X, KY 1", "US"]);
        assert_eq!(place("US", ""), ["X 1", "US"]);
        assert_eq!(place("DE", ""), ["1 X", "DE"]);
        assert_eq!(place("GB", ""), ["X 1", "GB"]);
        assert_eq!(place("GB", "Kent"), ["X Kent 1", "GB"]);
    }

    #[test]
    fn a_longer_address_has_a_smaller_font_before_anything_is_cut() {
        let mut address = Address { name: "Anna Lind".into(), country: "SE".into(), ..Address::default() };
        assert_eq!(block(&address).map(|block| block.size), Ok(44));
        address.street1 = "word ".repeat(80);
        let block = block(&address).expect("it fits");
        assert!((21..44).contains(&block.size), "{}", block.size);
        let words = block.lines.iter().flat_map(|line| line.text.split(' ')).filter(|word| *word == "word");
        assert_eq!(words.count(), 80);
    }

    #[test]
    fn the_longest_part_is_cut_and_postcode_and_country_stay() {
        let address = Address {
            name: "Anna Lind".into(),
            street1: "word ".repeat(600),
            city: "Llanfairpwllgwyngyll ".repeat(60),
            postcode: "LL61 5UJ".into(),
            country: "GB".into(),
            ..Address::default()
        };
        let lines = texts(&address);
        assert_eq!(lines.len(), 17);
        assert_eq!(lines.first().map(String::as_str), Some("Anna Lind"));
        assert_eq!(lines.iter().filter(|line| line.ends_with('…')).count(), 2, "{lines:?}");
        assert_eq!(lines[lines.len() - 2..], ["LL61 5UJ", "GB"]);
    }

    #[test]
    fn a_postcode_without_end_is_refused() {
        let address = Address { postcode: "9".repeat(5_000), country: "DE".into(), ..Address::default() };
        assert_eq!(block(&address), Err(TooLong(5_002)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn nothing_of_an_address_is_lost_silently(
            [name, company, street1, street2, city, region] in prop::array::uniform6("\\PC{0,160}"),
            postcode in "\\PC{0,40}",
            country in "US|DE|GB|CN",
        ) {
            let address = Address {
                name, company, street1, street2, city, region, postcode, country, ..Address::default()
            };
            let AddressBlock { size, lines } = block(&address).expect("it fits");
            let letters = |text: &str| text.split_whitespace().collect::<String>();
            let mut rest = letters(&lines.iter().map(|line| line.text.as_str()).collect::<String>());
            prop_assert!(lines.iter().all(|line| fits(&line.text, size, 740)));
            prop_assert!(lines.len() * usize::from(leading(size)) <= 430);
            prop_assert!(lines.last().is_some_and(|line| line.text == address.country));
            prop_assert!(rest.contains(&letters(&latin(&address.postcode))));
            // Each part stands in its order, complete or up to an ellipsis.
            let Fields { name, above, town, postcode, postcode_first, country } = Fields::of(&address);
            let place = if postcode_first { [postcode, town] } else { [town, postcode] };
            for part in [vec![name], above.to_vec(), place.to_vec(), vec![country]].concat() {
                let part = letters(&part);
                if let Some(after) = rest.strip_prefix(&part) {
                    rest = after.to_owned();
                    continue;
                }
                let common = rest.chars().zip(part.chars()).take_while(|(found, wanted)| found == wanted).count();
                let mut after = rest.chars().skip(common);
                prop_assert_eq!(after.next(), Some('…'), "{:?} is lost", part);
                rest = after.collect();
            }
            prop_assert_eq!(rest, "");
        }
    }
}
