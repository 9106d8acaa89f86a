//! The tracking number as a Code 128 barcode (ISO/IEC 15417): its bars for the PDF, its field data for a printer.

use code128::Code128;

/// Light modules that a scanner needs on either side.
pub(super) const QUIET_ZONE: u16 = 10;

/// Text that cannot be encoded: it is empty, not printable ASCII, or too long for the label.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("barcode: expected printable ASCII that fits the label, found {0:?}")]
pub struct NotEncodable(pub String);

/// A dark bar, in modules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bar {
    /// Modules before the bar, without the quiet zone.
    pub(super) offset: u16,
    /// 1 to 4 modules.
    pub(super) width: u16,
}

/// An encoded text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Barcode {
    text: String,
    /// The dark bars, from left to right.
    pub(super) bars: Vec<Bar>,
    /// Width of the symbol in modules, without quiet zones.
    pub(super) modules: u16,
}

impl Barcode {
    /// Encodes text in the fewest symbols.
    pub(super) fn encode(text: &str) -> Result<Self, NotEncodable> {
        let refused = || NotEncodable(text.to_owned());
        if text.is_empty() || !text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return Err(refused());
        }
        let code = Code128::encode(text.as_bytes());
        let bars = code.bar_coordinates().map(|bar| {
            // The library counts from the left edge of the quiet zone.
            let offset = u16::try_from(bar.x).ok()?.checked_sub(QUIET_ZONE)?;
            Some(Bar { offset, width: bar.width.into() })
        });
        let bars = bars.collect::<Option<Vec<Bar>>>().ok_or_else(refused)?;
        let modules = bars.last().map_or(0, |last| last.offset + last.width);
        Ok(Barcode { text: text.to_owned(), bars, modules })
    }

    /// Returns the text as field data of ZPL's `^BC` in its default mode. There `>:` starts in code set B, `>5` changes
    /// to C, which takes two digits to a symbol, and `>0` is `>` itself. The printer adds the check symbol and the
    /// stop.
    pub(super) fn zpl(&self) -> String {
        let digits = self.text.bytes().rev().take_while(u8::is_ascii_digit).count();
        let (letters, pairs) = self.text.split_at(self.text.len() - digits / 2 * 2);
        let letters = letters.replace('>', ">0");
        // A change of set costs a symbol.
        if pairs.len() < 4 { format!(">:{letters}{pairs}") } else { format!(">:{letters}>5{pairs}") }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn digits_go_two_to_a_symbol() {
        // Start, D, H, change, 11 pairs and check of 11 modules each, and the stop of 13.
        assert_eq!(Barcode::encode("DH7471928784014691342826").expect("ASCII").modules, 16 * 11 + 13);
    }

    #[test]
    fn a_printer_gets_the_same_text() {
        let zpl = |text: &str| Barcode::encode(text).expect("ASCII").zpl();
        assert_eq!(zpl("DH123456"), ">:DH>5123456");
        assert_eq!(zpl("DH1>23456"), ">:DH1>02>53456");
        assert_eq!(zpl("A12"), ">:A12");
    }

    #[test]
    fn what_is_not_printable_ascii_is_refused() {
        for text in ["", "Ä", "tab\t", &"A".repeat(10_000)] {
            assert_eq!(Barcode::encode(text), Err(NotEncodable(text.to_owned())));
        }
    }

    proptest! {
        #[test]
        fn what_is_scanned_is_what_was_encoded(text in "[ -~]{1,40}|[A-Z]{0,3}[0-9]{1,30}[A-Z]{0,2}") {
            let barcode = Barcode::encode(&text).expect("printable ASCII");
            let gaps = barcode.bars.windows(2).map(|pair| pair[1].offset - pair[0].offset - pair[0].width);
            let bars = barcode.bars.iter().zip(gaps.chain([0])).map(|(bar, gap)| code128::Bar {
                width: u8::try_from(bar.width).expect("1 to 4"),
                space: u8::try_from(gap).expect("1 to 4"),
            });
            let scanned = code128::decode(&bars.collect::<Vec<_>>());
            prop_assert_eq!(scanned.ok(), Some(text.into_bytes()));
        }
    }
}
