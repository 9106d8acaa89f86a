//! Contention keys: what events must not touch at the same time.

use sha2::{Digest, Sha256};

/// The things that an event contends on. Events that share one are recorded one after the other, in one process or in
/// several.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConcurrencyKeys(Vec<i64>);

impl ConcurrencyKeys {
    /// Contends on nothing.
    pub fn none() -> Self {
        ConcurrencyKeys::default()
    }

    /// Contends on its order.
    pub fn order(order_id: &str) -> Self {
        ConcurrencyKeys::of("order", order_id)
    }

    /// Contends on one thing of a kind, e.g. `("sku", "A-1")`.
    pub fn of(kind: &str, value: &str) -> Self {
        ConcurrencyKeys(vec![hash(kind, value)])
    }

    /// Contends on one more thing.
    #[must_use]
    pub fn and(mut self, kind: &str, value: &str) -> Self {
        self.0.push(hash(kind, value));
        self
    }

    /// The advisory locks that stand for these keys.
    pub(crate) fn locks(&self) -> &[i64] {
        &self.0
    }
}

/// Advisory locks are 64 bits wide; two keys that fall together only wait for each other needlessly.
pub(crate) fn hash(kind: &str, value: &str) -> i64 {
    let mut hash = Sha256::new();
    hash.update(kind.as_bytes());
    hash.update([0]);
    hash.update(value.as_bytes());
    let digest = hash.finalize();
    i64::from_be_bytes(digest[..8].try_into().unwrap_or_default())
}

/// Splits a batch into chains: events of one chain share keys, directly or through others, and keep their order;
/// events of different chains share none.
pub(crate) fn chains(batch: &[ConcurrencyKeys]) -> Vec<Vec<usize>> {
    let mut leader: Vec<usize> = (0..batch.len()).collect();
    let mut holder = std::collections::HashMap::new();
    for (index, keys) in batch.iter().enumerate() {
        for lock in keys.locks() {
            let other = *holder.entry(*lock).or_insert(index);
            let (a, b) = (find(&mut leader, index), find(&mut leader, other));
            leader[a.max(b)] = a.min(b);
        }
    }
    let mut chains: Vec<Vec<usize>> = vec![Vec::new(); batch.len()];
    for index in 0..batch.len() {
        let first = find(&mut leader, index);
        chains[first].push(index);
    }
    chains.retain(|chain| !chain.is_empty());
    chains
}

fn find(leader: &mut [usize], mut index: usize) -> usize {
    while leader[index] != index {
        leader[index] = leader[leader[index]];
        index = leader[index];
    }
    index
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn chains_join_what_shares_a_key_through_others() {
        let a = ConcurrencyKeys::order("1").and("sku", "x");
        let b = ConcurrencyKeys::order("2");
        let c = ConcurrencyKeys::order("3").and("sku", "y").and("sku", "x");
        let d = ConcurrencyKeys::order("2").and("sku", "z");
        assert_eq!(chains(&[a, b, c, d, ConcurrencyKeys::none()]), vec![vec![0, 2], vec![1, 3], vec![4]]);
    }

    proptest! {
        #[test]
        fn chains_cover_each_event_once_and_share_no_key(
            batch in prop::collection::vec(prop::collection::vec(0_u8..12, 0..3), 0..40)
        ) {
            let batch: Vec<ConcurrencyKeys> = batch.iter().map(|keys| {
                keys.iter().fold(ConcurrencyKeys::none(), |all, key| all.and("k", &key.to_string()))
            }).collect();
            let chains = chains(&batch);
            let mut seen: Vec<usize> = chains.concat();
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..batch.len()).collect::<Vec<_>>());
            let mut owner = std::collections::HashMap::new();
            for (number, chain) in chains.iter().enumerate() {
                prop_assert!(chain.is_sorted());
                for index in chain {
                    for lock in batch[*index].locks() {
                        prop_assert_eq!(*owner.entry(*lock).or_insert(number), number);
                    }
                }
            }
        }
    }
}
