//! `despatch items`: what is known of articles.

use std::fmt::Write as _;
use std::process::ExitCode;

use despatch_read_model::articles::Article;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::csv_file::Column;
use super::gateway::{connect, not_done};
use super::stock::{Again, CHUNK, Command, Input, Sender, Words, from_file, is_shortened, sku};
use crate::args::{ItemsCommand, ListItemsArgs, SetItemArgs, yes_or_no};
use crate::config::Config;
use crate::local::DataDir;
use crate::output::{Table, next_command, print, width};
use crate::result::{Result, hinted};

/// The columns of a file; all but the first may be missing.
const NAMES: [&str; 17] = [
    "sku",
    "title",
    "grams",
    "length_mm",
    "width_mm",
    "height_mm",
    "barcode",
    "fragile",
    "dangerous",
    "own_box",
    "age_checked",
    "intangible",
    "origin",
    "customs_code",
    "value",
    "currency",
    "cover_days",
];

/// The columns that hold a number.
const NUMBERS: [&str; 5] = ["grams", "length_mm", "width_mm", "height_mm", "cover_days"];

/// The columns that say yes or no.
const FLAGS: [&str; 5] = ["fragile", "dangerous", "own_box", "age_checked", "intangible"];

#[derive(Deserialize)]
struct Page {
    items: Vec<Article>,
    next: Option<String>,
}

/// Runs the subcommand. `quiet` shows no progress.
pub(crate) async fn run(
    config: &Config,
    data_dir: &DataDir,
    command: ItemsCommand,
    quiet: bool,
) -> Result<ExitCode> {
    match command {
        ItemsCommand::Set(args) => set(config, data_dir, &args, quiet).await,
        ItemsCommand::List(args) => list(config, data_dir, &args).await,
    }
}

async fn set(config: &Config, data_dir: &DataDir, args: &SetItemArgs, quiet: bool) -> Result<ExitCode> {
    let input = match (&args.file.from, &args.sku) {
        (Some(path), _) => {
            let columns = NAMES.map(|name| Column { name, required: name == "sku" });
            from_file(path, &columns, |cells| {
                let body = described(cells)?;
                Ok((cells[0].clone(), String::new(), body))
            })?
            .refuse_twice()
        }
        (None, Some(sku)) => Input::one(sku, "", typed(sku, args)?),
        (None, None) => return Err(hinted("expected an article", "despatch items set SKU, or --from FILE")),
    };
    let command = Command {
        method: Method::POST,
        path: "/v1/items".to_owned(),
        fields: json!({}),
        rows: "items",
        chunk: CHUNK,
        all_or_nothing: false,
        // Describing an article twice in the same way changes nothing.
        again: Again::SameRows,
        repeat_with: String::new(),
        has_rest: false,
        words: Words { one: "article", many: "articles", done: "set", next: "items list" },
    };
    let sender = Sender::connect(config, data_dir, &args.request, quiet).await?;
    sender.send(command, input, args.file.refused.as_deref()).await
}

/// The body of a row of a file. An empty cell says nothing.
fn described(cells: &[String]) -> Result<Value, String> {
    let mut body = Map::new();
    body.insert("sku".to_owned(), sku(&cells[0])?.into());
    for (name, cell) in NAMES.into_iter().zip(cells).skip(1).filter(|(_, cell)| !cell.is_empty()) {
        let value = match name {
            "barcode" => {
                let codes = cell.split_whitespace().map(|text| barcode(text, "barcode"));
                body.insert("barcodes".to_owned(), codes.collect::<Result<Value, _>>()?);
                continue;
            }
            name if NUMBERS.contains(&name) => number(name, cell)?.into(),
            name if FLAGS.contains(&name) => {
                yes_or_no(cell).map_err(|problem| format!("{name}: {problem}"))?.into()
            }
            "value" => amount(cell)?.into(),
            _ => Value::from(cell.as_str()),
        };
        body.insert(name.to_owned(), value);
    }
    Ok(body.into())
}

/// The body of an article of the command line.
fn typed(sku: &str, args: &SetItemArgs) -> Result<Value> {
    let mut body = json!({ "sku": sku });
    let sides = args.sides.as_deref().unwrap_or_default();
    for (name, value) in [
        ("title", json!(args.title)),
        ("grams", json!(args.grams)),
        ("length_mm", json!(sides.first())),
        ("width_mm", json!(sides.get(1))),
        ("height_mm", json!(sides.get(2))),
        ("fragile", json!(args.fragile)),
        ("dangerous", json!(args.dangerous)),
        ("own_box", json!(args.own_box)),
        ("age_checked", json!(args.age_checked)),
        ("intangible", json!(args.intangible)),
        ("origin", json!(args.origin)),
        ("customs_code", json!(args.customs_code)),
        ("cover_days", json!(args.cover_days)),
    ] {
        if !value.is_null() {
            body[name] = value;
        }
    }
    if let Some(value) = &args.value {
        let (value, currency) = value.trim().split_once(' ').ok_or_else(|| {
            format!("--value: expected an amount and a currency, e.g. \"12.99 EUR\", found {value:?}")
        })?;
        body["value"] = amount(value).map_err(|problem| format!("--{problem}"))?.into();
        body["currency"] = currency.trim().into();
    }
    let barcodes = args.barcode.iter().map(|text| barcode(text, "--barcode"));
    let barcodes: Vec<Value> = barcodes.collect::<Result<_, String>>()?;
    if !barcodes.is_empty() {
        body["barcodes"] = barcodes.into();
    }
    Ok(body)
}

