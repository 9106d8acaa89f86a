//! The command line of `despatch orders`.

use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::{Args, Subcommand};
use despatch_read_model::StateFilter;
use despatch_status::{OrderState, PLACED};
use jiff::SignedDuration;
use uuid::Uuid;

use super::case::{ByArgs, WaitArgs};
use super::gateway::GatewayArgs;
use super::time::age;

#[derive(Debug, Subcommand)]
pub(crate) enum OrdersCommand {
    /// List orders, the newest first.
    #[command(alias = "ls")]
    List(ListOrdersArgs),
    /// Show one order: what was ordered, how far it is, what happened to it.
    ///
    /// With -v also every id, code and digit.
    Show {
        #[command(flatten)]
        order: OrderArgs,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Cancel an order: release its stock, give the money back, tell the customer.
    ///
    /// An order can be cancelled until the carrier has a parcel of it. The command waits for the outcome and says it.
    Cancel(CancelOrderArgs),
    /// Note that the customer collected an order that was ready for pickup.
    ///
    /// The command waits for the outcome and says it.
    Collected(CollectedOrderArgs),
    /// Give money back: an amount, or what was paid for units of lines.
    ///
    /// The command waits for the outcome and says it. The shop refunds money that it or its gift cards hold.
    Refund(RefundOrderArgs),
}

/// Which order.
#[derive(Debug, Args)]
pub(crate) struct OrderArgs {
    /// The order: SHOP/NUMBER, the number alone, the id, or the beginning of the id.
    #[arg(value_name = "ORDER")]
    pub(crate) name: String,
}

#[derive(Debug, Args)]
pub(crate) struct ListOrdersArgs {
    /// List only orders in this state.
    #[arg(long, value_parser = state())]
    pub(crate) state: Option<StateFilter>,
    /// List only orders that have not moved for this long, e.g. 10m, 12h or 3d.
    ///
    /// Without --state only those that are on the way to the carrier.
    #[arg(long, value_name = "AGE", value_parser = age)]
    pub(crate) older_than: Option<SignedDuration>,
    /// List only this shop's orders.
    #[arg(long)]
    pub(crate) shop: Option<String>,
    /// List only orders with a case that a person has to decide.
    #[arg(long)]
    pub(crate) stuck: bool,
    /// List at most this many.
    #[arg(long, default_value_t = 50, value_name = "N")]
    pub(crate) limit: usize,
    /// Continue an earlier list, after its last order.
    #[arg(long, value_name = "ID")]
    pub(crate) after: Option<Uuid>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CancelOrderArgs {
    #[command(flatten)]
    pub(crate) order: OrderArgs,
    /// Why, for the order's history.
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub(crate) reason: String,
    #[command(flatten)]
    pub(crate) by: ByArgs,
    #[command(flatten)]
    pub(crate) wait: WaitArgs,
    #[command(flatten)]
    pub(crate) gateway: GatewayArgs,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CollectedOrderArgs {
    #[command(flatten)]
    pub(crate) order: OrderArgs,
    #[command(flatten)]
    pub(crate) by: ByArgs,
    #[command(flatten)]
    pub(crate) wait: WaitArgs,
    #[command(flatten)]
    pub(crate) gateway: GatewayArgs,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RefundOrderArgs {
    #[command(flatten)]
    pub(crate) order: OrderArgs,
    #[command(flatten)]
    pub(crate) refund: RefundArgs,
    #[command(flatten)]
    pub(crate) by: ByArgs,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which money goes back, and why.
#[derive(Debug, Args)]
pub(crate) struct RefundArgs {
    /// Give back this amount, e.g. 5.00, in the currency in which the order was paid.
    #[arg(long, value_name = "AMOUNT", required_unless_present = "lines")]
    pub(crate) amount: Option<String>,
    /// Give back so many units of a line, e.g. 1=2 for two units of line 1. Without --amount it is what was paid for them.
    #[arg(long, value_name = "LINE=UNITS", value_parser = line_units, num_args = 1..)]
    pub(crate) lines: Vec<(u32, i64)>,
    /// Why, for the order's history.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// Your id of the refund. The same id again gives nothing more.
    #[arg(long, value_name = "ID", default_value = "", hide_default_value = true)]
    pub(crate) refund_id: String,
    #[command(flatten)]
    pub(crate) wait: WaitArgs,
    #[command(flatten)]
    pub(crate) gateway: GatewayArgs,
}

/// Reads units of a line.
fn line_units(text: &str) -> Result<(u32, i64), String> {
    let read = || {
        let (line, units) = text.split_once('=')?;
        Some((line.trim().parse().ok()?, units.trim().parse().ok().filter(|units| *units > 0)?))
    };
    read().ok_or_else(|| "expected LINE=UNITS, e.g. 1=2".to_owned())
}

/// Reads a state by its name; the names complete.
fn state() -> impl clap::builder::TypedValueParser<Value = StateFilter> {
    let names = std::iter::once(PLACED).chain(OrderState::ALL.iter().map(|state| state.name()));
    PossibleValuesParser::new(names)
        .map(|name| OrderState::parse(&name).map_or(StateFilter::Placed, StateFilter::Is))
}
