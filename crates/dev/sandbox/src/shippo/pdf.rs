//! The smallest PDF that printers and viewers accept: one 4 × 6 inch page of text.

use pdf_writer::{Content, Finish as _, Name, Pdf, Rect, Ref, Str};

const CATALOG: Ref = Ref::new(1);
const PAGES: Ref = Ref::new(2);
const PAGE: Ref = Ref::new(3);
const CONTENT: Ref = Ref::new(4);
const FONT: Ref = Ref::new(5);
const FONT_NAME: Name<'_> = Name(b"F1");

/// Renders `lines` on a page of 288 × 432 points. Characters beyond ASCII become `?`.
pub(super) fn page(lines: &[String]) -> Vec<u8> {
    let mut pdf = Pdf::new();
    pdf.set_version(1, 4);
    pdf.catalog(CATALOG).pages(PAGES);
    pdf.pages(PAGES).kids([PAGE]).count(1);
    let mut page = pdf.page(PAGE);
    page.media_box(Rect::new(0.0, 0.0, 288.0, 432.0)).parent(PAGES).contents(CONTENT);
    page.resources().fonts().pair(FONT_NAME, FONT);
    page.finish();
    pdf.type1_font(FONT).base_font(Name(b"Helvetica"));
    pdf.stream(CONTENT, &text(lines));
    pdf.finish()
}

fn text(lines: &[String]) -> Vec<u8> {
    let mut content = Content::new();
    content.begin_text();
    content.set_font(FONT_NAME, 12.0);
    content.set_leading(16.0);
    content.next_line(18.0, 396.0);
    for line in lines {
        let shown: Vec<u8> =
            line.chars().map(|char| if matches!(char, ' '..='~') { char as u8 } else { b'?' }).collect();
        content.show(Str(&shown));
        content.next_line_using_leading();
    }
    content.end_text();
    content.finish().into_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(file: &[u8], text: &str) -> bool {
        file.windows(text.len()).any(|window| window == text.as_bytes())
    }

    #[test]
    fn the_cross_reference_table_points_at_the_objects() {
        let file = page(&["To: (Ann)".into(), "Zoë".into()]);
        let at = file.windows(10).rposition(|window| window == b"startxref\n").unwrap() + 10;
        let start: usize = str::from_utf8(&file[at..]).unwrap().lines().next().unwrap().parse().unwrap();
        let table = str::from_utf8(&file[start..]).unwrap();
        for (number, entry) in (1..).zip(table.lines().skip(3).take(5)) {
            let offset: usize = entry[..10].parse().unwrap();
            assert!(file[offset..].starts_with(format!("{number} 0 obj\n").as_bytes()), "object {number}");
        }
        assert!(contains(&file, "(To: (Ann)) Tj"));
        assert!(contains(&file, "(Zo?) Tj"));
    }
}
