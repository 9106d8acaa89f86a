//! Checks one library or binary against the rules for its files.

use std::collections::{BTreeMap, BTreeSet};

use super::circles;
use super::imports::{self, Import, Imports};
use super::modules::{FileId, Sources, Tree};
use super::rooms::{Order, room_of};
use crate::error::TaskError;

/// The extent of a check and its findings.
#[derive(Debug, Default)]
pub(crate) struct Review {
    pub(crate) files: usize,
    pub(crate) imports: usize,
    pub(crate) wrong: Vec<String>,
    /// The folders and files directly under the root.
    pub(crate) rooms: BTreeSet<String>,
}

/// Checks the tree that begins at `root`.
pub(crate) fn check(root: &str, sources: &Sources, order: Option<&Order>) -> Result<Review, TaskError> {
    let tree = Tree::parse(root, sources)?;
    let imports = imports::of(&tree);
    let graph =
        Graph { dir: root.rsplit_once('/').map_or("", |(dir, _)| dir), tree: &tree, imports: &imports };
    let mut wrong = graph.imports_of_root();
    wrong.extend(graph.circles_of_files());
    wrong.extend(match order {
        Some(order) => graph.upward(order),
        None => graph.circles_of_rooms(),
    });
    let rooms = (1..tree.files.len()).map(|file| graph.room(file).to_owned()).collect();
    Ok(Review { files: tree.files.len(), imports: imports.len(), wrong, rooms })
}

struct Graph<'a> {
    /// The directory of the root.
    dir: &'a str,
    tree: &'a Tree,
    imports: &'a Imports,
}

impl Graph<'_> {
    fn room(&self, file: FileId) -> &str {
        room_of(self.dir, self.path(file))
    }

    fn path(&self, file: FileId) -> &str {
        &self.tree.files[file].path
    }

    fn line(&self, from: FileId, to: FileId, import: &Import) -> String {
        format!("{}:{} imports `{}` from {}", self.path(from), import.line, import.path, self.path(to))
    }

    /// Returns imports between two files below the root. The root may use all of them, and its own items are checked
    /// elsewhere.
    fn inner(&self) -> impl Iterator<Item = (FileId, FileId, &Import)> {
        self.imports
            .iter()
            .map(|((from, to), import)| (*from, *to, import))
            .filter(|(from, to, _)| *from != 0 && *to != 0)
    }

    fn imports_of_root(&self) -> Vec<String> {
        self.imports
            .iter()
            .filter(|((_, to), _)| *to == 0)
            .map(|((from, to), import)| {
                format!(
                    "{}: the root of a crate is a façade; move what is imported into a file of its own",
                    self.line(*from, *to, import)
                )
            })
            .collect()
    }

    fn circles_of_files(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        for (size, way) in circles::of(self.inner().map(|(from, to, _)| (from, to))) {
            let steps: Vec<String> = way
                .windows(2)
                .filter_map(|step| Some(self.line(step[0], step[1], self.imports.get(&(step[0], step[1]))?)))
                .collect();
            wrong.push(format!(
                "a circle of {size} files, its shortest way around:\n    {}\n  move what one of them needs of the next \
                 into a file below both",
                steps.join("\n    ")
            ));
        }
        wrong
    }

    fn circles_of_rooms(&self) -> Vec<String> {
        let mut between: BTreeMap<(&str, &str), (FileId, FileId, &Import)> = BTreeMap::new();
        for (from, to, import) in self.inner() {
            let rooms = (self.room(from), self.room(to));
            if rooms.0 != rooms.1 {
                between.entry(rooms).or_insert((from, to, import));
            }
        }
        let mut wrong = Vec::new();
        for (size, way) in circles::of(between.keys().copied()) {
            let steps: Vec<_> = way.windows(2).filter_map(|step| between.get(&(step[0], step[1]))).collect();
            let starts = steps.iter().cycle().skip(1).map(|(from, _, _)| from);
            if steps.iter().map(|(_, to, _)| to).eq(starts.take(steps.len())) {
                // These files are a circle themselves, and reported as one.
                continue;
            }
            let steps: Vec<String> =
                steps.into_iter().map(|(from, to, import)| self.line(*from, *to, import)).collect();
            wrong.push(format!(
                "a circle of {size} folders under {}, its shortest way around ({}):\n    {}\n  move what one of them \
                 needs of the next into a folder below both",
                self.dir,
                way.join(" → "),
                steps.join("\n    ")
            ));
        }
        wrong
    }

    fn upward(&self, order: &Order) -> Vec<String> {
        self.inner()
            .filter(|(from, to, _)| !order.allows(self.room(*from), self.room(*to)))
            .map(|(from, to, import)| {
                format!(
                    "{}: `{}` must not know `{}`; move what is imported down, or change [package.metadata.rooms]",
                    self.line(from, to, import),
                    self.room(from),
                    self.room(to)
                )
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
