//! The command line of `despatch stock`.

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use despatch_gateway::stock_json::ADJUSTMENT_REASONS;
use jiff::Timestamp;

use super::expected::ExpectedArgs;
use super::gateway::GatewayArgs;
use super::stock_request::{FileArgs, RequestArgs};
use super::time::moment;

#[derive(Debug, Subcommand)]
pub(crate) enum StockCommand {
    /// Receive units from a supplier: one SKU, or the rows of a CSV file.
    ///
    /// The file has a header and the columns sku, location and quantity, in any order. A row is booked once, however often
    /// and under whatever name the file comes; --receipt names another delivery. Each bad row is named and stops no other.
    Receive(ReceiveArgs),
    /// Correct recorded units, with a reason.
    ///
    /// The file has the columns sku, location, change and reason. A change of -3 takes three units off. Units that orders
    /// hold are not taken; a count does that.
    Adjust(AdjustArgs),
    /// Report what a person counted on the shelf.
    ///
    /// Count all units that are there, those of orders included. The difference to what was recorded at that moment is
    /// booked. The file has the columns sku, location and counted, and perhaps seen_at.
    Count(CountArgs),
    /// Send units from one location to another.
    ///
    /// The file has the columns sku, from, to and quantity. With --arrives-later the units are on the way until `despatch
    /// stock arrive`.
    Transfer(TransferArgs),
    /// Report that a transfer arrived. Of an article in the file, units that did not arrive are lost; other articles stay on their way.
    ///
    /// Without rows, all of it arrived. The file has the columns sku, to and quantity.
    Arrive(ArriveArgs),
    /// Announce deliveries from suppliers, follow them and end them; without a subcommand, list those that are expected.
    Expected(Box<ExpectedArgs>),
    /// Say why there are so many: every movement of a SKU with its cause, and the sum.
    Explain(ExplainArgs),
    /// List how many units are where.
    #[command(alias = "ls")]
    List(ListStockArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ReceiveArgs {
    /// The article.
    #[arg(required_unless_present = "from", conflicts_with = "from")]
    pub(crate) sku: Option<String>,
    /// The number of units.
    #[arg(required_unless_present = "from", value_parser = clap::value_parser!(i64).range(1..))]
    pub(crate) quantity: Option<i64>,
    /// The location; of a file, that of rows without one.
    #[arg(long, value_name = "ID", required_unless_present = "from")]
    pub(crate) location: Option<String>,
    /// The delivery's name, e.g. the number of its note or of its purchase order. The same row in another delivery is booked
    /// again. A file of a delivery that was announced is taken to be all of it.
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    pub(crate) receipt: String,
    /// More of the delivery comes; otherwise a file closes it, and what is missing becomes a case.
    #[arg(long, requires = "from")]
    pub(crate) more_follows: bool,
    /// Book nothing if one row is bad.
    #[arg(long, requires = "from")]
    pub(crate) all_or_nothing: bool,
    #[command(flatten)]
    pub(crate) file: FileArgs,
    #[command(flatten)]
    pub(crate) request: RequestArgs,
}

#[derive(Debug, Args)]
pub(crate) struct AdjustArgs {
    /// The article.
    #[arg(required_unless_present = "from", conflicts_with = "from")]
    pub(crate) sku: Option<String>,
    /// Units more, or less with a minus: -3.
    #[arg(required_unless_present = "from", allow_negative_numbers = true)]
    pub(crate) change: Option<i64>,
    /// The location; of a file, that of rows without one.
    #[arg(long, value_name = "ID", required_unless_present = "from")]
    pub(crate) location: Option<String>,
    /// Why the record is wrong; of a file, the reason of rows without one.
    #[arg(long, required_unless_present = "from", value_parser = PossibleValuesParser::new(ADJUSTMENT_REASONS))]
    pub(crate) reason: Option<String>,
    #[command(flatten)]
    pub(crate) file: FileArgs,
    #[command(flatten)]
    pub(crate) request: RequestArgs,
}

#[derive(Debug, Args)]
pub(crate) struct CountArgs {
    /// The article.
    #[arg(required_unless_present = "from", conflicts_with = "from")]
    pub(crate) sku: Option<String>,
    /// The number of units on the shelf.
    #[arg(required_unless_present = "from", value_parser = clap::value_parser!(i64).range(0..))]
    pub(crate) counted: Option<i64>,
    /// The location; of a file, that of rows without one.
    #[arg(long, value_name = "ID", required_unless_present = "from")]
    pub(crate) location: Option<String>,
    /// When the person looked, e.g. 2026-11-30T09:15 or 20m ago [default: now; a file must say it].
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) seen_at: Option<Timestamp>,
    #[command(flatten)]
    pub(crate) file: FileArgs,
    #[command(flatten)]
    pub(crate) request: RequestArgs,
}

#[derive(Debug, Args)]
pub(crate) struct TransferArgs {
    /// The article.
    #[arg(required_unless_present = "from", conflicts_with = "from")]
    pub(crate) sku: Option<String>,
    /// The number of units.
    #[arg(required_unless_present = "from", value_parser = clap::value_parser!(i64).range(1..))]
    pub(crate) quantity: Option<i64>,
    /// The location that sends them.
    #[arg(required_unless_present = "from")]
    pub(crate) source: Option<String>,
    /// The location that receives them.
    #[arg(required_unless_present = "from")]
    pub(crate) target: Option<String>,
    /// The units are on the way until `despatch stock arrive`.
    #[arg(long)]
    pub(crate) arrives_later: bool,
    /// Your name of the transfer [default: the request's id].
    #[arg(long, value_name = "ID", default_value = "", hide_default_value = true)]
    pub(crate) transfer: String,
    #[command(flatten)]
    pub(crate) file: FileArgs,
    #[command(flatten)]
    pub(crate) request: RequestArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ArriveArgs {
    /// The transfer.
    pub(crate) transfer: String,
    #[command(flatten)]
    pub(crate) file: FileArgs,
    #[command(flatten)]
    pub(crate) request: RequestArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The article.
    pub(crate) sku: String,
    /// Only this location.
    #[arg(long, value_name = "ID")]
    pub(crate) location: Option<String>,
    /// Only movements until this time, e.g. 2026-11-30T09:15 or 3d ago.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) at: Option<Timestamp>,
    #[command(flatten)]
    pub(crate) gateway: GatewayArgs,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ListStockArgs {
    /// Only this article, with every place where units of it are.
    #[arg(conflicts_with_all = ["location", "after"])]
    pub(crate) sku: Option<String>,
    /// Only this location.
    #[arg(long, value_name = "ID")]
    pub(crate) location: Option<String>,
    /// List at most this many.
    #[arg(long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) limit: u32,
    /// Continue an earlier list.
    #[arg(long, value_name = "PLACE")]
    pub(crate) after: Option<String>,
    #[command(flatten)]
    pub(crate) gateway: GatewayArgs,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
