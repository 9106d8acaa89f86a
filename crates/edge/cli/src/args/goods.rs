//! The command lines about goods: stock, articles, locations.

use clap::Subcommand;

use super::items::ItemsCommand;
use super::locations::LocationsCommand;
use super::stock::StockCommand;

#[derive(Debug, Subcommand)]
pub(crate) enum GoodsCommand {
    /// Receive, count, correct, move and explain stock.
    #[command(subcommand)]
    Stock(StockCommand),
    /// Describe and list articles.
    #[command(subcommand, alias = "item")]
    Items(ItemsCommand),
    /// Create and list the places from which parcels are sent.
    #[command(subcommand, alias = "location")]
    Locations(LocationsCommand),
}
