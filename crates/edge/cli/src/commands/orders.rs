//! `despatch orders`: what there is of orders, their cancellation, their collection and their refunds.

mod cancel;
mod collected;
mod find;
mod history;
mod list;
mod page;
mod refund;
mod request;
mod show;
mod words;

use std::process::ExitCode;

use despatch_read_model::OrderBook;

use crate::args::OrdersCommand;
use crate::config::Config;
use crate::local::{DataDir, attach};
use crate::result::Result;

pub(crate) use find::find;
pub(crate) use refund::ask as ask_refund;

/// Runs the subcommand. `verbose` shows every id, code and digit.
pub(crate) async fn run(
    config: Config,
    data_dir: &DataDir,
    command: OrdersCommand,
    verbose: bool,
) -> Result<ExitCode> {
    let config = attach(config, data_dir)?;
    let book = OrderBook::new(&config.settings())?;
    match command {
        OrdersCommand::List(args) => list::list(&book, &args).await?,
        OrdersCommand::Show { order, json } => {
            show::show(&config, &book, &order.name, verbose, json).await?;
        }
        OrdersCommand::Refund(args) => return refund::refund(&config, data_dir, &book, &args).await,
        OrdersCommand::Collected(args) => {
            return collected::collected(&config, data_dir, &book, &args).await;
        }
        OrdersCommand::Cancel(args) => return cancel::cancel(&config, data_dir, &book, &args).await,
    }
    Ok(ExitCode::SUCCESS)
}
