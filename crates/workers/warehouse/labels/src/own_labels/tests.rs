//! The documents, as a printer, a viewer and a scanner read them.

mod readers;

use std::io::Write as _;
use std::process::Command;

use despatch_contracts::order::Address;
use proptest::prelude::*;

use super::{OwnLabel, Shipment, layout, render, tracking};
use readers::{printed, scanned_from_zpl, shown};

fn warehouse() -> Address {
    Address {
        name: "Despatch Ltd".into(),
        street1: "4 Quay Street".into(),
        city: "Louisville".into(),
        region: "KY".into(),
        postcode: "40202".into(),
        country: "US".into(),
        ..Address::default()
    }
}

fn recipient(name: &str) -> Address {
    Address {
        name: name.into(),
        company: "Brøderbund & Søn".into(),
        street1: "Rosenstraße 17".into(),
        city: "Köln".into(),
        postcode: "50667".into(),
        country: "DE".into(),
        ..Address::default()
    }
}

fn shipment<'a>(from: &'a Address, to: &'a Address, tracking_number: &'a str) -> Shipment<'a> {
    let order_reference = "CA-2017-152156";
    Shipment { from, to, service: "Standard", tracking_number, order_reference, position: 1, parcels: 2 }
}

/// Filled rectangles of the document itself: x, y (from the bottom), width, height, in dots.
fn rectangles(pdf: &[u8]) -> Vec<[u32; 4]> {
    let text = String::from_utf8_lossy(pdf);
    let (_, stream) = text.split_once("stream\n").expect("a content stream");
    let (stream, _) = stream.split_once("endstream").expect("its end");
    stream
        .lines()
        .filter_map(|line| line.strip_suffix(" re"))
        .map(|line| {
            let numbers: Vec<u32> =
                line.split(' ').map(|number| number.parse().expect("whole dots")).collect();
            numbers.try_into().expect("four numbers")
        })
        .collect()
}

/// The rectangles painted black on white, one pixel a dot, as a portable graymap with a white border.
fn painted(rectangles: &[[u32; 4]]) -> Vec<u8> {
    let (width, height) = (u32::from(layout::WIDTH), u32::from(layout::HEIGHT));
    let mut pixels = vec![255_u8; (width * height) as usize];
    for &[x, y, w, h] in rectangles {
        for row in height - y - h..height - y {
            pixels[(row * width + x) as usize..(row * width + x + w) as usize].fill(0);
        }
    }
    let mut pgm = format!("P5\n{width} {height}\n255\n").into_bytes();
    pgm.extend(pixels);
    pgm
}

/// Reads a picture with `zbarimg`; `None` if it is not installed and not required.
fn scanned(pgm: &[u8]) -> Option<String> {
    let mut file = tempfile::Builder::new().suffix(".pgm").tempfile().expect("a temporary file");
    file.write_all(pgm).expect("written");
    match Command::new("zbarimg").args(["--quiet", "--nodbus"]).arg(file.path()).output() {
        Ok(output) => Some(String::from_utf8_lossy(&output.stdout).trim().to_owned()),
        Err(error) if std::env::var_os("DESPATCH_TEST_READERS").is_some() => {
            panic!("zbarimg is needed to read the barcode back: {error}")
        }
        Err(_) => {
            println!("left to `cargo xtask test`, which installs zbarimg: reading the barcode back");
            None
        }
    }
}

#[test]
fn a_scanner_reads_the_tracking_number_off_the_pdf() {
    for order in 0..10 {
        let number = tracking::number(&format!("order-{order}"), 1);
        let (from, to) = (warehouse(), recipient("Ada Lovelace"));
        let label = render(&shipment(&from, &to, &number)).expect("an ASCII number");
        let rectangles = rectangles(&label.pdf);
        assert!(rectangles.len() > 30, "the bars are there");
        let Some(read) = scanned(&painted(&rectangles)) else { return };
        assert_eq!(read, format!("CODE-128:{number}"));
    }
}

#[test]
fn the_bars_keep_their_quiet_zone() {
    let number = tracking::number("order", 1);
    let (from, to) = (warehouse(), recipient("Ada Lovelace"));
    let label = render(&shipment(&from, &to, &number)).expect("an ASCII number");
    let bars: Vec<_> = rectangles(&label.pdf).into_iter().filter(|[.., height]| *height > 100).collect();
    let left = bars.iter().map(|[x, ..]| *x).min().expect("bars");
    let right = bars.iter().map(|[x, _, width, _]| x + width).max().expect("bars");
    assert!(left >= 30 && u32::from(layout::WIDTH) - right >= 30, "10 modules of 3 dots: {left}..{right}");
    assert!(bars.iter().all(|[_, _, width, _]| width % 3 == 0));
}

