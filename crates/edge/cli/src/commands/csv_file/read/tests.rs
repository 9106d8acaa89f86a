use super::*;

const COLUMNS: [Column; 3] = [
    Column { name: "sku", required: true },
    Column { name: "location", required: false },
    Column { name: "quantity", required: true },
];

fn rows(bytes: impl AsRef<[u8]>) -> Vec<(u64, Vec<String>)> {
    let file = parse(bytes.as_ref(), &COLUMNS).unwrap();
    file.rows.into_iter().map(|row| (row.line, row.cells.unwrap())).collect()
}

fn row(line: u64, sku: &str, location: &str, quantity: &str) -> (u64, Vec<String>) {
    (line, [sku, location, quantity].map(str::to_owned).to_vec())
}

fn unreadable(bytes: impl AsRef<[u8]>) -> String {
    parse(bytes.as_ref(), &COLUMNS).unwrap_err().problem
}

#[test]
fn the_form_is_the_file_s_own() {
    let expected = [row(2, "A-1", "main", "3"), row(3, "B, \"2\"", "main", "4")];
    for (form, text) in [
        ("as documented", "sku,location,quantity\nA-1,main,3\n\"B, \"\"2\"\"\",main,4\n".to_owned()),
        ("another order and case", "Quantity, SKU ,LOCATION\n3,A-1,main\n4,\"B, \"\"2\"\"\",main".to_owned()),
        ("quoted throughout", "\"sku\";\"location\";\"quantity\"\r\n\"A-1\";\"main\";\"3\"\r\n\"B, \"\"2\"\"\";\"main\";\"4\"\r\n".to_owned()),
        ("tabs and spaces", "sku\tlocation\tquantity\n A-1 \tmain\t 3\nB, \"2\"\t main\t4\n".to_owned()),
        ("a byte order mark", "\u{feff}sku;location;quantity\r\nA-1;main;3\r\nB, \"2\";main;4\r\n".to_owned()),
        ("empty cells at the end", "sku;location;quantity;;\nA-1;main;3;;\nB, \"2\";main;4\n".to_owned()),
        ("more columns", "price,sku,name,location,quantity\n\"1,50\",A-1,,main,3\n2,\"B, \"\"2\"\"\",\"Two\nlines\",main,4\n".to_owned()),
    ] {
        assert_eq!(rows(&text), expected, "{form}");
    }
    let excel: Vec<u8> = "\u{feff}sku\tlocation\tquantity\r\nA-1\tmain\t3\r\n\"B, \"\"2\"\"\"\tmain\t4\r\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    assert_eq!(rows(excel), expected);
    assert_eq!(rows("sep=;\r\nsku;quantity\r\nA-1;3\r\n"), [row(3, "A-1", "", "3")]);
    assert_eq!(rows("sku,quantity\rA-1,3\r"), [row(2, "A-1", "", "3")]);
}

#[test]
fn a_row_has_the_line_on_which_it_begins() {
    let text = "\n\nsku,quantity,note\n\n,,\nA,1,\r\n\r\n \nB,2,\"over\ntwo lines\"\nC,3,\n";
    assert_eq!(rows(text), [row(6, "A", "", "1"), row(9, "B", "", "2"), row(11, "C", "", "3")]);
}

#[test]
fn columns_that_nobody_reads_are_named() {
    let file = parse(b"sku,Price,quantity, Supplier no \nA,1,2,3\n", &COLUMNS).unwrap();
    assert_eq!(file.ignored, ["Price", "Supplier no"]);
}

#[test]
fn a_row_that_does_not_fit_is_refused_alone() {
    let file = parse(b"sku,quantity,note\nA,1,000,heavy\nB,2,\n\"C,3,\nD,4,\nE,5,\n", &COLUMNS).unwrap();
    let refused: Vec<(u64, &str)> =
        file.rows.iter().filter_map(|row| Some((row.line, &**row.cells.as_ref().err()?))).collect();
    let separators = "expected 3 cells, found 4; a cell with the delimiter in it needs quotes, and a number has no \
                      thousands separator";
    let quote = "expected a row on one line, found a quote that is not closed: line 5, which looks like a row, is in its cell";
    assert_eq!(refused, [(2, separators), (4, quote)]);
    assert_eq!(file.rows.len(), 3);
}

