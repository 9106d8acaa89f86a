//! A target's modules: the tree that begins at its `lib.rs` or `main.rs`, with the names that each module binds.
//! `#[cfg(test)]` items are left out.

use std::collections::{BTreeMap, HashMap};

use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemMod, ItemUse, UseTree, Visibility};

use crate::error::TaskError;

/// Source texts by path.
pub(crate) type Sources = BTreeMap<String, String>;

pub(crate) type FileId = usize;
pub(crate) type ModuleId = usize;

/// One library's or binary's files and modules. File 0 and module 0 are the root.
#[derive(Default)]
pub(crate) struct Tree {
    pub(crate) files: Vec<SourceFile>,
    pub(crate) modules: Vec<Module>,
}

/// One file of a tree, parsed, without its tests.
pub(crate) struct SourceFile {
    pub(crate) path: String,
    /// The file's own module.
    pub(crate) module: ModuleId,
    pub(crate) items: Vec<Item>,
    /// Whether it only declares modules and re-exports their names. Then it is in no circle.
    pub(crate) is_facade: bool,
}

/// A module, in a file of its own or inline.
#[derive(Debug)]
pub(crate) struct Module {
    pub(crate) file: FileId,
    pub(crate) parent: Option<ModuleId>,
    pub(crate) names: HashMap<String, Vec<Binding>>,
    /// Paths that are imported with `*`.
    pub(crate) globs: Vec<Vec<String>>,
}

/// The meaning of a name in a module.
#[derive(Debug, Clone)]
pub(crate) enum Binding {
    /// An item that the module defines.
    Item,
    /// A module below it.
    Module(ModuleId),
    /// A path that the module imports.
    Import(Vec<String>),
}

/// One name of a `use` declaration.
#[derive(Debug)]
pub(crate) struct Leaf {
    pub(crate) path: Vec<String>,
    /// The name that it is bound to; none for `*`.
    pub(crate) name: Option<String>,
}

impl Tree {
    /// Parses the tree that begins at `root`. Leaves out modules whose file is not among the sources, because a build
    /// script makes them.
    pub(crate) fn parse(root: &str, sources: &Sources) -> Result<Self, TaskError> {
        let mut tree = Self::default();
        let dir = root.rsplit_once('/').map_or("", |(dir, _)| dir);
        tree.add_file(root, dir, None, sources)?;
        Ok(tree)
    }

    /// Returns the module that an inline `mod` or a file's `mod name;` declares in `parent`.
    pub(crate) fn child(&self, parent: ModuleId, name: &str) -> Option<ModuleId> {
        let bindings = self.modules.get(parent)?.names.get(name)?;
        bindings.iter().find_map(|binding| match binding {
            Binding::Module(module) => Some(*module),
            Binding::Item | Binding::Import(_) => None,
        })
    }

    /// Adds a file; `dir` has the files of its modules.
    fn add_file(
        &mut self,
        path: &str,
        dir: &str,
        parent: Option<ModuleId>,
        sources: &Sources,
    ) -> Result<Option<ModuleId>, TaskError> {
        let Some(text) = sources.get(path) else { return Ok(None) };
        let mut items = syn::parse_file(text)
            .map_err(|error| TaskError::Syntax {
                path: path.to_owned(),
                line: error.span().start().line,
                cause: error.to_string(),
            })?
            .items;
        drop_tests(&mut items);
        let file = self.files.len();
        let module = self.add_module(file, parent);
        let is_facade = items.iter().all(|item| match item {
            Item::Mod(item) => item.content.is_none(),
            Item::Use(_) | Item::ExternCrate(_) => true,
            _ => false,
        });
        self.files.push(SourceFile { path: path.to_owned(), module, items: Vec::new(), is_facade });
        self.bind(&items, module, dir, sources)?;
        self.files[file].items = items;
        Ok(Some(module))
    }

    fn add_module(&mut self, file: FileId, parent: Option<ModuleId>) -> ModuleId {
        self.modules.push(Module { file, parent, names: HashMap::new(), globs: Vec::new() });
        self.modules.len() - 1
    }

    fn bind(
        &mut self,
        items: &[Item],
        module: ModuleId,
        dir: &str,
        sources: &Sources,
    ) -> Result<(), TaskError> {
        for item in items {
            match item {
                Item::Mod(item) => self.bind_module(item, module, dir, sources)?,
                Item::Macro(item) => {
                    // An exported macro is a name of the crate's root, wherever it is defined.
                    if let Some(name) = &item.ident {
                        let is_exported = item.attrs.iter().any(|each| each.path().is_ident("macro_export"));
                        let name = name.to_string();
                        self.name(module, name.clone(), Binding::Item);
                        if is_exported && module != 0 {
                            let path = self.path_of(module, &name);
                            self.name(0, name, Binding::Import(path));
                        }
                    }
                }
                _ => {
                    if let Some(name) = defined(item) {
                        self.name(module, name, Binding::Item);
                    }
                }
            }
            // Functions import names too, and use them in the same way.
            let mut uses = Uses::default();
            if !matches!(item, Item::Mod(_)) {
                uses.visit_item(item);
            }
            for leaf in uses.leaves {
                match leaf.name {
                    Some(name) => self.name(module, name, Binding::Import(leaf.path)),
                    None => self.modules[module].globs.push(leaf.path),
                }
            }
        }
        Ok(())
    }

