//! The drawing as ZPL II for a 203 dpi thermal printer. Its built-in font has one face, so nothing is bold.

use std::fmt::Write as _;

use super::layout::{HEIGHT, Item, WIDTH};

/// Writes the document.
pub(super) fn write(items: &[Item]) -> String {
    // ^CI28: field data is UTF-8.
    let mut zpl = format!("^XA^CI28^PW{WIDTH}^LL{HEIGHT}^LH0,0\n");
    for item in items {
        // Writing to a string cannot fail.
        let _ = match item {
            Item::Rule { x, y, width, height } => {
                writeln!(zpl, "^FO{x},{y}^GB{width},{height},{}^FS", width.min(height))
            }
            Item::Barcode { x, y, height, module, code } => {
                writeln!(zpl, "^BY{module}^FO{x},{y}^BCN,{height},N,N,N^FH^FD{}^FS", field(&code.zpl()))
            }
            Item::Text { x, y, size, bold: _, text } => {
                writeln!(zpl, "^FO{x},{y}^A0N,{size},{size}^FH^FD{}^FS", field(text))
            }
        };
    }
    zpl.push_str("^XZ\n");
    zpl
}

/// Returns field data under `^FH`: command characters, and the escape itself, become `_` and two hex digits.
fn field(text: &str) -> String {
    let mut field = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '^' | '~' | '_' => {
                let _ = write!(field, "_{:02X}", u32::from(letter));
            }
            letter if letter.is_control() => field.push(' '),
            letter => field.push(letter),
        }
    }
    field
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_give_the_printer_commands() {
        assert_eq!(field("x^XZ~JA_5\n"), "x_5EXZ_7EJA_5F5 ");
    }
}
