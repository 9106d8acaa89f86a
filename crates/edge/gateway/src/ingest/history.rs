//! The gateway's knowledge of a shop's order, and the consequence of a later word of the shop.
//!
//! Webhooks come in any order and more than once. The shop's own clock decides: its newest word counts.

use std::time::SystemTime;

use super::digest;

/// An order's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct History {
    /// The core that was placed, and the version of its digest.
    pub(crate) digest: Vec<u8>,
    pub(crate) digest_version: i16,
    pub(crate) updated_at: Option<SystemTime>,
    /// The newest core that the shop reported since, and the time of its newest word.
    pub(crate) latest_digest: Option<Vec<u8>>,
    pub(crate) latest_updated_at: Option<SystemTime>,
    pub(crate) is_cancelled: bool,
}

/// The consequence of an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Update {
    /// An older word, or a repetition.
    Stale,
    /// Nothing of the core differs.
    Same,
    /// The core differs, or the shop took its cancellation back.
    Changed,
    /// The stored core cannot be compared with this one, which takes its place.
    Adopted,
}

impl History {
    fn known_at(&self) -> Option<SystemTime> {
        self.latest_updated_at.or(self.updated_at)
    }

    /// Returns the consequence of an update with this core, of this time.
    pub(crate) fn update(&self, digest: &[u8], at: Option<SystemTime>) -> Update {
        let known_at = self.known_at();
        if at.zip(known_at).is_some_and(|(at, known_at)| at < known_at) {
            return Update::Stale;
        }
        if self.digest_version != digest::VERSION {
            return Update::Adopted;
        }
        let is_newer = at.zip(known_at).is_none_or(|(at, known_at)| at > known_at);
        if self.is_cancelled {
            return if is_newer { Update::Changed } else { Update::Stale };
        }
        let latest = self.latest_digest.as_deref().unwrap_or(&self.digest);
        // Shops' clocks count seconds, so two words can have one time. The one that was placed is then the older.
        let is_placed = digest == self.digest && at == self.updated_at && at.is_some();
        if latest == digest {
            Update::Same
        } else if is_placed {
            Update::Stale
        } else {
            Update::Changed
        }
    }

    /// Returns whether a cancellation of this time is news.
    pub(crate) fn cancels(&self, at: Option<SystemTime>) -> bool {
        !self.is_cancelled && at.zip(self.known_at()).is_none_or(|(at, known_at)| at >= known_at)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    #[allow(clippy::unnecessary_wraps, reason = "as a history has it")]
    fn at(second: u64) -> Option<SystemTime> {
        Some(SystemTime::UNIX_EPOCH + Duration::from_secs(second))
    }

    fn placed(second: u64) -> History {
        History {
            digest: vec![0],
            digest_version: digest::VERSION,
            updated_at: at(second),
            latest_digest: None,
            latest_updated_at: None,
            is_cancelled: false,
        }
    }

    /// Follows an update as the store does.
    fn follow(history: &mut History, digest: u8, time: Option<SystemTime>) -> Update {
        let update = history.update(&[digest], time);
        if update != Update::Stale {
            history.latest_digest = Some(vec![digest]);
            history.latest_updated_at = time.or(history.latest_updated_at);
            history.is_cancelled = false;
        }
        update
    }

    #[test]
    fn the_newest_word_counts() {
        let mut history = placed(10);
        for (digest, second, expected) in [
            (0, 10, Update::Same),
            (1, 9, Update::Stale),
            (1, 11, Update::Changed),
            (1, 11, Update::Same),
            (0, 10, Update::Stale),
            (2, 11, Update::Changed),
            (0, 12, Update::Changed),
            (0, 13, Update::Same),
            (2, 11, Update::Stale),
        ] {
            assert_eq!(follow(&mut history, digest, at(second)), expected, "{digest} at {second}");
        }
    }

    #[test]
    fn a_repetition_of_the_placed_order_in_the_second_of_its_change_is_stale() {
        let mut history = placed(10);
        assert_eq!(follow(&mut history, 1, at(10)), Update::Changed);
        assert_eq!(follow(&mut history, 0, at(10)), Update::Stale);
    }

    #[test]
    fn a_shop_without_a_clock_is_believed_at_once() {
        let mut history = placed(10);
        assert_eq!(follow(&mut history, 1, None), Update::Changed);
        assert_eq!(follow(&mut history, 1, None), Update::Same);
    }

    #[test]
    fn another_version_never_counts_as_changed() {
        let history = History { digest_version: digest::VERSION - 1, ..placed(10) };
        assert_eq!(history.update(&[1], at(11)), Update::Adopted);
        assert_eq!(history.update(&[1], at(9)), Update::Stale);
    }

    #[test]
    fn a_cancellation_counts_once_and_may_be_taken_back() {
        let mut history = placed(10);
        assert!(!history.cancels(at(9)) && history.cancels(at(10)) && history.cancels(None));
        history.is_cancelled = true;
        history.latest_updated_at = at(11);
        assert!(!history.cancels(at(12)));
        assert_eq!(history.update(&[0], at(11)), Update::Stale);
        assert_eq!(history.update(&[0], at(12)), Update::Changed);
    }

    proptest! {
        /// In any order and repeated, the words of distinct times leave the newest, and none of an older time follows it.
        #[test]
        fn any_order_of_arrival_ends_with_the_newest_word(
            words in prop::collection::vec((0_u8..4, 10_u64..30), 1..12),
        ) {
            let mut distinct = std::collections::BTreeMap::from([(10, 0)]);
            distinct.extend(words.iter().filter(|(_, second)| *second > 10).map(|(digest, second)| (*second, *digest)));
            let mut history = placed(10);
            for (_, second) in &words {
                let Some(digest) = distinct.get(second) else { continue };
                follow(&mut history, *digest, at(*second));
            }
            let newest = words.iter().map(|(_, second)| *second).max().and_then(|second| distinct.get(&second));
            let latest = history.latest_digest.clone().unwrap_or(history.digest.clone());
            prop_assert_eq!(latest, vec![*newest.unwrap()]);
        }
    }
}
