//! Commands of other programs, and the despatch command that does the same.

/// The command to type in the place of one that does not exist.
pub(crate) fn instead(command: &str) -> Option<&'static str> {
    Some(match command {
        "init" | "setup" | "install" | "new" => "`despatch up` creates what it needs and starts it",
        "start" | "serve" | "server" | "dev" => {
            "`despatch up` starts everything on this machine, `despatch run` workers over servers that exist"
        }
        "down" | "kill" | "quit" | "halt" => "`despatch stop` stops what `despatch up` runs",
        "restart" => "`despatch stop`, then `despatch up`; no order is lost",
        "ps" | "top" | "info" | "state" | "health" | "check" => {
            "`despatch` says what runs here, `despatch doctor` whether all is well"
        }
        "list" | "ls" => "`despatch orders list`, `despatch exceptions list`, `despatch retries list`",
        "show" | "get" | "describe" => "`despatch orders show ORDER`, `despatch exceptions show CASE`",
        "log" | "tail" | "watch" => {
            "`despatch logs --follow` shows the log, `despatch events tail` what happens to orders"
        }
        "cancel" => "`despatch orders cancel ORDER`, `despatch retries cancel`",
        "replay" | "resolve" | "claim" => {
            "`despatch exceptions` decides on one case, `despatch replays` on many"
        }
        "place" | "add" | "create" | "load" => "`despatch import FILE`, or POST /v1/orders",
        "receive" | "receipt" | "count" | "adjust" | "transfer" | "explain" | "inventory" => {
            "`despatch stock receive`, `despatch stock count`, `despatch stock explain SKU`"
        }
        "warehouse" | "warehouses" => "`despatch locations set ID --country COUNTRY`",
        "article" | "articles" | "product" | "products" | "sku" | "skus" => "`despatch items list`",
        "token" | "keys" | "secret" | "password" => "`despatch key` prints the API key of `despatch up`",
        "worker" | "workers" => "`despatch run --help` lists the workers",
        "settings" | "configure" => "`despatch config` prints every key with its default",
        "completion" => "`despatch completions SHELL`",
        _ => return None,
    })
}
