//! The command line of `despatch items`.

use clap::{Args, Subcommand};

use super::gateway::GatewayArgs;
use super::stock_request::{FileArgs, RequestArgs};

#[derive(Debug, Subcommand)]
pub(crate) enum ItemsCommand {
    /// Describe articles: one, or the rows of a CSV file.
    ///
    /// The file has the column sku, and any of title, grams, length_mm, width_mm, height_mm, barcode, fragile,
    /// dangerous, own_box, age_checked, intangible, origin, customs_code, value, currency and cover_days. An empty cell
    /// changes nothing.
    Set(Box<SetItemArgs>),
    /// List articles.
    #[command(alias = "ls")]
    List(ListItemsArgs),
}

#[derive(Debug, Args)]
pub(crate) struct SetItemArgs {
    /// The article.
    #[arg(required_unless_present = "from", conflicts_with = "from")]
    pub(crate) sku: Option<String>,
    /// The name for people.
    #[arg(long, value_name = "TEXT", conflicts_with = "from")]
    pub(crate) title: Option<String>,
    /// The weight of one unit in grams.
    #[arg(long, value_name = "N", conflicts_with = "from")]
    pub(crate) grams: Option<i64>,
    /// The sides in millimetres, the longest first.
    #[arg(long, value_names = ["LENGTH", "WIDTH", "HEIGHT"], num_args = 3, conflicts_with = "from")]
    pub(crate) sides: Option<Vec<i64>>,
    /// A barcode, or BARCODE=UNITS if one scan stands for several units, as of a carton. 0 units remove it.
    #[arg(long, value_name = "BARCODE", conflicts_with = "from")]
    pub(crate) barcode: Vec<String>,
    /// Whether it breaks easily.
    #[arg(long, value_name = "YES|NO", value_parser = yes_or_no, conflicts_with = "from")]
    pub(crate) fragile: Option<bool>,
    /// Whether it is dangerous goods, such as lithium batteries.
    #[arg(long, value_name = "YES|NO", value_parser = yes_or_no, conflicts_with = "from")]
    pub(crate) dangerous: Option<bool>,
    /// Whether it is sent in the box that it comes in.
    #[arg(long, value_name = "YES|NO", value_parser = yes_or_no, conflicts_with = "from")]
    pub(crate) own_box: Option<bool>,
    /// Whether it is handed over to adults only.
    #[arg(long, value_name = "YES|NO", value_parser = yes_or_no, conflicts_with = "from")]
    pub(crate) age_checked: Option<bool>,
    /// Whether it has no units that lie anywhere, such as a voucher.
    #[arg(long, value_name = "YES|NO", value_parser = yes_or_no, conflicts_with = "from")]
    pub(crate) intangible: Option<bool>,
    /// The country of origin.
    #[arg(long, value_name = "COUNTRY", conflicts_with = "from")]
    pub(crate) origin: Option<String>,
    /// The code of the Harmonised System.
    #[arg(long, value_name = "DIGITS", conflicts_with = "from")]
    pub(crate) customs_code: Option<String>,
    /// For how many days its units should last; fewer are an alert. 0 for never.
    #[arg(long, value_name = "N", conflicts_with = "from")]
    pub(crate) cover_days: Option<i64>,
    /// The value of one unit with its currency, e.g. "12.99 EUR".
    #[arg(long, value_name = "AMOUNT", conflicts_with = "from")]
    pub(crate) value: Option<String>,
    #[command(flatten)]
    pub(crate) file: FileArgs,
    #[command(flatten)]
    pub(crate) request: RequestArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ListItemsArgs {
    /// List at most this many.
    #[arg(long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) limit: u32,
    /// Continue an earlier list, after this SKU.
    #[arg(long, value_name = "SKU")]
    pub(crate) after: Option<String>,
    #[command(flatten)]
    pub(crate) gateway: GatewayArgs,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Reads a yes or no.
pub(crate) fn yes_or_no(text: &str) -> Result<bool, String> {
    match &*text.trim().to_lowercase() {
        "yes" | "y" | "true" | "1" => Ok(true),
        "no" | "n" | "false" | "0" => Ok(false),
        _ => Err(format!("expected yes or no, found {text:?}")),
    }
}