/// The rows in a cell that nobody reads would be lost without a word.
#[test]
fn a_quote_that_is_not_closed_swallows_no_row_silently() {
    let within = |line: u64| {
        format!(
            "expected a row on one line, found a quote that is not closed: line {line}, which looks like a row, is in its cell"
        )
    };
    let open = |lines: u64| {
        format!(
            "expected a row on one line, found a quote that is not closed: {lines} more lines are in its cell"
        )
    };
    for (name, text, problem) in [
        ("to the end of the file", "A,1,\"heavy\nB,2,ok\n", within(3)),
        ("to the next quote", "A,1,\"heavy\nB,2,ok\nC,3,\"x\"\n", within(3)),
        ("rows without the last cell", "A,1,\"heavy\nB,2\nC,3\n", within(3)),
        ("over lines of text", "A,1,\"heavy\nas lead\nB,2,\"\n", within(4)),
        ("lines of Excel", "A,1,\"heavy\r\nB,2,ok\r\n", within(3)),
        ("lines of an old Mac", "A,1,\"heavy\rB,2,ok\r", within(3)),
        ("the last row", "A,1,\"heavy\n", open(0)),
        ("the last row, over lines of text", "A,1,\"heavy\nas lead\n", open(1)),
    ] {
        let file = parse(format!("sku,quantity,note\n{text}").as_bytes(), &COLUMNS).unwrap();
        assert_eq!(file.rows[0].cells, Err(problem), "{name}");
    }
    let good = "sku,quantity,note\nA,1,\"heavy\nas \"\"lead\"\", they say\"\nB,2,5\" nails\nC,3,\"x\"\n";
    assert_eq!(rows(good), [row(2, "A", "", "1"), row(4, "B", "", "2"), row(5, "C", "", "3")]);
    assert_eq!(
        unreadable("sku,quantity,\"note\nA,1,\"x\"\nB,2,y\n"),
        "expected a row on one line, found a quote that is not closed: line 2, which looks like a row, is in its cell"
    );
}

/// A description over several lines is no row, where one column is all that a row needs.
#[test]
fn a_cell_of_several_lines_in_a_file_of_articles_is_read() {
    let columns = [Column { name: "sku", required: true }, Column { name: "title", required: false }];
    let text = "sku,title,description\nA,Lamp,\"<p>Good, bright</p>\n<p>Light</p>\"\nB,Pen,\n";
    let file = parse(text.as_bytes(), &columns).unwrap();
    assert!(file.rows.len() == 2 && file.rows.iter().all(|row| row.cells.is_ok()), "{file:?}");
}

#[test]
fn a_file_of_another_form_is_refused_as_a_whole() {
    for (text, problem) in [
        ("", "expected a first line that names the columns, found nothing"),
        ("\u{feff}\r\n\r\n", "expected a first line that names the columns, found nothing"),
        ("A-1,main,3\n", "line 1: expected a column `sku`, found A-1, main, 3"),
        (
            "sku,location,quantety\n",
            "line 1: expected a column `quantity`, found sku, location, quantety; is `quantety` meant as `quantity`?",
        ),
        ("sku,quantity,SKU\n", "line 1: the column `sku` is there twice"),
        ("PK\u{3}\u{4}…", "expected a CSV file, found a spreadsheet"),
    ] {
        assert_eq!(unreadable(text), problem);
    }
    assert_eq!(
        unreadable(b"sku,quantity\nM\xfcsli,3\n"),
        "line 2: expected text in UTF-8, found another encoding"
    );
}

#[test]
fn ten_thousand_rows_take_no_time() {
    let text: String = std::iter::once("sku,location,quantity\n".to_owned())
        .chain((0..200_000).map(|number| format!("SKU-{number},main,{}\n", number % 90 + 1)))
        .collect();
    let begun = std::time::Instant::now();
    let file = parse(text.as_bytes(), &COLUMNS).unwrap();
    assert_eq!(file.rows.last().unwrap().line, 200_001);
    // Twenty times as many; what grew with the square of their number would take minutes.
    assert!(begun.elapsed() < std::time::Duration::from_secs(20), "{:?}", begun.elapsed());
}

/// Writes a file with Python's csv module, which is no code of this project.
fn written_by_python(arguments: &str, encoding: &str) -> Vec<u8> {
    let script = format!(
        r#"
import csv, io, sys
text = io.StringIO(newline="")
rows = csv.writer(text, {arguments})
rows.writerow(["Name", "SKU", "Location", "Quantity"])
rows.writerow(["Stuhl, \"Kai\"; 2\tteilig", "A;1,2", "main", 3])
rows.writerow(["over\ntwo lines", "B \"2\"", " main ", 4])
rows.writerow(["", "4006381333931", "Süd", 10000])
sys.stdout.buffer.write(text.getvalue().encode("{encoding}"))
"#
    );
    let written = std::process::Command::new("python3").args(["-c", &script]).output().unwrap();
    assert!(written.status.success(), "{written:?}");
    written.stdout
}

#[test]
fn files_that_other_programs_write_are_read() {
    let expected = [
        row(2, "A;1,2", "main", "3"),
        row(3, "B \"2\"", "main", "4"),
        row(5, "4006381333931", "Süd", "10000"),
    ];
    for (arguments, encoding) in [
        ("dialect='excel'", "utf-8"),
        ("dialect='excel-tab'", "utf-16"),
        ("dialect='unix'", "utf-8"),
        ("delimiter=';', lineterminator='\\r\\n'", "utf-8-sig"),
        ("delimiter=';', quoting=csv.QUOTE_NONNUMERIC", "utf-8-sig"),
        ("delimiter='\\t', quoting=csv.QUOTE_ALL, lineterminator='\\n'", "utf-8"),
    ] {
        assert_eq!(rows(written_by_python(arguments, encoding)), expected, "{arguments} {encoding}");
    }
}
