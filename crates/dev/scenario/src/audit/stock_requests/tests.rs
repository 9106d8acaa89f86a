//! Each defect is found, and a correct ledger has none.

use super::*;
use crate::stock_keeper::{AdjustRow, ArrivedRow, Asked, CountRow, ReceiptRow};

/// A request with the outcome of each of its rows.
fn outcome(request_id: &str, command: StockCommand, told: &[&str]) -> Outcome {
    let request = StockRequest { request_id: request_id.to_owned(), command };
    let rows = request.rows().unwrap_or_default();
    let results: Vec<RowOutcome> = rows
        .into_iter()
        .zip(told)
        .map(|((sku, location, quantity), outcome)| RowOutcome {
            sku: sku.to_owned(),
            location: location.to_owned(),
            quantity,
            outcome: (*outcome).to_owned(),
        })
        .collect();
    let refused = told.iter().filter(|outcome| **outcome == "refused").count();
    Outcome { asked: Asked { request, altered: None }, record: Some(RequestRecord { refused, results }) }
}

fn receive(request_id: &str, receipt: &str, told: &[&str]) -> Outcome {
    let row = |row_id: &str| ReceiptRow {
        row_id: row_id.to_owned(),
        sku: "A".to_owned(),
        location: "here".to_owned(),
        quantity: 3,
    };
    let rows = vec![row("1"), row("")];
    let command = StockCommand::Receive { receipt: receipt.to_owned(), all_or_nothing: false, rows };
    outcome(request_id, command, told)
}

fn adjust(request_id: &str, change: i64, reason: &'static str, told: &str) -> Outcome {
    let row = AdjustRow { sku: "A".to_owned(), location: "here".to_owned(), change, reason };
    outcome(request_id, StockCommand::Adjust(vec![row]), &[told])
}

fn count(request_id: &str, told: &str) -> Outcome {
    let row =
        CountRow { sku: "A".to_owned(), location: "here".to_owned(), counted: 3, seen_at: String::new() };
    outcome(request_id, StockCommand::Count(vec![row]), &[told])
}

fn transfer(request_id: &str, arrives_later: bool) -> Outcome {
    let row =
        TransferRow { sku: "A".to_owned(), from: "here".to_owned(), to: "there".to_owned(), quantity: 5 };
    let command = StockCommand::Transfer { transfer: "T".to_owned(), arrives_later, rows: vec![row] };
    outcome(request_id, command, &["booked"])
}

fn arrive(request_id: &str, quantity: i64) -> Outcome {
    let row = ArrivedRow { sku: "A".to_owned(), to: "there".to_owned(), quantity };
    outcome(request_id, StockCommand::Arrive { transfer: "T".to_owned(), rows: vec![row] }, &["booked"])
}

/// The ledger: request, location, from, to and units of A; and how many of A are on their way.
fn ledger(moved: &[(&str, &str, &str, &str, i64)], transit: i64) -> Ledger {
    let moved = moved.iter().map(|(request, location, from, to, units)| {
        ([request, "A", location, from, to].map(str::to_owned).into(), *units)
    });
    Ledger { moved: moved.collect(), transit: BTreeMap::from([("A".to_owned(), transit)]) }
}

fn wrong(outcomes: &[Outcome], ledger: &Ledger) -> Vec<String> {
    findings(outcomes, ledger).iter().map(ToString::to_string).collect()
}

const IN: (&str, &str) = ("supplier", "available");

#[test]
fn a_ledger_that_has_what_the_outcomes_say_is_right() {
    let outcomes = [
        receive("r-1", "D", &["booked", "booked"]),
        receive("r-2", "D", &["before", "booked"]),
        adjust("a-1", -2, "damaged", "booked"),
        adjust("a-2", -99, "lost", "refused"),
        count("c-1", "booked"),
        transfer("t-1", true),
        arrive("v-1", 4),
    ];
    let moved = [
        ("r-1", "here", IN.0, IN.1, 6),
        ("r-2", "here", IN.0, IN.1, 3),
        ("a-1", "here", "available", "damaged", 2),
        ("c-1", "here", "available", "missing", 1),
        ("c-1", "here", "reserved", "missing", 1),
        ("t-1", "here", "available", "transit", 5),
        ("v-1", "there", "transit", "available", 4),
        ("v-1", "there", "transit", "lost", 1),
    ];
    assert_eq!(wrong(&outcomes, &ledger(&moved, 0)), [""; 0]);
    // Those whose arrival nobody reported are on the way.
    assert_eq!(wrong(&outcomes[..6], &ledger(&moved[..6], 5)), [""; 0]);
}

