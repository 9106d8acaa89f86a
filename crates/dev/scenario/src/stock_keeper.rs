//! A person in the warehouse who receives, counts, corrects and transfers units while orders flow: what is sent, in which
//! words, and what must become of it.

mod command;
mod keeper;
mod plan;

pub use command::{AdjustRow, ArrivedRow, CountRow, ReceiptRow, StockCommand, StockRequest, TransferRow};
pub use keeper::{Asked, KeeperError, Outcome, RequestRecord, RowOutcome, StockKeeper};
pub use plan::{Finds, Planned, Sending, Shelf, Task, draw};
