//! Chains: the events of a batch that run one after the other.

use crate::db::ConcurrencyKeys;

/// Splits a batch into chains. Events of one chain share keys, directly or through others, and keep their order. Events
/// of different chains share none.
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
    use despatch_contracts::Subject;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn chains_join_what_shares_a_key_through_others() {
        let a = ConcurrencyKeys::subject(Subject::order("1")).and("sku", "x");
        let b = ConcurrencyKeys::subject(Subject::order("2"));
        let c = ConcurrencyKeys::subject(Subject::order("3")).and("sku", "y").and("sku", "x");
        let d = ConcurrencyKeys::subject(Subject::order("2")).and("sku", "z");
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