    fn bind_module(
        &mut self,
        item: &ItemMod,
        parent: ModuleId,
        dir: &str,
        sources: &Sources,
    ) -> Result<(), TaskError> {
        let name = item.ident.to_string();
        let inner = format!("{dir}/{name}");
        if let Some((_, items)) = &item.content {
            let module = self.add_module(self.modules[parent].file, Some(parent));
            self.name(parent, name, Binding::Module(module));
            return self.bind(items, module, &inner, sources);
        }
        let beside = format!("{inner}.rs");
        let path = if sources.contains_key(&beside) { beside } else { format!("{inner}/mod.rs") };
        if let Some(module) = self.add_file(&path, &inner, Some(parent), sources)? {
            self.name(parent, name, Binding::Module(module));
        }
        Ok(())
    }

    fn name(&mut self, module: ModuleId, name: String, binding: Binding) {
        self.modules[module].names.entry(name).or_default().push(binding);
    }

    /// Returns `crate::a::b::name`, where `module` is `crate::a::b`.
    fn path_of(&self, module: ModuleId, name: &str) -> Vec<String> {
        let mut path = vec![name.to_owned()];
        let mut here = module;
        while let Some(parent) = self.modules[here].parent {
            let names = &self.modules[parent].names;
            let own = names
                .iter()
                .find(|(_, all)| all.iter().any(|each| matches!(each, Binding::Module(id) if *id == here)));
            path.extend(own.map(|(name, _)| name.clone()));
            here = parent;
        }
        path.push("crate".to_owned());
        path.reverse();
        path
    }
}

/// Returns the names that a `use` declaration binds.
pub(crate) fn leaves(item: &ItemUse) -> Vec<Leaf> {
    let mut found = Vec::new();
    // `::name` is always another crate.
    if item.leading_colon.is_none() {
        collect(&item.tree, &mut Vec::new(), &mut found);
    }
    found
}

/// Returns whether other modules may import the names that this binds.
pub(crate) fn is_reexport(item: &ItemUse) -> bool {
    !matches!(item.vis, Visibility::Inherited)
}

fn collect(tree: &UseTree, path: &mut Vec<String>, found: &mut Vec<Leaf>) {
    match tree {
        UseTree::Path(part) => {
            path.push(part.ident.to_string());
            collect(&part.tree, path, found);
            path.pop();
        }
        UseTree::Name(part) => found.push(named(path, &part.ident.to_string(), None)),
        UseTree::Rename(part) => {
            found.push(named(path, &part.ident.to_string(), Some(part.rename.to_string())));
        }
        UseTree::Glob(_) => found.push(Leaf { path: path.clone(), name: None }),
        UseTree::Group(group) => group.items.iter().for_each(|tree| collect(tree, path, found)),
    }
}

fn named(path: &[String], last: &str, rename: Option<String>) -> Leaf {
    let mut path = path.to_vec();
    if last != "self" || path.is_empty() {
        path.push(last.to_owned());
    }
    let name = rename.or_else(|| path.last().cloned());
    Leaf { path, name }
}

#[derive(Default)]
struct Uses {
    leaves: Vec<Leaf>,
}

impl<'ast> Visit<'ast> for Uses {
    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.leaves.extend(leaves(item));
        visit::visit_item_use(self, item);
    }
}

fn drop_tests(items: &mut Vec<Item>) {
    items.retain(|item| !attributes(item).iter().any(is_for_tests));
    for item in items {
        match item {
            Item::Mod(ItemMod { content: Some((_, inner)), .. }) => drop_tests(inner),
            Item::Impl(item) => item.items.retain(|each| match each {
                syn::ImplItem::Fn(each) => !each.attrs.iter().any(is_for_tests),
                _ => true,
            }),
            _ => {}
        }
    }
}

/// Returns whether the attribute is `#[cfg(test)]`, also as one of several required conditions.
fn is_for_tests(attribute: &Attribute) -> bool {
    attribute.path().is_ident("cfg")
        && attribute.meta.require_list().is_ok_and(|list| {
            let condition = list.tokens.to_string();
            condition == "test" || (condition.starts_with("all") && condition.contains("test"))
        })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn defined(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::TraitAlias(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(name.to_string())
}
