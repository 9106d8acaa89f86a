//! Code 128 barcodes (ISO/IEC 15417) in code sets B and C: any printable ASCII, digits at two to a symbol.

/// Light modules that a scanner needs on either side.
pub(super) const QUIET_ZONE: u16 = 10;

/// Widths of bars and spaces in turn, first a bar, for every symbol value; the last is the stop pattern.
#[rustfmt::skip]
const PATTERNS: [&[u8]; 107] = [
    b"212222", b"222122", b"222221", b"121223", b"121322", b"131222", b"122213", b"122312", b"132212", b"221213",
    b"221312", b"231212", b"112232", b"122132", b"122231", b"113222", b"123122", b"123221", b"223211", b"221132",
    b"221231", b"213212", b"223112", b"312131", b"311222", b"321122", b"321221", b"312212", b"322112", b"322211",
    b"212123", b"212321", b"232121", b"111323", b"131123", b"131321", b"112313", b"132113", b"132311", b"211313",
    b"231113", b"231311", b"112133", b"112331", b"132131", b"113123", b"113321", b"133121", b"313121", b"211331",
    b"231131", b"213113", b"213311", b"213131", b"311123", b"311321", b"331121", b"312113", b"312311", b"332111",
    b"314111", b"221411", b"431111", b"111224", b"111422", b"121124", b"121421", b"141122", b"141221", b"112214",
    b"112412", b"122114", b"122411", b"142112", b"142211", b"241211", b"221114", b"413111", b"241112", b"134111",
    b"111242", b"121142", b"121241", b"114212", b"124112", b"124211", b"411212", b"421112", b"421211", b"212141",
    b"214121", b"412121", b"111143", b"111341", b"131141", b"114113", b"114311", b"411113", b"411311", b"113141",
    b"114131", b"311141", b"411131", b"211412", b"211214", b"211232", b"2331112",
];

const SWITCH_TO_C: u8 = 99;
const SWITCH_TO_B: u8 = 100;
const START_B: u8 = 104;
const START_C: u8 = 105;
const STOP: u8 = 106;

/// Text that Code 128 sets B and C cannot hold: it is empty or not printable ASCII.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} has no barcode: only printable ASCII has one")]
pub struct NotEncodable(pub String);

/// A dark bar: its first module and its width, in modules from the start of the symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bar {
    /// Modules before it, the quiet zone not counted.
    pub(super) offset: u16,
    /// 1 to 4 modules.
    pub(super) width: u16,
}

/// An encoded text, without check symbol and stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Code128 {
    values: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Set {
    B,
    C,
}

impl Code128 {
    /// Encodes text, changing to set C where that makes the barcode shorter.
    pub(super) fn encode(text: &str) -> Result<Self, NotEncodable> {
        let bytes = text.as_bytes();
        if bytes.is_empty() || !bytes.iter().all(|byte| (b' '..=b'~').contains(byte)) {
            return Err(NotEncodable(text.to_owned()));
        }
        let run = digits(bytes);
        let mut set = if run >= 4 || (run == 2 && bytes.len() == 2) { Set::C } else { Set::B };
        let mut values = vec![if set == Set::B { START_B } else { START_C }];
        let mut rest = bytes;
        while let Some(&byte) = rest.first() {
            let run = digits(rest);
            match set {
                Set::C if run >= 2 => {
                    values.push((rest[0] - b'0') * 10 + (rest[1] - b'0'));
                    rest = &rest[2..];
                }
                Set::C => {
                    values.push(SWITCH_TO_B);
                    set = Set::B;
                }
                // A switch costs a symbol, and another one if there is a way back.
                Set::B if run.is_multiple_of(2) && run >= if run == rest.len() { 4 } else { 6 } => {
                    values.push(SWITCH_TO_C);
                    set = Set::C;
                }
                Set::B => {
                    values.push(byte - b' ');
                    rest = &rest[1..];
                }
            }
        }
        Ok(Code128 { values })
    }

    /// How wide the symbol is, in modules, without quiet zones.
    pub(super) fn modules(&self) -> u16 {
        self.widths().sum()
    }

    /// The dark bars, from left to right.
    pub(super) fn bars(&self) -> Vec<Bar> {
        let mut offset = 0;
        let mut dark = false;
        let mut bars = Vec::new();
        for width in self.widths() {
            dark = !dark;
            if dark {
                bars.push(Bar { offset, width });
            }
            offset += width;
        }
        bars
    }

