//! Readers of both documents: poppler's `pdftotext` for the PDF, and a small interpreter of ZPL.

use std::io::Write as _;
use std::process::Command;

/// One line of text. Positions are dots from the label's top left corner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text {
    pub(super) x: u32,
    pub(super) y: u32,
    pub(super) size: u32,
    pub(super) line: String,
}

/// A ZPL document as a printer reads it.
#[derive(Debug, Default)]
pub(super) struct Printed {
    pub(super) texts: Vec<Text>,
    /// The field data of barcodes.
    pub(super) barcodes: Vec<String>,
}

/// Interprets ZPL. A command that a label has no use for is a panic, because only an address could have brought it in.
pub(super) fn printed(zpl: &str) -> Printed {
    let mut printed = Printed::default();
    let (mut at, mut size, mut is_barcode, mut is_escaped, mut is_utf8) = ((0, 0), 0, false, false, false);
    let mut data = String::new();
    for command in zpl.split(['^', '~']).skip(1) {
        let (name, rest) = command.split_at_checked(2).expect("a command has two letters");
        let numbers: Vec<u32> = rest.trim_end().split(',').filter_map(|number| number.parse().ok()).collect();
        match name {
            "XA" | "XZ" | "PW" | "LL" | "LH" | "GB" | "BY" => {}
            "CI" => is_utf8 = numbers == [28],
            "FO" => at = (numbers[0], numbers[1]),
            "A0" => size = numbers[0],
            "BC" => is_barcode = true,
            "FH" => is_escaped = true,
            "FD" => data = if is_escaped { unescaped(rest) } else { rest.to_owned() },
            "FS" => {
                let text = std::mem::take(&mut data);
                if is_barcode {
                    printed.barcodes.push(text);
                } else if !text.is_empty() {
                    printed.texts.push(Text { x: at.0, y: at.1, size, line: text });
                }
                (is_barcode, is_escaped) = (false, false);
            }
            other => panic!("{other:?} is no command of a label: {command:?}"),
        }
    }
    assert!(is_utf8, "field data is UTF-8");
    printed
}

/// Field data after `^FH`: an underscore and two hex digits are a byte.
fn unescaped(field: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = field.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'_' {
            let digits: Vec<u8> = rest.by_ref().take(2).collect();
            let digits = String::from_utf8(digits).expect("two digits");
            bytes.push(u8::from_str_radix(&digits, 16).expect("a byte in hex"));
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).expect("UTF-8")
}

/// Reads a PDF with `pdftotext`, and returns its words by the places of `texts`; `None` if it is not installed and not
/// required. A word without a place is a panic.
pub(super) fn shown(pdf: &[u8], texts: &[Text]) -> Option<Vec<Text>> {
    let mut file = tempfile::Builder::new().suffix(".pdf").tempfile().expect("a temporary file");
    file.write_all(pdf).expect("written");
    let output = match Command::new("pdftotext").arg("-bbox").arg(file.path()).arg("-").output() {
        Ok(output) => output,
        Err(error) if std::env::var_os("DESPATCH_TEST_READERS").is_some() => {
            panic!("pdftotext is needed to read the label back: {error}")
        }
        Err(_) => {
            println!("left to `cargo xtask test`, which installs pdftotext: reading the PDF back");
            return None;
        }
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let page = String::from_utf8(output.stdout).expect("UTF-8");
    let mut shown: Vec<Text> =
        texts.iter().map(|text| Text { line: String::new(), ..text.clone() }).collect();
    for line in page.lines().filter(|line| line.trim_start().starts_with("<word ")) {
        let (x, middle, word) = word(line);
        let place = shown
            .iter_mut()
            .filter(|place| (f64::from(place.y)..f64::from(place.y + place.size)).contains(&middle))
            .filter(|place| f64::from(place.x) <= x + 2.0)
            .max_by_key(|place| place.x);
        let Text { line, .. } = place.unwrap_or_else(|| panic!("no text is at {x}, {middle}: {word}"));
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&word);
    }
    Some(shown)
}

/// The left edge and the middle of a word, in dots, and the word.
fn word(line: &str) -> (f64, f64, String) {
    let number = |name: &str| -> f64 {
        let (_, rest) = line.split_once(&format!("{name}=\"")).expect("an attribute");
        let (number, _) = rest.split_once('"').expect("its end");
        number.parse::<f64>().expect("a number") * 203.0 / 72.0
    };
    let (_, word) = line.split_once('>').expect("the word");
    let (word, _) = word.rsplit_once("</word>").expect("its end");
    let word = word.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    let word = word.replace("&apos;", "'").replace("&#39;", "'").replace("&amp;", "&");
    (number("xMin"), f64::midpoint(number("yMin"), number("yMax")), word)
}

/// The text of a barcode's field data.
pub(super) fn scanned_from_zpl(data: &str) -> String {
    let text = data.strip_prefix(">:").expect("it starts in code set B");
    text.replace(">5", "").replace(">0", ">")
}
