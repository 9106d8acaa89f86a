//! Circles in a graph.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// For each group of nodes that all lead to each other, returns its size and one shortest way around, from a node back
/// to itself: `[a, b, a]`.
pub(crate) fn of<N: Copy + Ord>(edges: impl Iterator<Item = (N, N)>) -> Vec<(usize, Vec<N>)> {
    let mut next: BTreeMap<N, BTreeSet<N>> = BTreeMap::new();
    for (from, to) in edges {
        next.entry(from).or_default().insert(to);
    }
    let reachable: BTreeMap<N, BTreeSet<N>> = next.keys().map(|node| (*node, reach(&next, *node))).collect();
    let mut seen = BTreeSet::new();
    let mut circles = Vec::new();
    for (node, reached) in &reachable {
        if !reached.contains(node) || seen.contains(node) {
            continue;
        }
        let returns = |other: &&N| reachable.get(*other).is_some_and(|back| back.contains(node));
        let group: Vec<N> = reached.iter().filter(returns).copied().collect();
        seen.extend(group.iter().copied());
        let shortest = group.iter().filter_map(|start| way(&next, *start)).min_by_key(Vec::len);
        circles.extend(shortest.map(|shortest| (group.len(), shortest)));
    }
    circles
}

fn reach<N: Copy + Ord>(next: &BTreeMap<N, BTreeSet<N>>, from: N) -> BTreeSet<N> {
    let mut reached = BTreeSet::new();
    let mut open = vec![from];
    while let Some(node) = open.pop() {
        for follower in next.get(&node).into_iter().flatten() {
            if reached.insert(*follower) {
                open.push(*follower);
            }
        }
    }
    reached
}

fn way<N: Copy + Ord>(next: &BTreeMap<N, BTreeSet<N>>, start: N) -> Option<Vec<N>> {
    let mut ways = VecDeque::from([vec![start]]);
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop_front() {
        for follower in way.last().and_then(|last| next.get(last)).into_iter().flatten() {
            let longer = [way.as_slice(), &[*follower]].concat();
            if *follower == start {
                return Some(longer);
            }
            if seen.insert(*follower) {
                ways.push_back(longer);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_group_gives_one_shortest_way_around() {
        let edges = [(1, 2), (2, 3), (3, 1), (2, 1), (3, 4), (5, 6), (6, 7), (7, 5), (8, 8)];
        assert_eq!(of(edges.into_iter()), [(3, vec![1, 2, 1]), (3, vec![5, 6, 7, 5]), (1, vec![8, 8])]);
    }

    #[test]
    fn what_points_one_way_has_none() {
        assert_eq!(of([(1, 2), (1, 3), (2, 3), (3, 4)].into_iter()), []);
    }
}
