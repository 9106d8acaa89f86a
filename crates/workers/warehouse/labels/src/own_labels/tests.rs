//! The documents, as a printer and a scanner read them.

use std::io::Write as _;
use std::process::Command;

use despatch_contracts::order::Address;
use proptest::prelude::*;

use super::{Shipment, layout, render, tracking};

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
    Shipment { from, to, service: "Standard", tracking_number, order_reference, parcel: 1, parcels: 2 }
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
        Err(error) if std::env::var_os("DESPATCH_TEST_BARCODE").is_some() => {
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

#[test]
fn both_documents_say_the_same_and_stay_small() {
    let number = tracking::number("order", 1);
    let (from, to) = (warehouse(), recipient("Ирина (Irina) Петрова"));
    let label = render(&shipment(&from, &to, &number)).expect("an ASCII number");
    assert!(label.pdf.len() <= 10_000, "{} bytes", label.pdf.len());
    assert!(label.zpl.contains("^FDИрина (Irina) Петрова^FS"), "{}", label.zpl);
    let pdf = String::from_utf8_lossy(&label.pdf);
    // Parentheses delimit strings in a PDF, so those of the name must be escaped.
    let escaped = [r"(Irina \(Irina\) Petrova)", "(Irina (Irina) Petrova)"];
    assert!(escaped.iter().any(|text| pdf.contains(text)), "{pdf}");
    for text in ["Parcel 1 of 2", "Order CA-2017-152156", "Despatch Ltd", "Standard", "Louisville, KY 40202"]
    {
        assert!(pdf.contains(&format!("({text}) Tj")), "the PDF lacks {text:?}");
        assert!(label.zpl.contains(&format!("^FD{text}^FS")), "the ZPL lacks {text:?}");
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
    #[test]
    fn any_name_prints(name in "\\PC{0,200}", street in ".{0,200}") {
        let from = warehouse();
        let to = Address { street1: street, ..recipient(&name) };
        let number = tracking::number(&name, 1);
        let label = render(&shipment(&from, &to, &number)).expect("an ASCII number");
        prop_assert!(label.pdf.len() <= 10_000);
        prop_assert!(!label.zpl.is_empty());
    }
}
