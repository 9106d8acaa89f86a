//! The work list: its order, its filters, its pages.

use despatch_contracts::order::{Order, OrderAccepted, ServiceLevel};
use despatch_contracts::runtime::DeadLetter;
use despatch_contracts::{EventId, Subject};
use despatch_domain::{Currency, Money, Priority, Queue};
use despatch_exceptions::{CaseCounts, CaseFilter, CaseRef, CaseState, Cursor};
use jiff::Timestamp;

use crate::{dies, env, id, letter, message};

#[tokio::test]
async fn the_list_is_filtered_and_read_page_by_page() {
    let (env, team) = env().await;
    let reasons = ["amount-mismatch", "stock-short", "carrier-rejected", "tracking-unknown", "card-declined"];
    for n in 0..25_usize {
        let text = format!("Failure Number {n}");
        dies(&env, &letter(EventId::new(), &format!("o-{n}"), 0, reasons[n % 5], &text)).await;
    }
    env.quiet().await;
    let everything = CaseFilter::default();
    let (mut pages, mut after) = (Vec::new(), None::<Cursor>);
    loop {
        let page = team.list(&everything, after.as_ref(), 4).await;
        let Some(last) = page.last() else { break };
        // A terminal gives back the text that it was shown.
        after = Some(Cursor::after(last).to_string().parse().unwrap());
        pages.extend(page);
    }
    assert_eq!(pages, team.list(&everything, None, 100).await);
    assert_eq!(pages.len(), 25);
    assert!(pages.is_sorted_by_key(|case| (std::cmp::Reverse(case.priority), case.due)));
    assert_eq!((pages[0].priority, pages[24].priority), (Priority::Urgent, Priority::Low));

    team.claim(&pages[0].id, "ada").await.unwrap();
    team.discard(&pages[24].id, "ada", "a stranger's parcel").await.unwrap();
    let count = async |filter: CaseFilter| team.list(&filter, None, 100).await.len();
    assert_eq!(count(CaseFilter::default()).await, 24);
    assert_eq!(count(CaseFilter { state: Some(CaseState::Resolved), ..CaseFilter::default() }).await, 1);
    assert_eq!(count(CaseFilter { claimed_by: Some("ada".into()), ..CaseFilter::default() }).await, 1);
    assert_eq!(count(CaseFilter { queue: Some(Queue::Payments), ..CaseFilter::default() }).await, 10);
    assert_eq!(count(CaseFilter { reason: Some("stock-short".into()), ..CaseFilter::default() }).await, 5);
    assert_eq!(count(CaseFilter { subject: Some("order/o-7".into()), ..CaseFilter::default() }).await, 1);
    assert_eq!(count(CaseFilter { text: Some("number 1*".into()), ..CaseFilter::default() }).await, 11);
    assert_eq!(count(CaseFilter { text: Some("100%".into()), ..CaseFilter::default() }).await, 0);
    assert_eq!(
        count(CaseFilter { text: Some("1* FAILURE".into()), ..CaseFilter::default() }).await,
        11,
        "in any order"
    );
    assert_eq!(
        count(CaseFilter { text: Some("o-17".into()), ..CaseFilter::default() }).await,
        1,
        "in its contents"
    );
    for nothing in ["o'17 & (", r"\ ' | !", "*", "** '*", " "] {
        assert_eq!(
            count(CaseFilter { text: Some(nothing.into()), ..CaseFilter::default() }).await,
            0,
            "{nothing}"
        );
    }
    assert_eq!(count(CaseFilter { worker: Some("orders".into()), ..CaseFilter::default() }).await, 0);
    let long_ago = Timestamp::now() - jiff::SignedDuration::from_hours(1);
    assert_eq!(count(CaseFilter { opened_before: Some(long_ago), ..CaseFilter::default() }).await, 0);
    let queues = team.cases.queue_counts().await.unwrap();
    assert_eq!(queues.iter().map(|counts| counts.unresolved).sum::<i64>(), 24);
    assert!(queues.iter().all(|counts| counts.overdue == 0));
}

