//! Widths of text in Helvetica, the PDF's standard sans serif. They also serve for a printer's built-in font, which is
//! narrower. Written by hand, because no library has the standard fonts' metrics without a font engine and a font file.

/// Advance widths of ASCII from the space to the tilde, in thousandths of the font size (Adobe's font metrics).
#[rustfmt::skip]
const ADVANCES: [u16; 95] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278,
    556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556,
    1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778,
    667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556,
    333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556,
    556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
];

/// The widest width: no letter of the code page is wider, and no ideograph.
const WIDEST: u16 = 1000;

/// How much wider the bold face is than the regular one at most, in percent.
const BOLD: u32 = 111;

/// Returns a width that the text does not exceed at this font size, in the font size's unit. Exact for ASCII in the
/// regular face.
pub(super) fn width(letters: impl IntoIterator<Item = u32>, size: u16, bold: bool) -> u32 {
    let advance: u32 = letters.into_iter().map(advance).sum();
    let percent = if bold { BOLD } else { 100 };
    advance.saturating_mul(u32::from(size)).saturating_mul(percent) / 100_000
}

/// Returns the largest font size up to `size` at which the text is no wider than `room`.
pub(super) fn fit(letters: impl IntoIterator<Item = u32>, size: u16, bold: bool, room: u16) -> u16 {
    let width = width(letters, size, bold);
    let scaled = u32::from(size) * u32::from(room) / width.max(u32::from(room));
    // The result is never larger than `size`, because the divisor is at least `room`.
    u16::try_from(scaled).unwrap_or(size).max(1)
}

fn advance(letter: u32) -> u32 {
    let index = letter.checked_sub(u32::from(b' ')).and_then(|index| usize::try_from(index).ok());
    u32::from(index.and_then(|index| ADVANCES.get(index).copied()).unwrap_or(WIDEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> impl Iterator<Item = u32> {
        text.chars().map(u32::from)
    }

    #[test]
    fn widths_are_those_of_the_font() {
        // H 722, e 556, l 222, l 222, o 556 thousandths.
        assert_eq!(width(of("Hello"), 1000, false), 2278);
        assert_eq!(width(of("Hello"), 10, false), 22);
    }

    #[test]
    fn text_shrinks_only_when_it_must() {
        assert_eq!(fit(of("Hello"), 40, false, 700), 40);
        let size = fit(of("Hello, hello, hello"), 40, false, 200);
        assert!(size < 40 && width(of("Hello, hello, hello"), size, false) <= 200);
    }
}
