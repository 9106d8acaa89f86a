//! The page of an order in each of its forms.

use despatch_read_model::labels::LabelState;
use jiff::tz::TimeZone;

use super::{OrderPage, sample};

/// The page on a terminal of 80 columns, which it does not pass.
fn on_a_terminal(page: &OrderPage) -> String {
    let text = page.render(&TimeZone::UTC, false, Some(80));
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    text
}

#[test]
fn an_order_that_went_well() {
    insta::assert_snapshot!(on_a_terminal(&sample::delivered()), @r#"
north 1001   delivered

placed    29 Nov 17:36 UTC
customer  Zoë Müller <zoe@example.com>
ship to   Zoë Müller, 1 Main Street, Louisville KY 40202 US
lines      2 × FUR-BO-10001798  Bush Somerset Collection Bookcase, five …  10.00
          10 × OFF-BI-10003910  Binder                                      0.00
          shipping 3.50, tax 0.80, discount -1.00, total               13.30 USD
payment   captured 13.30 USD (stripe pi_3xy)
parcels   1  delivered, usps 9205596900000000000000  usps_ground_advantage
mail      accepted          29 Nov 17:36 UTC
          despatched        29 Nov 17:51 UTC
review    the customer is asked
history   29 Nov 2026, UTC
          17:36:03  accepted, 2 lines
          17:36:04  case 12 opened, stock-short: 10 of OFF-BI-10003910 wanted, …
          17:50:00  stock reserved
          17:50:00  case 12 resolved: replayed
          17:50:01  payment captured, 13.30 USD
          17:50:02  parcel picked at louisville
          17:50:03  parcel labelled, usps ground 92055969
          17:51:00  parcel handed to the carrier: left the depot
          17:55:00  parcel delivered
id        01a22860-d08a-7269-9300-64885b2015be
trace     586821a1c2d3e4f5061728394a5b6c7d
"#);
}

#[test]
fn an_order_that_was_cancelled() {
    insta::assert_snapshot!(on_a_terminal(&sample::cancelled()), @r#"
north 1001   cancelled

placed    29 Nov 17:36 UTC
customer  Zoë Müller <zoe@example.com>
ship to   Zoë Müller, 1 Main Street, Louisville KY 40202 US
lines      2 × FUR-BO-10001798  Bush Somerset Collection Bookcase, five …  10.00
          10 × OFF-BI-10003910  Binder                                      0.00
          shipping 3.50, tax 0.80, discount -1.00, total               13.30 USD
payment   authorised 13.30 USD, released (stripe pi_3xy)
parcels   none
mail      none
history   29 Nov 2026, UTC
          17:36:03  accepted, 2 lines
          17:36:04  case 12 opened, stock-short: 10 of OFF-BI-10003910 wanted, …
          17:56:03  cancelled by operator ann: out of print
          17:56:04  authorisation released
id        01a22860-d08a-7269-9300-64885b2015be
trace     586821a1c2d3e4f5061728394a5b6c7d
stuck     case 12, stock-short, since 21 m   despatch exceptions show 12
"#);
}

#[test]
fn an_order_without_an_address_for_mail() {
    let mut page = sample::delivered();
    let record = page.record.as_mut().unwrap();
    record.messages.clear();
    record.timeline[1].event = "notification.skipped".to_owned();
    record.timeline[1].detail = "accepted".to_owned();
    let text = on_a_terminal(&page);
    assert!(text.contains("mail      none, because the order has no usable e-mail address\n"), "{text}");
    assert!(text.contains("mail not sent, because there is no address for it: accepted\n"), "{text}");
}

#[test]
fn a_label_that_is_taken_back_is_shown_as_such() {
    let mut page = sample::delivered();
    for (state, words) in [
        (LabelState::VoidRequested, "usps_ground_advantage, the carrier is asked to take the label back"),
        (LabelState::Voided, "usps_ground_advantage, label voided"),
    ] {
        page.record.as_mut().unwrap().parcels[0].label_state = Some(state);
        let text = page.render(&TimeZone::UTC, false, None);
        assert!(text.contains(words), "{text}");
    }
}

#[test]
fn an_order_that_was_not_accepted() {
    insta::assert_snapshot!(on_a_terminal(&sample::not_accepted()), @r#"
north 1001   not accepted

placed    29 Nov 17:36 UTC
customer  not named
ship to   Zoë Müller, 1 Main Street, Louisville KY 40202 US
lines      2 × FUR-BO-10001798  Bush Somerset Collection Bookcase, five …  10.00
          10 × OFF-BI-10003910  Binder                                      0.00
          shipping 3.50, tax 0.80, discount -1.00, total               13.30 USD
payment   authorised 13.30 USD, not captured (stripe pi_3xy)
history   29 Nov 2026, UTC
          17:36:04  case 12 opened, address-incomplete: the country "QQ" is no …
id        01a22860-d08a-7269-9300-64885b2015be
trace     586821a1c2d3e4f5061728394a5b6c7d
stuck     case 12, address-incomplete, since 21 m   despatch exceptions show 12
"#);
}

#[test]
fn each_charge_is_shown_and_none_is_cut() {
    let text = on_a_terminal(&sample::charged());
    let lines: Vec<_> = text.lines().skip_while(|line| !line.contains("Binder")).take(4).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
          10 × OFF-BI-10003910  Binder                                      0.00
          shipping 3.50, shipping 7.25, fee -1.50, duty 18.40,
          tip 5.00, tax 0.80, discount -1.00, rounding -0.01, total    42.44 USD
payment   authorised 13.30 USD, not captured (stripe pi_3xy)
");
}

#[test]
fn an_order_that_just_came_in() {
    insta::assert_snapshot!(on_a_terminal(&sample::unknown()), @r#"
north 1001   placed

received  29 Nov 17:36 UTC; orders has not recorded it yet
id        01a22860-d08a-7269-9300-64885b2015be
trace     586821a1c2d3e4f5061728394a5b6c7d
"#);
}

#[test]
fn every_id_code_and_digit() {
    insta::assert_snapshot!(sample::delivered().render(&TimeZone::UTC, true, Some(80)), @r#"
north 1001   delivered

placed    2026-11-29T17:36:03Z
customer  Zoë Müller <zoe@example.com>
ship to   Zoë Müller, 1 Main Street, Louisville KY 40202 US
lines      2 × FUR-BO-10001798  Bush Somerset Collection Bookcase, five shelves, oak  10.00
          10 × OFF-BI-10003910  Binder                                      0.00
          shipping 3.50, tax 0.80, discount -1.00, total               13.30 USD
payment   captured 13.30 USD (stripe pi_3xy, ch_3bp)
parcels   1  delivered, usps 9205596900000000000000  usps_ground_advantage  label 01a22860-d08a-7269-9300-64885b2015be-1  service-cheapest  1850 g, 400 × 300 × 200 mm; weight of OFF-BI-10003910 assumed
mail      accepted          2026-11-29T17:36:05Z  accepted@shop.example
          despatched        2026-11-29T17:51:01Z  despatched@shop.example
review    the customer is asked
history   2026-11-29T17:36:03.1Z          order.placed            – → accepted              step-done  2 lines from north by api
          2026-11-29T17:36:04Z            case 12 opened, stock-short: 10 of OFF-BI-10003910 wanted, 0 there
          2026-11-29T17:50:00Z            stock.reserved          accepted → reserved       step-done  2 allocations
          2026-11-29T17:50:00.5Z          case 12 resolved: replayed
          2026-11-29T17:50:01Z            payment.captured        reserved → paid           step-done  13.30 USD, ch_3bp
          2026-11-29T17:50:02Z            stock.picked            paid → picked             step-done  parcel 1 of 1, at louisville
          2026-11-29T17:50:03Z            label.created           picked → labelled         step-done  parcel 1 of 1, usps ground 92055969
          2026-11-29T17:51:00Z            shipment.despatched     labelled → despatched     step-done  parcel 1 of 1, usps 92055969 at 2026-11-29T17:51:00Z: left the depot
          2026-11-29T17:55:00Z            shipment.delivered      despatched → delivered    step-done  parcel 1 of 1, usps 92055969
id        01a22860-d08a-7269-9300-64885b2015be
trace     586821a1c2d3e4f5061728394a5b6c7d
"#);
}

#[test]
fn times_are_those_of_the_zone_and_a_pipe_gets_all_of_it() {
    let zone = TimeZone::fixed(jiff::tz::offset(13));
    let text = sample::delivered().render(&zone, false, None);
    assert!(text.contains("30 Nov 06:36"), "{text}");
    assert!(text.contains("five shelves, oak"), "{text}");
}
