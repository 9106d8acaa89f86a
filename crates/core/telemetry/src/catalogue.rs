//! The meaning of each metric, as docs/metrics.md tells it.

use std::collections::HashMap;
use std::sync::LazyLock;

const PAGE: &str = include_str!("../../../../docs/metrics.md");

/// Meanings by the name that Prometheus knows, from the rows `| name | type | labels | unit | meaning | …`.
static MEANINGS: LazyLock<HashMap<&str, String>> = LazyLock::new(|| {
    let rows = PAGE.lines().filter_map(|line| {
        let mut cells = line.strip_prefix('|')?.split('|').map(str::trim);
        let name = cells.next()?.strip_prefix('`')?.strip_suffix('`')?;
        Some((name, plain(cells.nth(3)?)))
    });
    rows.collect()
});

/// Returns what a metric means; `None` if the page does not have it.
pub(crate) fn meaning(metric: &str) -> Option<&'static str> {
    MEANINGS.get(metric).map(String::as_str)
}

/// Returns a cell without Markdown's marks.
fn plain(cell: &str) -> String {
    let mut text = String::with_capacity(cell.len());
    let mut rest = cell;
    while let Some((before, link)) = rest.split_once('[') {
        text.push_str(before);
        let Some((label, after)) = link.split_once("](") else {
            rest = link;
            continue;
        };
        text.push_str(label);
        rest = after.split_once(')').map_or("", |(_, after)| after);
    }
    text.push_str(rest);
    text.replace('`', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_page_has_a_meaning() {
        let rows = PAGE.lines().filter(|line| line.starts_with("| `")).count();
        assert_eq!(MEANINGS.len(), rows);
        assert!(rows > 20 && MEANINGS.values().all(|meaning| meaning.len() > 10), "{MEANINGS:#?}");
        assert_eq!(
            meaning("despatch_messages_total"),
            Some("messages received from the consumer, redeliveries included")
        );
        // It has no labels.
        let orders = meaning("despatch_orders_placed_total");
        assert_eq!(orders, Some("orders that the gateway took, each counted once"));
        assert_eq!(meaning("despatch_nothing"), None);
    }

    #[test]
    fn a_meaning_has_no_marks() {
        let cell = "what waits (`nats`) of [the runbooks](runbooks/README.md), each";
        assert_eq!(plain(cell), "what waits (nats) of the runbooks, each");
        assert_eq!(plain("a [bracket"), "a bracket");
    }
}
