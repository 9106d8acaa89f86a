//! How urgent a case is: what its reason says, and one step for what is at stake.

use despatch_contracts::order::{Order, ServiceLevel};
use despatch_domain::Priority;

/// The totals of orders, in minor units of their currency, that change a priority; `None` for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WorthLimits {
    /// An order below this is worth little.
    pub(crate) low_minor: Option<i64>,
    /// An order from this on is worth much.
    pub(crate) high_minor: Option<i64>,
}

/// The reason's priority; one step higher for fast delivery, one step higher for an order that is worth much, one step
/// lower for one that is worth little. An urgent reason stays urgent, because it is about more than one order. Events that
/// carry no order have their reason's priority.
pub(super) fn priority(of_reason: Priority, order: Option<&Order>, limits: WorthLimits) -> Priority {
    let Some(order) = order.filter(|_| of_reason != Priority::Urgent) else { return of_reason };
    let fast = matches!(order.service_level(), ServiceLevel::FirstClass | ServiceLevel::SameDay);
    let much = limits.high_minor.is_some_and(|limit| order.total_minor >= limit);
    let little = limits.low_minor.is_some_and(|limit| order.total_minor < limit);
    let steps = i16::from(fast) + i16::from(much) - i16::from(little);
    let number = (of_reason.number() + steps).clamp(Priority::Low.number(), Priority::Urgent.number());
    // Every number between them has a priority.
    Priority::of_number(number).unwrap_or(of_reason)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use despatch_domain::{Currency, Money, Reason};

    use super::*;

    const LIMITS: WorthLimits = WorthLimits { low_minor: Some(5_000), high_minor: Some(50_000) };

    fn order(total_minor: i64, service_level: ServiceLevel) -> Order {
        Order { total_minor, service_level: service_level.into(), ..Order::default() }
    }

    #[test]
    fn worth_and_service_move_a_priority_by_one_step_each() {
        use Priority::{High, Low, Normal, Urgent};
        use ServiceLevel::{FirstClass, SameDay, SecondClass, Standard};
        for (of_reason, total_minor, service_level, expected) in [
            (Normal, 5_000, Standard, Normal),
            (Normal, 4_999, SecondClass, Low),
            (Normal, 4_999, SameDay, Normal),
            (Normal, 50_000, Standard, High),
            (Normal, 50_000, FirstClass, Urgent),
            (Low, 100, Standard, Low),
            (Low, 50_000, Standard, Normal),
            (High, 100, Standard, Normal),
            (High, 50_000, FirstClass, Urgent),
            (Urgent, 100, Standard, Urgent),
        ] {
            let order = order(total_minor, service_level);
            assert_eq!(priority(of_reason, Some(&order), LIMITS), expected, "{of_reason} {order:?}");
        }
        assert_eq!(priority(High, None, LIMITS), High);
        let never = WorthLimits { low_minor: None, high_minor: None };
        assert_eq!(priority(Normal, Some(&order(1, Standard)), never), Normal);
        assert_eq!(priority(Normal, Some(&order(i64::MAX, Standard)), never), Normal);
    }

    /// The orders of the sample file: total and service level.
    fn sample() -> Vec<Order> {
        #[derive(serde::Deserialize)]
        struct Row {
            #[serde(rename = "Order ID")]
            order_id: String,
            #[serde(rename = "Ship Mode")]
            ship_mode: String,
            #[serde(rename = "Sales")]
            sales: String,
        }
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../../data/superstore.csv");
        let mut orders = BTreeMap::<String, Order>::new();
        for row in csv::Reader::from_path(file).unwrap().deserialize() {
            let Row { order_id, ship_mode, sales } = row.unwrap();
            let service_level = match ship_mode.as_str() {
                "Standard Class" => ServiceLevel::Standard,
                "Second Class" => ServiceLevel::SecondClass,
                "First Class" => ServiceLevel::FirstClass,
                "Same Day" => ServiceLevel::SameDay,
                other => panic!("{other} is no ship mode"),
            };
            let line = Money::parse_rounded(&sales, Currency::USD).unwrap().minor;
            orders.entry(order_id).or_insert_with(|| order(0, service_level)).total_minor += line;
        }
        orders.into_values().collect()
    }

    /// Percent of the cases by priority, from low to urgent.
    fn shares(cases: Vec<Priority>) -> [usize; 4] {
        let mut counts = [0_usize; 4];
        for case in cases {
            counts[usize::try_from(case.number() - 1).unwrap()] += 1;
        }
        let all: usize = counts.iter().sum();
        counts.map(|count| (count * 100 + all / 2) / all)
    }

    #[test]
    fn no_priority_has_more_than_half_of_the_cases_of_the_sample_orders() {
        let orders = sample();
        let of = |reason: Reason| {
            let of_reason = reason.triage().unwrap().priority;
            shares(orders.iter().map(|order| priority(of_reason, Some(order), LIMITS)).collect())
        };
        // Percent low, normal, high, urgent.
        assert_eq!(of(Reason::CardDeclined), [23, 42, 29, 5]);
        assert_eq!(of(Reason::AddressUndeliverable), [0, 23, 42, 35]);
        // Any one reason, and all of them together.
        let reasons: Vec<Reason> =
            Reason::ALL.iter().copied().filter(|reason| reason.triage().is_some()).collect();
        for reason in &reasons {
            let most = of(*reason).into_iter().max().unwrap();
            let systemic = reason.triage().unwrap().priority == Priority::Urgent;
            assert!(systemic || most <= 75, "{reason}: {most} %");
        }
        let all = reasons.iter().flat_map(|reason| {
            let of_reason = reason.triage().unwrap().priority;
            orders.iter().map(move |order| priority(of_reason, Some(order), LIMITS))
        });
        assert!(shares(all.collect()).into_iter().all(|share| (5..=50).contains(&share)));
    }
}
