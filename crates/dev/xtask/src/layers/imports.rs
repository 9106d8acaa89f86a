//! Imports between files: through `use`, through a path in the code, or inside a macro's input.

use std::collections::BTreeMap;

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{Attribute, ItemMod, ItemUse, Macro, Path};

use super::modules::{FileId, ModuleId, Tree, is_reexport, leaves};
use super::names::Found;

/// The first place where one file names an item of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Import {
    pub(crate) line: usize,
    /// The path as written there.
    pub(crate) path: String,
}

/// Every import of a tree, by the importing and the imported file.
pub(crate) type Imports = BTreeMap<(FileId, FileId), Import>;

/// Finds all imports. A façade's re-exports are not imports of its own.
pub(crate) fn of(tree: &Tree) -> Imports {
    let mut imports = Imports::new();
    for (file, source) in tree.files.iter().enumerate() {
        if !source.is_facade {
            let mut visitor = Visitor { tree, file, module: source.module, imports: &mut imports };
            source.items.iter().for_each(|item| visitor.visit_item(item));
        }
    }
    imports
}

struct Visitor<'a> {
    tree: &'a Tree,
    file: FileId,
    module: ModuleId,
    imports: &'a mut Imports,
}

impl Visitor<'_> {
    fn path(&mut self, path: &[String], at: Span) {
        // A module alone is not an import, because a longer path names what is taken from it.
        if let Some(Found::Item(to)) = self.tree.resolve(self.module, path) {
            self.import(to, path.join("::"), at);
        }
    }

    fn import(&mut self, to: FileId, path: String, at: Span) {
        let line = at.start().line;
        let import = Import { line, path };
        if to != self.file {
            let first = self.imports.entry((self.file, to)).or_insert_with(|| import.clone());
            if line < first.line {
                *first = import;
            }
        }
    }

    /// Visits paths in a macro's input, such as `crate::store::find`.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut start = Span::call_site();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(part) if colons == 2 || path.is_empty() => {
                    if path.is_empty() {
                        start = part.span();
                    }
                    path.push(part.to_string());
                    colons = 0;
                    continue;
                }
                TokenTree::Punct(part) if part.as_char() == ':' && !path.is_empty() => {
                    colons += 1;
                    continue;
                }
                TokenTree::Group(group) => {
                    self.end_path(&mut path, start);
                    self.tokens(group.stream());
                }
                TokenTree::Ident(part) => {
                    self.end_path(&mut path, start);
                    start = part.span();
                    path.push(part.to_string());
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => self.end_path(&mut path, start),
            }
            colons = 0;
        }
        self.end_path(&mut path, start);
    }

    /// Ends a path. A single word may be anything, so only longer paths and names imported by `use` count.
    fn end_path(&mut self, path: &mut Vec<String>, start: Span) {
        if path.len() > 1 {
            self.path(path, start);
        }
        path.clear();
    }
}

impl<'ast> Visit<'ast> for Visitor<'_> {
    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        // The crate's root may re-export what it does not use.
        if self.file == 0 && is_reexport(item) {
            return;
        }
        for leaf in leaves(item) {
            if leaf.name.is_some() {
                self.path(&leaf.path, item.span());
            } else {
                for file in self.tree.resolve_glob(self.module, &leaf.path) {
                    self.import(file, format!("{}::*", leaf.path.join("::")), item.span());
                }
            }
        }
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        if item.content.is_some()
            && let Some(module) = self.tree.child(self.module, &item.ident.to_string())
        {
            let outer = std::mem::replace(&mut self.module, module);
            visit::visit_item_mod(self, item);
            self.module = outer;
        }
    }

    fn visit_path(&mut self, path: &'ast Path) {
        let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if path.leading_colon.is_none() {
            self.path(&names, path.span());
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, item: &'ast Macro) {
        self.tokens(item.tokens.clone());
        visit::visit_macro(self, item);
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        // `#[serde(with = "crate::time::seconds")]`: a path in a string.
        if let Ok(list) = attribute.meta.require_list() {
            for token in list.tokens.clone() {
                let TokenTree::Literal(literal) = token else { continue };
                let text = literal.to_string();
                if let Ok(path) = syn::parse_str::<Path>(text.trim_matches('"')) {
                    let names: Vec<String> =
                        path.segments.iter().map(|each| each.ident.to_string()).collect();
                    self.path(&names, literal.span());
                }
            }
        }
    }
}