    /// The same symbols as field data of ZPL's `^BC` in its default mode, which takes code set changes from `>` escapes
    /// and adds check symbol and stop itself.
    pub(super) fn zpl(&self) -> String {
        let mut data = String::new();
        let mut set = Set::B;
        for &value in &self.values {
            match (set, value) {
                (_, START_B) => data.push_str(">:"),
                (_, START_C) => data.push_str(">;"),
                (Set::B, SWITCH_TO_C) => data.push_str(">5"),
                (Set::C, SWITCH_TO_B) => data.push_str(">6"),
                (Set::C, pair) => data.extend([char::from(b'0' + pair / 10), char::from(b'0' + pair % 10)]),
                (Set::B, letter) => match char::from(letter + b' ') {
                    '>' => data.push_str(">0"),
                    letter => data.push(letter),
                },
            }
            set = match value {
                START_C | SWITCH_TO_C => Set::C,
                START_B | SWITCH_TO_B => Set::B,
                _ => set,
            };
        }
        data
    }

    /// Bars and spaces in turn, with check symbol and stop.
    fn widths(&self) -> impl Iterator<Item = u16> {
        self.values
            .iter()
            .copied()
            .chain([self.check(), STOP])
            .flat_map(|value| PATTERNS[usize::from(value)])
            .map(|width| u16::from(width - b'0'))
    }

    /// The values weighted by their position, modulo 103; start and first symbol both weigh one.
    fn check(&self) -> u8 {
        let sum = (0_u32..)
            .zip(&self.values)
            .fold(0, |sum, (position, &value)| (sum + position.max(1) * u32::from(value)) % 103);
        u8::try_from(sum).unwrap_or(0)
    }
}

/// How many digits the text begins with.
fn digits(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Reads a barcode back from its bars alone, as a scanner does.
    fn scan(bars: &[Bar]) -> Option<String> {
        let mut widths = Vec::new();
        for (bar, next) in bars.iter().zip(bars.iter().skip(1).map(Some).chain([None])) {
            widths.push(bar.width);
            widths.extend(next.map(|next| next.offset - bar.offset - bar.width));
        }
        let stop = widths.split_off(widths.len().checked_sub(7)?);
        let value = |widths: &[u16]| {
            PATTERNS
                .iter()
                .position(|pattern| pattern.iter().map(|w| u16::from(w - b'0')).eq(widths.iter().copied()))
        };
        assert_eq!(value(&stop), Some(106));
        let mut values = widths.chunks(6).map(value).collect::<Option<Vec<_>>>()?;
        let check = values.pop()?;
        let sum = values.iter().enumerate().map(|(position, value)| position.max(1) * value).sum::<usize>();
        assert_eq!(sum % 103, check);
        let mut set_c = values[0] == 105;
        let mut text = String::new();
        for value in values.into_iter().skip(1) {
            match (set_c, value) {
                (false, 99) => set_c = true,
                (true, 100) => set_c = false,
                (true, pair) => text.extend(format!("{pair:02}").chars()),
                (false, letter) => text.push(char::from(u8::try_from(letter).ok()? + 32)),
            }
        }
        Some(text)
    }

    #[test]
    fn every_pattern_is_eleven_modules_and_unlike_any_other() {
        assert_eq!(PATTERNS.iter().collect::<BTreeSet<_>>().len(), PATTERNS.len());
        for pattern in &PATTERNS[..106] {
            assert_eq!(pattern.iter().map(|width| width - b'0').sum::<u8>(), 11);
            // The symbology's own parity: dark modules of a symbol are even in number.
            assert_eq!(pattern.iter().step_by(2).map(|width| width - b'0').sum::<u8>() % 2, 0);
        }
    }

    #[test]
    fn digits_go_two_to_a_symbol() {
        let all_digits = Code128::encode("12345678").expect("digits are ASCII");
        assert_eq!(all_digits.values, [START_C, 12, 34, 56, 78]);
        let mixed = Code128::encode("DH123456").expect("ASCII");
        assert_eq!(mixed.values, [START_B, 36, 40, SWITCH_TO_C, 12, 34, 56]);
        let odd = Code128::encode("A12345").expect("ASCII");
        assert_eq!(odd.values, [START_B, 33, 17, SWITCH_TO_C, 23, 45]);
    }

    #[test]
    fn a_printer_is_told_the_same_symbols() {
        assert_eq!(Code128::encode("DH123456").expect("ASCII").zpl(), ">:DH>5123456");
        assert_eq!(Code128::encode("123456A>B").expect("ASCII").zpl(), ">;123456>6A>0B");
    }

    #[test]
    fn what_is_not_printable_ascii_is_refused() {
        for text in ["", "Ä", "tab\t"] {
            assert_eq!(Code128::encode(text), Err(NotEncodable(text.to_owned())));
        }
    }

    proptest! {
        #[test]
        fn what_is_scanned_is_what_was_encoded(text in "[ -~]{1,40}|[A-Z]{0,3}[0-9]{1,30}[A-Z]{0,2}") {
            let code = Code128::encode(&text).expect("printable ASCII");
            prop_assert_eq!(scan(&code.bars()), Some(text));
            prop_assert_eq!(code.modules(), code.widths().sum::<u16>());
        }
    }
}