/// Reads a barcode: `CODE`, or `CODE=UNITS`.
fn barcode(text: &str, column: &str) -> Result<Value, String> {
    let (code, factor) = text.rsplit_once('=').map_or((text, None), |(code, factor)| (code, Some(factor)));
    if is_shortened(code) {
        return Err(format!("{column}: expected digits, found {code:?}; format the column as text"));
    }
    let mut barcode = json!({ "code": code });
    if let Some(factor) = factor {
        barcode["factor"] = number(column, factor)?.into();
    }
    Ok(barcode)
}

fn number(column: &str, cell: &str) -> Result<i64, String> {
    let problem = || format!("{column}: expected a whole number, found {cell:?}");
    if !cell.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(problem());
    }
    cell.parse().map_err(|_| problem())
}

/// Reads an amount. A comma with one or two digits after it is a decimal comma.
fn amount(cell: &str) -> Result<String, String> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_amount = match cell.split_once(['.', ',']) {
        None => digits(cell),
        Some((whole, part)) => digits(whole) && digits(part) && part.len() <= 2,
    };
    if !is_amount {
        return Err(format!("value: expected an amount such as 12.99 without separators, found {cell:?}"));
    }
    Ok(cell.replace(',', "."))
}

async fn list(config: &Config, data_dir: &DataDir, args: &ListItemsArgs) -> Result<ExitCode> {
    let client = connect(config, data_dir, &args.gateway).await?.client;
    let limit = args.limit.to_string();
    let mut params = vec![("limit", &*limit)];
    params.extend(args.after.as_deref().map(|after| ("after", after)));
    let page: Page = client.get("/v1/items", &params).await.map_err(|error| not_done(&error, ""))?;
    if args.json {
        print(&format!("{:#}\n", json!({ "items": page.items, "next": page.next })))?;
    } else {
        print(&as_lines(&page, width()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn as_lines(page: &Page, width: Option<usize>) -> String {
    if page.items.is_empty() {
        let set = next_command("items set --from FILE.csv");
        return format!("no articles\nnext: {set}\n");
    }
    let mut table =
        Table::new(["SKU", "TITLE", "GRAMS", "SIDES IN MM", "BARCODES", "NOTES"]).right(&["GRAMS"]);
    for item in &page.items {
        let sides: Vec<String> = [item.length_mm, item.width_mm, item.height_mm]
            .into_iter()
            .flatten()
            .map(|side| side.to_string())
            .collect();
        let barcodes: Vec<String> = item
            .barcodes
            .iter()
            .map(|barcode| match barcode.factor {
                1 => barcode.code.clone(),
                factor => format!("{}={factor}", barcode.code),
            })
            .collect();
        let notes = [
            (item.fragile, "fragile"),
            (item.dangerous, "dangerous"),
            (item.own_box, "own box"),
            (item.age_checked, "adults only"),
            (item.intangible, "intangible"),
        ];
        let notes = notes.into_iter().filter(|(is, _)| *is).map(|(_, note)| note.to_owned());
        let cover = item.cover_days.map(|days| match days {
            0 => "no alert".to_owned(),
            days => format!("alert below {days} d"),
        });
        let notes: Vec<String> = notes.chain(cover).collect();
        table.row([
            item.sku.clone(),
            item.title.clone().unwrap_or_default(),
            item.grams.map(|grams| grams.to_string()).unwrap_or_default(),
            sides.join(" × "),
            barcodes.join(" "),
            notes.join(", "),
        ]);
    }
    let mut lines = table.render(width);
    if let Some(next) = &page.next {
        // Writing to a string cannot fail.
        let _ = writeln!(lines, "more: --after '{}'", next.replace('\'', r"'\''"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[(&str, &str)]) -> Vec<String> {
        let cell = |name: &str| cells.iter().find(|(known, _)| *known == name).map_or("", |(_, cell)| *cell);
        NAMES.iter().map(|name| cell(name).to_owned()).collect()
    }

    #[test]
    fn a_row_says_what_its_cells_say_and_nothing_more() {
        let body = described(&row(&[
            ("sku", "A-1"),
            ("grams", "250"),
            ("fragile", "Yes"),
            ("barcode", "4006381333931 4006381333948=12"),
            ("value", "12,5"),
            ("currency", "EUR"),
        ]));
        let expected = json!({
            "sku": "A-1", "grams": 250, "fragile": true, "value": "12.5", "currency": "EUR",
            "barcodes": [{ "code": "4006381333931" }, { "code": "4006381333948", "factor": 12 }],
        });
        assert_eq!(body, Ok(expected));
        assert_eq!(described(&row(&[("sku", "A-1")])), Ok(json!({ "sku": "A-1" })));
    }

    #[test]
    fn a_cell_that_could_mean_something_else_is_refused() {
        for (name, cell) in [
            ("grams", "0.5"),
            ("grams", "1,000"),
            ("length_mm", "30 cm"),
            ("fragile", "perhaps"),
            ("value", "1,299"),
            ("value", "1.299,00"),
            ("value", "12 EUR"),
            ("barcode", "4,00638E+12"),
            ("barcode", "4006381333948=a"),
        ] {
            let problem = described(&row(&[("sku", "A-1"), (name, cell)])).unwrap_err();
            assert!(problem.starts_with(&format!("{name}: expected ")), "{name} {cell}: {problem}");
        }
    }
}
