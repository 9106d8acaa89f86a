//! Finds the file that defines the item of a path.

use super::modules::{Binding, FileId, ModuleId, Tree};

/// The target of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// An item, or something inside one (a variant, an associated function), defined in this file.
    Item(FileId),
    Module(ModuleId),
}

/// Most re-exports that an import may lead through. More are a circle.
const LONGEST_CHAIN: usize = 32;

impl Tree {
    /// Follows `path` as written in module `from`. Returns nothing if it leads out of the crate, or to a macro's
    /// output.
    pub(crate) fn resolve(&self, from: ModuleId, path: &[String]) -> Option<Found> {
        self.follow(from, path, LONGEST_CHAIN)
    }

    /// Returns the files that define the names which `use path::*` brings into module `from`.
    pub(crate) fn resolve_glob(&self, from: ModuleId, path: &[String]) -> Vec<FileId> {
        match self.resolve(from, path) {
            Some(Found::Item(file)) => vec![file],
            Some(Found::Module(module)) => {
                let mut files: Vec<FileId> = self.modules[module]
                    .names
                    .keys()
                    .filter_map(|name| match self.lookup(module, name, true, LONGEST_CHAIN) {
                        Some(Found::Item(file)) => Some(file),
                        Some(Found::Module(_)) | None => None,
                    })
                    .collect();
                files.sort_unstable();
                files.dedup();
                files
            }
            None => Vec::new(),
        }
    }

    fn follow(&self, from: ModuleId, path: &[String], chain: usize) -> Option<Found> {
        let (first, rest) = path.split_first()?;
        let mut here = match first.as_str() {
            "crate" => Found::Module(0),
            "self" => Found::Module(from),
            "super" => Found::Module(self.modules[from].parent?),
            name => self.lookup(from, name, rest.is_empty(), chain.checked_sub(1)?)?,
        };
        for (at, name) in rest.iter().enumerate() {
            let Found::Module(module) = here else { return Some(here) };
            here = match name.as_str() {
                "super" => Found::Module(self.modules[module].parent?),
                name => self.lookup(module, name, at + 1 == rest.len(), chain.checked_sub(1)?)?,
            };
        }
        Some(here)
    }

    /// Looks a name up. A module and an item may share it: before `::` it is the module.
    fn lookup(&self, module: ModuleId, name: &str, is_last: bool, chain: usize) -> Option<Found> {
        let here = &self.modules[module];
        let mut found: Vec<Found> = here
            .names
            .get(name)
            .into_iter()
            .flatten()
            .filter_map(|binding| match binding {
                Binding::Item => Some(Found::Item(here.file)),
                Binding::Module(module) => Some(Found::Module(*module)),
                Binding::Import(path) => self.follow(module, path, chain.checked_sub(1)?),
            })
            .collect();
        if found.is_empty() {
            found = here
                .globs
                .iter()
                .filter_map(|path| match self.follow(module, path, chain.checked_sub(1)?)? {
                    Found::Module(glob) if glob != module => {
                        self.lookup(glob, name, is_last, chain.checked_sub(1)?)
                    }
                    Found::Module(_) | Found::Item(_) => None,
                })
                .collect();
        }
        let is_item = |each: &&Found| matches!(each, Found::Item(_));
        let wanted =
            if is_last { found.iter().find(is_item) } else { found.iter().find(|each| !is_item(each)) };
        wanted.or(found.first()).copied()
    }
}
