//! Examples of every command, for `--help` and the manual. A test takes each for what it is: a command line.

use std::fmt::Write as _;

/// A command's examples: each a command line without the program's name, and what it does.
type Examples = (&'static str, &'static [(&'static str, &'static str)]);

const EXAMPLES: &[Examples] = &[
    (
        "up",
        &[
            ("up", "Start everything; the data is in ./.despatch"),
            ("up --listen 127.0.0.1:8090", "Take orders at another port"),
            ("up --faults 7 --data-dir /tmp/faulty", "See what failures of providers look like"),
            ("up --log", "Show the whole log in this terminal"),
        ],
    ),
    (
        "demo",
        &[
            ("demo --orders 300", "Carry 300 orders to their ends, and audit the result"),
            ("demo --orders 300 --faults 7 --json", "The same with failing providers; one JSON object"),
        ],
    ),
    (
        "stop",
        &[
            ("stop", "Stop what runs in ./.despatch"),
            ("stop --data-dir /srv/shop", "Stop what runs in another directory"),
        ],
    ),
    (
        "logs",
        &[
            ("logs --follow", "Show the end of the log, and every new line"),
            ("logs -n 1000", "Show the last 1000 lines"),
        ],
    ),
    ("key", &[("key", "Print the key that POST /v1/orders wants as a bearer token")]),
    (
        "events tail",
        &[
            ("events tail", "Every event of every order"),
            ("events tail superstore/CA-2016-152156", "One order"),
            ("events tail 'payment.*'", "Payments only"),
            ("events tail --json", "An object a line, for a program"),
        ],
    ),
    (
        "doctor",
        &[
            ("doctor", "Look everything over; status 1 when something has failed"),
            ("doctor -q", "Print only findings, and one line that sums up"),
            ("doctor --worker payments", "Examine one worker and its provider"),
            ("doctor --json", "The same, for a program"),
        ],
    ),
    (
        "import",
        &[
            ("import data/superstore.csv --orders 20 --stock", "Place 20 sample orders and their stock"),
            (
                "import orders.jsonl --url https://gateway:8080 --api-key KEY",
                "Place your own orders elsewhere",
            ),
        ],
    ),
    (
        "status",
        &[
            ("status", "Today's figures, what is on the way, and what waits"),
            ("status --json", "The same, for a program"),
        ],
    ),
    (
        "orders list",
        &[
            ("orders list", "The latest orders"),
            ("orders list --older-than 10m", "Those that do not move"),
            ("orders list --state paid --shop superstore", "Those of one shop in one state"),
            ("orders list --stuck", "Those with a case to decide"),
        ],
    ),
    (
        "orders cancel",
        &[(
            "orders cancel superstore/CA-2016-152156 --by ann --reason sold-out",
            "Cancel it, and wait for the outcome",
        )],
    ),
    (
        "orders collected",
        &[("orders collected superstore/CA-2016-152156 --by ann", "The customer was at the counter")],
    ),
    (
        "orders refund",
        &[
            (
                "orders refund superstore/CA-2016-152156 --amount 5.00 --reason late-parcel",
                "Give back 5.00 of the order's currency, and wait until that is made",
            ),
            (
                "orders refund superstore/CA-2016-152156 --lines 1=2 --reason damaged",
                "Give back what was paid for two units of the first line",
            ),
        ],
    ),
    (
        "orders show",
        &[
            ("orders show superstore/CA-2016-152156", "By the shop and its number"),
            ("orders show superstore/CA-2016-152156 --json", "For a program"),
        ],
    ),
    (
        "stock receive",
        &[
            ("stock receive --from delivery.csv", "Book each row of a file once; name the bad ones"),
            (
                "stock receive --from delivery.csv --receipt 2026-0815 --refused bad.csv",
                "Another delivery, even if its rows are the same; keep the bad rows in a file",
            ),
            ("stock receive SKU-17 40 --location main", "40 units of one SKU"),
            (
                "stock receive --from part.csv --receipt PO-17 --more-follows",
                "A part of an announced delivery",
            ),
        ],
    ),
    (
        "stock adjust",
        &[
            ("stock adjust SKU-17 -3 --location main --reason damaged --by ann", "Three units fell down"),
            ("stock adjust --from corrections.csv", "Columns: sku,location,change,reason"),
        ],
    ),
    (
        "stock count",
        &[
            ("stock count SKU-17 44 --location main", "44 units are on the shelf now"),
            (
                "stock count --from shelf.csv --location main --seen-at 2026-11-30T09:15",
                "A shelf, as somebody saw it; columns: sku,counted",
            ),
        ],
    ),
    (
        "stock transfer",
        &[
            ("stock transfer SKU-17 10 main shop", "Ten units are in the shop at once"),
            (
                "stock transfer --from pallet.csv --arrives-later --transfer T-7",
                "They are on the way until they arrive",
            ),
        ],
    ),
    (
        "stock arrive",
        &[
            ("stock arrive T-7", "All of it arrived"),
            (
                "stock arrive T-7 --from unpacked.csv",
                "These units arrived; the rest of these articles is lost",
            ),
        ],
    ),
    (
        "stock expected",
        &[
            ("stock expected", "Deliveries that are to come, and how much of each is here"),
            ("stock expected set PO-17 --due 2026-12-03 --from order.csv", "Announce one"),
        ],
    ),
    (
        "stock expected set",
        &[
            (
                "stock expected set PO-17 --due 2026-12-03 --supplier Acme --contact orders@acme.example --from order.csv",
                "Announce a delivery; columns: sku,location,quantity",
            ),
            ("stock expected set PO-17 SKU-17 40 --location main", "40 units of one SKU are in it"),
            ("stock expected set PO-17 --due 2026-12-08", "The supplier postpones it"),
        ],
    ),
    (
        "stock expected close",
        &[("stock expected close PO-17", "Nothing more of it comes; what is missing becomes a case")],
    ),
    (
        "stock expected cancel",
        &[("stock expected cancel PO-17", "What has not arrived is not expected any more")],
    ),
    ("stock expected show", &[("stock expected show PO-17", "What was announced, and what came")]),
    (
        "stock expected list",
        &[("stock expected list --all --json", "Those that are over too; for a program")],
    ),
    (
        "stock explain",
        &[
            ("stock explain SKU-17", "Every movement of its units, and the sum"),
            ("stock explain SKU-17 --location main --at 2026-11-30T09:15", "How it was at that moment"),
        ],
    ),
    (
        "stock list",
        &[
            ("stock list", "Units that can be sold and units that orders hold"),
            ("stock list SKU-17", "Where every unit of one SKU is"),
            ("stock list --location main --json", "For a program"),
        ],
    ),
    (
        "items set",
        &[
            ("items set SKU-17 --title Stapler --grams 250 --sides 140 60 40", "What a label needs to know"),
            (
                "items set SKU-17 --barcode 4006381333931 --barcode 4006381333948=12",
                "A piece, and a carton of twelve",
            ),
            ("items set --from articles.csv", "Many articles; an empty cell changes nothing"),
        ],
    ),
    ("items list", &[("items list", "Articles by SKU"), ("items list --json --limit 1000", "For a program")]),
    (
        "locations set",
        &[
            (
                "locations set main --name Warehouse --street Kai-1 --city Hamburg --postcode 20457 --country DE",
                "Create a location, or give it an address",
            ),
            ("locations set shop --rank 200 --channels north", "It sells for one shop, after the others"),
        ],
    ),
    ("locations list", &[("locations list", "Every location, those that are preferred first")]),
    (
        "exceptions list",
        &[
            ("exceptions list", "Every case that is not resolved, the most urgent first"),
            ("exceptions list --order superstore/CA-2016-138688", "Those of one order"),
            ("exceptions list --queue payments --group", "What goes wrong with payments, by cause"),
        ],
    ),
    (
        "exceptions show",
        &[
            ("exceptions show 12", "What happened, what to do, and the history"),
            ("exceptions show 12 --contents > event.json", "Save the event, to edit it"),
        ],
    ),
    ("exceptions reasons", &[("exceptions reasons", "Why events fail, and who decides about them")]),
    ("exceptions claim", &[("exceptions claim 12 --by ada", "Ada works on it")]),
    ("exceptions release", &[("exceptions release 12 --by ada", "Ada no longer does")]),
    ("exceptions note", &[("exceptions note 12 'asked'", "Add to its history")]),
    ("exceptions priority", &[("exceptions priority 12 high --reason promised", "Make it more urgent")]),
    (
        "exceptions replay",
        &[
            ("exceptions replay 12", "Handle it again, and say what comes of it"),
            ("exceptions replay 12 --no-wait", "Only ask for it"),
        ],
    ),
    (
        "exceptions edit",
        &[
            ("exceptions edit 12 --from event.json --reason typo", "Show what would change"),
            ("exceptions edit 12 --from event.json --reason typo --yes", "Change it, and handle it again"),
        ],
    ),
    (
        "exceptions refund",
        &[("exceptions refund 12 --amount 5.00 --reason late", "Give the customer 5.00 back")],
    ),
    (
        "exceptions cancel-order",
        &[("exceptions cancel-order 12 --reason out-of-print", "Cancel the order that it is about")],
    ),
    (
        "exceptions discard",
        &[("exceptions discard 12 --reason test", "Resolve it without handling the event")],
    ),
    ("exceptions undo", &[("exceptions undo 12", "Undo a discard")]),
    (
        "replays create",
        &[("replays create --reason address-undeliverable", "Choose cases; replays nothing yet")],
    ),
    ("replays list", &[("replays list", "The latest replays and how far they are")]),
    ("replays show", &[("replays show 2 --items", "Replay 2 and each of its cases")]),
    ("replays dry-run", &[("replays dry-run 2", "What replay 2 would do now")]),
    ("replays start", &[("replays start 2 --by ada --yes", "Start with the first canary step")]),
    ("replays pause", &[("replays pause 2 --by ada", "Replay no further cases for now")]),
    ("replays resume", &[("replays resume 2 --by ada", "Continue, with the canary first")]),
    ("replays cancel", &[("replays cancel 2 --by ada", "Replay no further cases")]),
    (
        "retries list",
        &[
            ("retries list", "Every event that waits, the next first"),
            ("retries list --worker labels --json", "Those of one worker, for a program"),
        ],
    ),
    (
        "retries run-now",
        &[
            ("retries run-now --worker payments", "Count what would be retried"),
            ("retries run-now --worker payments --yes", "Retry it now, for instance after an outage"),
        ],
    ),
    (
        "retries cancel",
        &[("retries cancel --handler labels.create --by ada --reason closed --yes", "Each becomes a case")],
    ),
    (
        "run",
        &[
            ("run", "Run every worker in this process"),
            ("run payments labels", "Run two workers in this process"),
            ("run gateway --config /etc/despatch.toml", "Run the gateway, as configured there"),
        ],
    ),
    ("provision", &[("provision --config /etc/despatch.toml", "Create or correct stream and consumers")]),
    ("migrate", &[("migrate --config /etc/despatch.toml", "Bring every schema up to date")]),
    ("permissions nats", &[("permissions nats --keys keys > users.conf", "Make the keys, print the users")]),
    (
        "recover",
        &[
            ("recover --since 12h", "Publish again what was recorded in the last 12 hours"),
            ("recover --since 2026-11-22T08:00:00Z --worker orders", "Only what one worker recorded"),
        ],
    ),
    (
        "probe",
        &[
            ("probe", "Ask the workers of this machine; status 1 when they are not ready"),
            ("probe http://10.0.0.7:8081/readyz", "Ask others"),
        ],
    ),
    (
        "sandbox",
        &[
            ("sandbox", "Stand in for all providers at 127.0.0.1"),
            ("sandbox --faults 7", "Fail now and then, the same way each time"),
        ],
    ),
    (
        "config",
        &[
            ("config > despatch.toml", "Start a configuration file"),
            ("config --json", "Every key with its default, for a program"),
        ],
    ),
    (
        "config show",
        &[
            ("config show", "Every key with its default and its meaning"),
            (
                "config show --effective --config shop.toml",
                "The values that apply, and where each comes from",
            ),
        ],
    ),
    (
        "config check",
        &[
            ("config check shop.toml", "Find every mistake in a file"),
            ("config check shop.toml --worker payments", "Require what payments needs, too"),
        ],
    ),
    (
        "completions",
        &[
            ("completions bash > /etc/bash_completion.d/despatch", "For bash, for everybody"),
            ("completions zsh > ~/.zfunc/_despatch", "For zsh; ~/.zfunc must be in fpath"),
            ("completions fish > ~/.config/fish/completions/despatch.fish", "For fish"),
        ],
    ),
    (
        "man",
        &[
            ("man | man -l -", "Read the manual"),
            ("man /usr/local/share/man/man1", "Install a page for each command"),
        ],
    ),
];

/// A command's examples, as `--help` ends; `None` when it has none. `path` is the command without the program's name.
pub(super) fn of(path: &str) -> Option<String> {
    let (_, examples) = EXAMPLES.iter().find(|(command, _)| *command == path)?;
    let mut text = "Examples:".to_owned();
    for (line, meaning) in *examples {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n  despatch {line}\n      {meaning}");
    }
    Some(text)
}

#[cfg(test)]
pub(super) fn lines() -> impl Iterator<Item = &'static str> {
    EXAMPLES.iter().flat_map(|(_, examples)| examples.iter().map(|(line, _)| *line))
}
