//! The label behind a `label_url`: plain, but a valid file of its format.

use std::fmt::Write as _;

use super::format::tracking_number;
use super::pdf;
use super::service::Service;
use super::shipment::Shipment;
use super::transaction::{Format, Transaction};

/// Returns the media type and the bytes of a label.
pub(super) fn render(
    transaction: &Transaction,
    shipment: &Shipment,
    service: &Service,
) -> (&'static str, Vec<u8>) {
    let number = tracking_number(transaction.id, service);
    let mut lines = vec![format!("{} {}", service.carrier, service.name), String::new()];
    for place in [&shipment.from, &shipment.to] {
        lines.extend(place.lines.lines().map(str::to_owned));
        lines.push(format!("{} {} {} {}", place.city, place.state, place.zip, place.country));
        lines.push(String::new());
    }
    lines.extend([number.clone(), transaction.metadata.to_string()]);
    match transaction.format {
        Format::Pdf => ("application/pdf", pdf::page(&lines)),
        Format::Zpl => ("application/zpl", zpl(&lines, &number).into_bytes()),
    }
}

/// Returns a label of 812 × 1218 dots: 4 × 6 inches at 203 dpi. `^` and `~` begin ZPL's commands, so they cannot be
/// text.
fn zpl(lines: &[String], number: &str) -> String {
    let mut label = String::from("^XA^CI28^PW812^LL1218\n");
    for (line, top) in lines.iter().zip((40..).step_by(40)) {
        let text = line.replace(['^', '~'], " ");
        // Writing to a String cannot fail.
        let _ = writeln!(label, "^FO40,{top}^A0N,32,32^FD{text}^FS");
    }
    let _ = writeln!(label, "^FO40,900^BY3^BCN,160,Y,N,N^FD{number}^FS\n^XZ");
    label
}
