//! Event ids: new where an event enters, derived from then on.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The permanent id of one event, through every retry and replay.
///
/// It has the form of a UUIDv7: 48 bits of creation time in Unix milliseconds, then 74 bits that make it unique.
/// Journals are partitioned by the leading time, so a follow-on inherits its parent's.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(Uuid);

impl EventId {
    /// Creates an id for an event that enters from outside, or for a timer that fires.
    #[allow(
        clippy::new_without_default,
        reason = "a default would be the same each time; every id is another"
    )]
    pub fn new() -> Self {
        EventId(Uuid::now_v7())
    }

    /// Creates an id that carries this time instead of the local clock's.
    pub fn at(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        let time = uuid::Timestamp::from_unix(uuid::NoContext, since.as_secs(), since.subsec_nanos());
        EventId(Uuid::new_v7(time))
    }

    /// Derives the id of a follow-on. It is the same whenever this handler handles this event again, in this version of
    /// the code or the next.
    ///
    /// `ordinal` counts from 0 among the follow-ons of the same type.
    #[must_use]
    pub fn follow_on(self, handler: &str, event_type: &str, ordinal: usize) -> Self {
        self.derive(&[handler, event_type], ordinal as u64)
    }

    /// Derives the id of a report on one generation of this event: its dead letter or its outcome.
    #[must_use]
    pub fn report(self, handler: &str, event_type: &str, generation: u32) -> Self {
        self.derive(&["report", handler, event_type], u64::from(generation))
    }

    fn derive(self, names: &[&str], number: u64) -> Self {
        let mut hash = Sha256::new();
        hash.update(self.0.as_bytes());
        for name in names {
            // The length keeps ("ab", "c") and ("a", "bc") apart.
            hash.update((name.len() as u64).to_be_bytes());
            hash.update(name.as_bytes());
        }
        hash.update(number.to_be_bytes());
        let digest = hash.finalize();
        let mut bytes = *self.0.as_bytes();
        bytes[6..].copy_from_slice(&digest[..10]);
        bytes[6] = 0x70 | (bytes[6] & 0x0f);
        bytes[8] = 0x80 | (bytes[8] & 0x3f);
        EventId(Uuid::from_bytes(bytes))
    }

    /// Returns when the event, or the first ancestor that it is derived from, was created.
    pub fn created_at(self) -> SystemTime {
        let bytes = self.0.as_bytes();
        let millis = bytes[..6].iter().fold(0_u64, |millis, byte| millis << 8 | u64::from(*byte));
        UNIX_EPOCH + Duration::from_millis(millis)
    }

    /// Returns the smallest id that can be created at `instant`. A journal partition begins there.
    pub fn first_at(instant: SystemTime) -> Self {
        let millis = instant.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        EventId(Uuid::from_u128(millis << 80))
    }

    /// Returns the id as a UUID, for the database.
    pub fn uuid(self) -> Uuid {
        self.0
    }

    /// Parses an id; returns `None` if the text is not a UUID.
    pub fn parse(text: &str) -> Option<Self> {
        Uuid::try_parse(text).ok().map(EventId)
    }
}

impl From<Uuid> for EventId {
    fn from(uuid: Uuid) -> Self {
        EventId(uuid)
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_follow_on_is_stable_distinct_and_as_old_as_its_parent(
            parent: u128, handler in "[a-z.]{1,20}", event_type in "[a-z.]{1,20}", ordinal in 0_usize..1000,
        ) {
            let parent = EventId(Uuid::from_u128(parent));
            let child = parent.follow_on(&handler, &event_type, ordinal);
            prop_assert_eq!(child, parent.follow_on(&handler, &event_type, ordinal));
            prop_assert_eq!(child.created_at(), parent.created_at());
            prop_assert_eq!(child.uuid().get_version_num(), 7);
            prop_assert_ne!(child, parent.follow_on(&handler, &event_type, ordinal + 1));
            prop_assert_ne!(child, parent.follow_on(&format!("{handler}x"), &event_type, ordinal));
            prop_assert_ne!(child, parent.report(&handler, &event_type, u32::try_from(ordinal).unwrap()));
        }

        #[test]
        fn names_do_not_run_into_each_other(a in "[a-z]{1,8}", b in "[a-z]{1,8}", c in "[a-z]{1,8}") {
            let parent = EventId::new();
            prop_assert_ne!(
                parent.follow_on(&format!("{a}{b}"), &c, 0),
                parent.follow_on(&a, &format!("{b}{c}"), 0)
            );
        }
    }

    #[test]
    fn partitions_begin_before_every_id_of_their_first_millisecond() {
        let id = EventId::new();
        assert!(EventId::first_at(id.created_at()) <= id);
        assert!(EventId::first_at(id.created_at() + Duration::from_millis(1)) > id);
    }
}
