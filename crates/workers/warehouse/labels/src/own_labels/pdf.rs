//! The drawing as a PDF of 4×6 inches, with the viewer's own Helvetica: about 5 KB, nothing embedded.

use pdf_writer::{Content, Finish as _, Name, Pdf, Rect, Ref, Str};

use super::latin::win_ansi;
use super::layout::{DPI, HEIGHT, Item, WIDTH};

const CATALOG: Ref = Ref::new(1);
const PAGES: Ref = Ref::new(2);
const PAGE: Ref = Ref::new(3);
const CONTENT: Ref = Ref::new(4);
const REGULAR: (Name<'_>, Ref, Name<'_>) = (Name(b"R"), Ref::new(5), Name(b"Helvetica"));
const BOLD: (Name<'_>, Ref, Name<'_>) = (Name(b"B"), Ref::new(6), Name(b"Helvetica-Bold"));

/// PDF's unit, the point, is a 72nd of an inch.
const POINTS_PER_INCH: f32 = 72.0;
/// The share of the font size that is above the baseline.
const ASCENT: f32 = 0.76;

/// Writes the document.
pub(super) fn write(items: &[Item]) -> Vec<u8> {
    let mut pdf = Pdf::new();
    pdf.catalog(CATALOG).pages(PAGES);
    pdf.pages(PAGES).kids([PAGE]).count(1);
    let mut page = pdf.page(PAGE);
    page.media_box(Rect::new(0.0, 0.0, 4.0 * POINTS_PER_INCH, 6.0 * POINTS_PER_INCH));
    page.parent(PAGES).contents(CONTENT);
    let mut resources = page.resources();
    let mut fonts = resources.fonts();
    for (name, reference, _) in [REGULAR, BOLD] {
        fonts.pair(name, reference);
    }
    fonts.finish();
    resources.finish();
    page.finish();
    for (_, reference, base) in [REGULAR, BOLD] {
        pdf.type1_font(reference).base_font(base).encoding_predefined(Name(b"WinAnsiEncoding"));
    }
    pdf.stream(CONTENT, &content(items));
    pdf.finish()
}

/// Returns the page's drawing operators in dots. They are whole numbers, so that bars fall on a printer's dots exactly.
fn content(items: &[Item]) -> Vec<u8> {
    let scale = POINTS_PER_INCH / f32::from(DPI);
    let mut content = Content::new();
    content.transform([scale, 0.0, 0.0, scale, 0.0, 0.0]);
    for item in items {
        match item {
            Item::Rule { x, y, width, height } => {
                rectangle(&mut content, *x, *y, *width, *height);
                content.fill_nonzero();
            }
            Item::Barcode { x, y, height, module, code } => {
                for bar in &code.bars {
                    rectangle(&mut content, x + bar.offset * module, *y, bar.width * module, *height);
                }
                content.fill_nonzero();
            }
            Item::Text { x, y, size, bold, text } => {
                let baseline = f32::from(HEIGHT - y) - f32::from(*size) * ASCENT;
                content.begin_text();
                content.set_font(if *bold { BOLD.0 } else { REGULAR.0 }, f32::from(*size));
                content.next_line(f32::from(*x), baseline);
                content.show(Str(&win_ansi(text)));
                content.end_text();
            }
        }
    }
    content.finish().into_vec()
}

/// Adds a rectangle. PDF counts from the bottom of the page upwards.
fn rectangle(content: &mut Content, x: u16, y: u16, width: u16, height: u16) {
    debug_assert!(x + width <= WIDTH && y + height <= HEIGHT, "everything is on the label");
    content.rect(f32::from(x), f32::from(HEIGHT - y - height), f32::from(width), f32::from(height));
}