#[test]
fn a_request_without_an_outcome_and_one_of_nobody_are_found() {
    let mut pending = receive("r-1", "D", &["booked", "booked"]);
    pending.record = None;
    let found = wrong(&[pending], &ledger(&[("r-9", "here", IN.0, IN.1, 6)], 0));
    assert_eq!(
        found,
        [
            "request r-1: was accepted, and has no outcome",
            "request r-9: by its outcome 0 of A at here went from supplier to available, by the ledger 6",
        ]
    );
}

#[test]
fn rows_that_are_booked_twice_or_never_are_found() {
    let twice = [receive("r-1", "D", &["booked", "booked"]), receive("r-2", "D", &["booked", "booked"])];
    let moved = [("r-1", "here", IN.0, IN.1, 6), ("r-2", "here", IN.0, IN.1, 6)];
    let row = "row 1 of delivery D: was booked";
    assert_eq!(wrong(&twice, &ledger(&moved, 0)), [format!("{row} 2 times, and 0 times had been before")]);
    let never = [receive("r-1", "D", &["before", "booked"])];
    let found = wrong(&never, &ledger(&[("r-1", "here", IN.0, IN.1, 3)], 0));
    assert_eq!(found, [format!("{row} 0 times, and 1 times had been before")]);
    let found = wrong(&[adjust("a-1", 2, "found", "booked")], &ledger(&[("a-1", "here", IN.0, IN.1, 4)], 0));
    assert_eq!(
        found,
        ["request a-1: by its outcome 2 of A at here went from supplier to available, by the ledger 4"]
    );
}

#[test]
fn units_of_a_transfer_that_are_in_two_places_or_nowhere_are_found() {
    let moved = [("t-1", "here", "available", "transit", 5), ("v-1", "there", "transit", "available", 5)];
    let twice = [transfer("t-1", true), arrive("v-1", 5), arrive("v-2", 5)];
    let found = wrong(&twice, &ledger(&moved, 0));
    assert_eq!(found, ["request v-2: 5 of A arrived at there, and none were on the way"]);
    let found = wrong(&twice[..2], &ledger(&moved, 5));
    assert_eq!(found, ["transfers of A: 0 are on the way by the outcomes, 5 by the ledger"]);
    let found = wrong(&[transfer("t-1", false)], &ledger(&moved[..1], 0));
    assert_eq!(
        found,
        ["request t-1: by its outcome 5 of A at there went from transit to available, by the ledger 0"]
    );
}

#[test]
fn a_count_that_moves_other_units_is_found() {
    let both = [("c-1", "here", "available", "missing", 1), ("c-1", "here", "missing", "available", 1)];
    assert_eq!(
        wrong(&[count("c-1", "booked")], &ledger(&both, 0)),
        ["request c-1: found more and fewer of A at here"]
    );
    let found = wrong(&[count("c-1", "refused")], &ledger(&both[..1], 0));
    assert_eq!(found, ["request c-1: moved 1 of A at here, which it did not count"]);
}

#[test]
fn an_outcome_about_other_rows_and_an_altered_request_that_was_taken_are_found() {
    let mut asked = adjust("a-1", 2, "found", "booked");
    asked.record.as_mut().unwrap().results[0].quantity = 3;
    asked.asked.altered = Some(reqwest::StatusCode::ACCEPTED);
    let found = wrong(&[asked], &ledger(&[("a-1", "here", IN.0, IN.1, 2)], 0));
    assert_eq!(
        found,
        [
            "request a-1: other contents under its id were answered Some(202)",
            "request a-1: asked for [(\"A\", \"here\", 2)], and its outcome is about [(\"A\", \"here\", 3)]",
        ]
    );
}
