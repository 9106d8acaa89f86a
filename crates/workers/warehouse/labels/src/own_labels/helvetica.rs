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

/// The widest width: no letter of the code page is wider.
const WIDEST: u16 = 1000;

/// How much wider the bold face is than the regular one at most, in percent.
const BOLD: u32 = 111;

/// Returns a width that the text does not exceed at this font size, in either face, in the font size's unit.
pub(super) fn width(text: &str, size: u16) -> u32 {
    let advance: u32 = text.chars().map(advance).sum();
    advance.saturating_mul(BOLD).saturating_mul(u32::from(size)).div_ceil(100_000)
}

fn advance(letter: char) -> u32 {
    let index = u32::from(letter).checked_sub(u32::from(b' ')).and_then(|index| usize::try_from(index).ok());
    u32::from(index.and_then(|index| ADVANCES.get(index).copied()).unwrap_or(WIDEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_those_of_the_font() {
        // H 722, e 556, l 222, l 222, o 556 thousandths are 2278, and 11 % more in the bold face.
        assert_eq!(width("Hello", 1000), 2529);
        assert_eq!(width("Hello", 10), 26, "rounded up");
    }
}
