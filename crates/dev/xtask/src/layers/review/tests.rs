use serde_json::json;

use super::*;

fn sources(files: &[(&str, &str)]) -> Sources {
    files.iter().map(|(path, text)| (format!("c/src/{path}"), (*text).to_owned())).collect()
}

fn wrong(files: &[(&str, &str)]) -> Vec<String> {
    check("c/src/lib.rs", &sources(files), None).unwrap().wrong
}

fn wrong_in_order(order: &serde_json::Value, files: &[(&str, &str)]) -> Vec<String> {
    let order = Order::read(order).unwrap();
    check("c/src/lib.rs", &sources(files), Some(&order)).unwrap().wrong
}

/// Asserts that these files have one finding, which names each of `expected`.
fn assert_found(wrong: &[String], expected: &[&str]) {
    assert_eq!(wrong.len(), 1, "{wrong:#?}");
    for part in expected {
        assert!(wrong[0].contains(part), "{part} is missing in: {}", wrong[0]);
    }
}

#[test]
fn a_tree_that_points_one_way_has_nothing_wrong() {
    let files = [
        ("lib.rs", "mod a;\nmod b;\npub use a::A;\npub fn run() -> A { a::make() }"),
        ("a.rs", "use crate::b::B;\npub struct A(B);\npub fn make() -> A { A(B) }"),
        ("b.rs", "pub struct B;"),
    ];
    let review = check("c/src/lib.rs", &sources(&files), None).unwrap();
    assert_eq!((review.files, review.imports, review.wrong), (3, 2, Vec::new()));
    assert_eq!(review.rooms, BTreeSet::from(["a", "b"].map(str::to_owned)));
}

#[test]
fn two_files_that_import_each_other_are_a_circle() {
    let found = wrong(&[
        ("lib.rs", "mod room;"),
        ("room.rs", "mod a;\nmod b;"),
        ("room/a.rs", "use super::b::B;\npub struct A;"),
        ("room/b.rs", "\nuse crate::room::a::A;\npub struct B;"),
    ]);
    assert_found(
        &found,
        &[
            "a circle of 2 files",
            "c/src/room/a.rs:1 imports `super::b::B` from c/src/room/b.rs",
            "c/src/room/b.rs:2 imports `crate::room::a::A` from c/src/room/a.rs",
            "into a file below both",
        ],
    );
}

#[test]
fn a_circle_leads_through_a_facade_to_the_file_that_defines_the_item() {
    let found = wrong(&[
        ("lib.rs", "mod room;\npub use room::A as Renamed;"),
        ("room.rs", "mod a;\nmod b;\npub use a::A;\npub use b::*;"),
        ("room/a.rs", "pub struct A;\nfn f() { crate::room::go() }"),
        ("room/b.rs", "use crate::Renamed;\npub fn go() {}"),
    ]);
    assert_found(
        &found,
        &["c/src/room/a.rs:2 imports `crate::room::go`", "c/src/room/b.rs:1 imports `crate::Renamed`"],
    );
}

#[test]
fn a_parent_that_uses_its_child_and_is_used_by_it_is_a_circle() {
    let found = wrong(&[
        ("lib.rs", "mod a;"),
        ("a.rs", "mod inner;\npub struct Shared;\npub use inner::go;"),
        ("a/inner.rs", "use super::Shared;\npub fn go() {}"),
    ]);
    assert_found(&found, &["c/src/a.rs:3 imports `inner::go`", "c/src/a/inner.rs:1 imports `super::Shared`"]);
}

#[test]
fn paths_in_code_in_macros_and_in_attributes_count() {
    for use_of_b in [
        "use crate::b; fn f() { b::go() }",
        "fn f() -> crate::b::B { todo!() }",
        "fn f() { println!(\"{}\", crate::b::go()) }",
        "fn f() { use crate::b::go; go() }",
        "#[serde(with = \"crate::b::go\")] struct S;",
        "mod inner { fn f() { super::super::b::go() } }",
        "use crate::b::*;",
        "use crate::b::{self, Choice::One};",
    ] {
        let found = wrong(&[
            ("lib.rs", "mod a;\nmod b;"),
            ("a.rs", &format!("{use_of_b}\npub struct A;")),
            ("b.rs", "use crate::a::A;\npub struct B(A);\npub enum Choice { One }\npub fn go() {}"),
        ]);
        assert!(found.iter().any(|each| each.contains("a circle of 2 files")), "{use_of_b}: {found:?}");
    }
}

#[test]
fn what_only_tests_see_does_not_count() {
    let found = wrong(&[
        ("lib.rs", "mod a;\nmod b;"),
        ("a.rs", "pub struct A;\n#[cfg(test)]\nmod tests;\n#[cfg(test)]\nuse crate::b::B;"),
        ("a/tests.rs", "use crate::b::B;"),
        ("b.rs", "use crate::a::A;\npub struct B;\n#[cfg(test)]\nmod tests { use crate::a::A; }"),
    ]);
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn an_item_of_the_root_is_not_imported() {
    let found = wrong(&[
        ("lib.rs", "mod a;\npub struct Config;"),
        ("a.rs", "\n\nuse crate::Config;\nstruct A(Config);"),
    ]);
    assert_found(&found, &["c/src/a.rs:3 imports `crate::Config` from c/src/lib.rs", "a façade"]);
}

#[test]
fn two_folders_that_import_each_other_are_a_circle_though_no_two_files_do() {
    let files = [
        ("lib.rs", "mod x;\nmod y;"),
        ("x.rs", "pub mod low;\npub mod high;"),
        ("x/low.rs", "pub struct Low;"),
        ("x/high.rs", "use crate::y::only::Only;\nstruct High(Only);"),
        ("y.rs", "pub mod only;"),
        ("y/only.rs", "use crate::x::low::Low;\npub struct Only;"),
    ];
    let expected =
        ["a circle of 2 folders under c/src", "x → y → x", "c/src/x/high.rs:1", "c/src/y/only.rs:1"];
    assert_found(&wrong(&files), &expected);
}

#[test]
fn an_import_that_leads_up_in_the_declared_order_is_named() {
    let files = [
        ("lib.rs", "mod db;\nmod journal;\nmod error;"),
        ("error.rs", "pub struct Error;"),
        ("db.rs", "pub mod pool;"),
        ("db/pool.rs", "use crate::error::Error;\nuse crate::journal::Row;\nstruct Pool(Error, Row);"),
        ("journal.rs", "pub struct Row;"),
    ];
    let found = wrong_in_order(&json!(["error", "db", "journal"]), &files);
    assert_found(
        &found,
        &[
            "c/src/db/pool.rs:2 imports `crate::journal::Row` from c/src/journal.rs",
            "`db` must not know `journal`",
            "[package.metadata.rooms]",
        ],
    );
    assert_eq!(wrong_in_order(&json!(["error", "journal", "db"]), &files), Vec::<String>::new());
    assert_eq!(wrong_in_order(&json!(["error", "journal | db"]), &files).len(), 1);
}