/// Reads both documents back, and panics if they differ. Returns the lines that both have.
fn read_back(label: &OwnLabel, tracking_number: &str) -> Vec<String> {
    let printed = printed(&label.zpl);
    let barcodes: Vec<String> = printed.barcodes.iter().map(|data| scanned_from_zpl(data)).collect();
    assert_eq!(barcodes, [tracking_number]);
    if let Some(shown) = shown(&label.pdf, &printed.texts) {
        assert_eq!(shown, printed.texts);
    }
    assert!(label.pdf.len() <= 10_000, "{} bytes", label.pdf.len());
    printed.texts.into_iter().map(|text| text.line).collect()
}

#[test]
fn both_documents_say_the_same() {
    let number = tracking::number("order", 1);
    let from = warehouse();
    for (name, street, expected) in [
        ("Ada Lovelace", "Rosenstraße 17", ["Ada Lovelace", "Rosenstraße 17"]),
        ("Ирина (Irina) Петрова", "ул. Ленина 5", ["Irina (Irina) Petrova", "ul. Lenina 5"]),
        ("Łukasz Świętochowski", "ul. Żółkiewskiego 3", ["Lukasz Swietochowski", "ul. Zólkiewskiego 3"]),
        ("Γιώργος Παπαδόπουλος", "Οδός Ερμού 1", ["Giorgos Papadopoylos", "Odos Ermoy 1"]),
        ("田中太郎", "中山路 8", ["TianZhongTaiLang", "ZhongShanLu 8"]),
        ("محمد علي", "שדרות רוטשילד 1", ["mhmd `ly", "sdrvt rvtsyld 1"]),
        ("\u{202E}Noa\u{202C} Levi", "Zoe\u{308}straße 1", ["Noa Levi", "Zoëstraße 1"]),
        ("Zoë 😀", "C:\\temp\\new", ["Zoë :grinning:", "C:\\temp\\new"]),
        ("^XZ~JA_5 O'Brien", "(unclosed \\) <a&b> \"c\"", ["^XZ~JA_5 O'Brien", "(unclosed \\) <a&b> \"c\""]),
        ("100 % _5E_7E >0>5", "))((\\\\", ["100 % _5E_7E >0>5", "))((\\\\"]),
        ("Œuvre ‚Š‘ €", "tab\tand\r\nline", ["Œuvre ‚Š‘ €", "tab and line"]),
    ] {
        let to = Address { street1: street.into(), ..recipient(name) };
        let lines = read_back(&render(&shipment(&from, &to, &number)).expect("printable"), &number);
        for text in expected.into_iter().chain([
            "Parcel 1 of 2",
            "Order CA-2017-152156",
            "Despatch Ltd",
            "Standard",
            "Louisville, KY 40202",
            "50667 Köln",
            "DE",
        ]) {
            assert!(lines.iter().any(|line| line == text), "{text:?} is missing: {lines:?}");
        }
    }
}

#[test]
fn long_addresses_are_the_same_in_both_documents_and_keep_their_postcode() {
    let number = tracking::number("order", 1);
    for long in
        ["Llanfairpwllgwyngyll", "Rosenstraße am Alten Botanischen Garten, Hof 17, Aufgang B ", "長", "W"]
    {
        for times in [3, 30, 300] {
            let text = long.repeat(times);
            let to = Address {
                street1: text.clone(),
                city: text.clone(),
                region: text.clone(),
                ..recipient(&text)
            };
            let lines = read_back(&render(&shipment(&to, &to, &number)).expect("printable"), &number);
            for text in ["50667", "DE"] {
                let found = lines.iter().filter(|line| line.split(' ').next() == Some(text)).count();
                assert_eq!(found, 2, "{text} of sender and recipient: {lines:?}");
            }
        }
    }
}

#[test]
fn the_zpl_is_as_it_was_reviewed() {
    let number = tracking::number("order", 1);
    let (from, to) = (warehouse(), recipient("田中太郎"));
    let label = render(&shipment(&from, &to, &number)).expect("an ASCII number");
    insta::assert_snapshot!(label.zpl);
}

#[test]
fn a_number_too_long_for_the_label_is_refused() {
    let (from, to) = (warehouse(), recipient("Ada Lovelace"));
    assert!(render(&shipment(&from, &to, &"A".repeat(40))).is_err());
}

proptest! {
    // Each case starts a program that reads the PDF.
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_address_reads_the_same_in_both_documents(
        [name, street, city] in prop::array::uniform3("\\PC{0,200}"),
        service in ".{0,60}",
        order_reference in ".{0,60}",
    ) {
        let from = warehouse();
        let to = Address { street1: street, city, ..recipient(&name) };
        let number = tracking::number(&name, 1);
        let shipment = Shipment {
            service: &service,
            order_reference: &order_reference,
            ..shipment(&from, &to, &number)
        };
        read_back(&render(&shipment).expect("printable"), &number);
    }
}