#[tokio::test]
async fn orders_of_high_value_or_with_fast_delivery_come_first() {
    let (env, team) = env().await;
    let cases = [
        ("plain", ServiceLevel::Standard, 49_999, Priority::Normal),
        ("cheap", ServiceLevel::Standard, 4_999, Priority::Low),
        ("valuable", ServiceLevel::Standard, 50_000, Priority::High),
        ("fast", ServiceLevel::FirstClass, 10_000, Priority::High),
    ];
    for (order_id, service_level, total_minor, _) in cases {
        let order = Order {
            order_id: order_id.into(),
            shop: "north".into(),
            shop_order_id: format!("N-{order_id}"),
            currency: "USD".into(),
            total_minor,
            service_level: service_level.into(),
            ..Order::default()
        };
        let event = message(&OrderAccepted { order: Some(order) });
        dies(
            &env,
            &DeadLetter { event: Some(event), ..letter(EventId::new(), order_id, 0, "stock-short", "") },
        )
        .await;
    }
    env.quiet().await;
    for (order_id, _, total_minor, priority) in cases {
        let of_order = CaseFilter { subject: Some(Subject::order(order_id).into()), ..CaseFilter::default() };
        let found = team.list(&of_order, None, 10).await;
        assert_eq!((found[0].priority, found[0].value_minor), (priority, Some(total_minor)), "{order_id}");
    }
    assert_eq!(team.cases.find_order("north", "N-fast").await.unwrap().as_deref(), Some("fast"));
    assert_eq!(team.cases.find_order("south", "N-fast").await.unwrap(), None);
    let fast = team.cases.of_order("fast").await.unwrap();
    assert_eq!(fast[0].shop_order().as_deref(), Some("north/N-fast"));
    assert_eq!(fast[0].worth().unwrap().to_string(), "100.00 USD");
    let usd = |minor| Some(Money::new(minor, Currency::parse("USD").unwrap()));
    let worth = CaseFilter { worth: usd(50_000), ..CaseFilter::default() };
    assert_eq!(team.list(&worth, None, 10).await.len(), 1);
    let euros = Some(Money::new(1, Currency::parse("EUR").unwrap()));
    assert!(team.list(&CaseFilter { worth: euros, ..CaseFilter::default() }, None, 10).await.is_empty());
}

#[tokio::test]
async fn a_case_is_found_by_its_number_or_the_beginning_of_its_event() {
    let (env, team) = env().await;
    let event = EventId::new();
    dies(&env, &letter(event, "o-1", 0, "stock-short", "4 of A-1 wanted, 0 there")).await;
    env.quiet().await;
    let other = DeadLetter {
        handler: "labels.other".into(),
        ..letter(event, "o-1", 0, "stock-short", "2 of A-2 wanted, 1 there")
    };
    dies(&env, &other).await;
    env.quiet().await;
    let find = async |words: &[&str]| team.cases.find(&CaseRef::parse(words).unwrap()).await;
    assert_eq!(find(&["#1"]).await.unwrap().id, id(event));
    assert_eq!(find(&["2"]).await.unwrap().id.handler, "labels.other");
    let beginning = &event.to_string()[..13];
    assert_eq!(find(&["labels.create", beginning]).await.unwrap().number, 1);
    let both = find(&[beginning]).await.unwrap_err();
    assert_eq!(both.code(), "ambiguous-case");
    let said = both.to_string();
    assert!(said.contains("case 1 (labels.create)") && said.contains("case 2 (labels.other)"), "{said}");
    assert_eq!(find(&["3"]).await.unwrap_err().to_string(), "3: no such case");
    assert_eq!(find(&["ffff-ffff"]).await.unwrap_err().code(), "unknown-case");
}

#[tokio::test]
async fn cases_of_one_cause_are_a_group() {
    let (env, team) = env().await;
    for (reason, error) in [
        ("stock-short", "4 of A-1 wanted, 0 there"),
        ("card-declined", "the card was declined: lost_card"),
        ("stock-short", "2 of A-2 wanted, 1 there"),
    ] {
        dies(&env, &letter(EventId::new(), "o-1", 0, reason, error)).await;
        env.quiet().await;
    }
    let groups = team.cases.groups(&CaseFilter::default(), 10).await.unwrap();
    let found: Vec<_> =
        groups.iter().map(|group| (group.count, group.reason.as_str(), group.sample_number)).collect();
    assert_eq!(found, [(2, "stock-short", 1), (1, "card-declined", 2)]);
    assert_eq!(groups[0].sample, "4 of A-1 wanted, 0 there");
    assert!(groups[0].first < groups[0].last);
    let payments = CaseFilter { queue: Some(Queue::Payments), ..CaseFilter::default() };
    assert_eq!(team.cases.groups(&payments, 10).await.unwrap(), groups[1..]);
    assert_eq!(team.cases.counts(&CaseFilter::default()).await.unwrap(), CaseCounts { cases: 3, overdue: 0 });
    env.advance(std::time::Duration::from_secs(9 * 3600)).await;
    assert_eq!(team.cases.counts(&payments).await.unwrap(), CaseCounts { cases: 1, overdue: 1 });
}
