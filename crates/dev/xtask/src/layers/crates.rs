//! The direction of dependencies between crates: edge → workers → core. A crate's layer is the directory that it is in;
//! [`allows`] has the rules.

use crate::metadata::{Dependency, Package};

/// Printed after the findings.
pub(crate) const RULES: &str = "\
core       depends on core
workers    depend on core, never on each other; their tests may read through edge/read-model
edge       depends on core and edge; the command line also on workers, and on dev/stack, dev/sandbox and dev/scenario,
           but on these only as optional dependencies: the production image has none of them
dev        depends on core and dev; dev/scenario also on workers, whose tables it audits, and edge/order-files;
           dev/chaos on edge/cli and edge/order-files; dev/bench on what it measures: workers/warehouse/inventory,
           edge/gateway and edge/read-model alone, and all workers through edge/cli, with the orders of edge/order-files
tests      depend on all of these
examples   depend on core and on the command line, as crates of others do
and tests inside a crate (dev-dependencies) may use dev";

/// The crates of the command line's feature `local`: private servers, providers, a shop and its auditor.
const MADE_FOR_CLI: [&str; 3] = ["stack", "sandbox", "scenario"];

/// The chaos harness is one binary with the workers that it kills, and places the orders of a file.
const MADE_INTO_CHAOS: [&str; 2] = ["cli", "order-files"];

/// The crates that the benchmarks measure: some alone, and all workers as the binary runs them, with the orders of a
/// file.
const MEASURED: [&str; 5] = ["inventory", "gateway", "read-model", "cli", "order-files"];

/// The SQL by which the edge reads the workers' tables. The workers' own tests read through it, which holds it to the
/// tables.
const READ_MODEL: &str = "read-model";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layer {
    Core,
    Workers,
    Edge,
    Dev,
    Tests,
    Examples,
}

/// A crate of the workspace by its directory there, `crates/workers/money/payments`.
#[derive(Clone, Copy, Debug)]
struct Place<'a> {
    layer: Layer,
    name: &'a str,
}

impl<'a> Place<'a> {
    fn of(dir: &'a str) -> Option<Self> {
        let (layer, name) = match dir.strip_prefix("crates/").and_then(|inner| inner.split_once('/')) {
            Some(("core", name)) => (Layer::Core, name),
            Some(("workers", grouped)) => (Layer::Workers, grouped.split_once('/')?.1),
            Some(("edge", name)) => (Layer::Edge, name),
            Some(("dev", name)) => (Layer::Dev, name),
            Some(_) => return None,
            None => match dir.split_once('/') {
                Some(("examples", name)) => (Layer::Examples, name),
                Some(_) => return None,
                None => (Layer::Tests, (dir == "tests").then_some(dir)?),
            },
        };
        Some(Self { layer, name })
    }
}

/// When a dependency counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    /// In every build.
    Always,
    /// Only with a feature.
    Optional,
    /// Only in tests.
    Tests,
}

impl Use {
    fn of(dependency: &Dependency) -> Self {
        match dependency {
            Dependency { in_tests: true, .. } => Use::Tests,
            Dependency { optional: true, .. } => Use::Optional,
            Dependency { .. } => Use::Always,
        }
    }
}

/// Returns whether `from` may depend on `to`.
fn allows(from: Place<'_>, to: Place<'_>, used: Use) -> bool {
    let in_tests = used == Use::Tests;
    match (from.layer, to.layer) {
        (Layer::Tests, _) | (_, Layer::Core) | (Layer::Edge, Layer::Edge) | (Layer::Dev, Layer::Dev) => true,
        (Layer::Edge, Layer::Workers) => in_tests || from.name == "cli",
        (Layer::Workers, Layer::Edge) => in_tests && to.name == READ_MODEL,
        (Layer::Edge, Layer::Dev) => {
            let made_for_it = from.name == "cli" && MADE_FOR_CLI.contains(&to.name);
            in_tests || (used == Use::Optional && made_for_it)
        }
        (Layer::Core | Layer::Workers | Layer::Examples, Layer::Dev) => in_tests,
        (Layer::Examples, Layer::Edge) => to.name == "cli",
        (Layer::Dev, Layer::Workers | Layer::Edge) => match from.name {
            "scenario" => to.layer == Layer::Workers || to.name == "order-files",
            "chaos" => MADE_INTO_CHAOS.contains(&to.name),
            "bench" => MEASURED.contains(&to.name),
            _ => false,
        },
        (Layer::Core, Layer::Workers | Layer::Edge)
        | (Layer::Workers | Layer::Examples, Layer::Workers)
        | (_, Layer::Tests | Layer::Examples) => false,
    }
}

/// Returns the number of checked dependencies, and one line for each that is not allowed.
pub(crate) fn check(packages: &[Package]) -> (usize, Vec<String>) {
    let (mut checked, mut wrong) = (0, Vec::new());
    for package in packages {
        let Some(from) = Place::of(&package.dir) else {
            wrong.push(format!("{} lies in no layer: move it into a folder of crates/", package.dir));
            continue;
        };
        for dependency in &package.dependencies {
            let Some(to) = Place::of(&dependency.dir) else { continue };
            checked += 1;
            if !allows(from, to, Use::of(dependency)) {
                wrong.push(format!("{} must not depend on {}", package.name, dependency.name));
            }
        }
    }
    (checked, wrong)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::metadata;

    #[test]
    fn dependencies_point_one_way() {
        for (from, to, in_code, in_tests) in [
            ("crates/edge/cli", "crates/workers/order/orders", true, true),
            ("crates/edge/cli", "crates/edge/gateway", true, true),
            ("crates/edge/cli", "crates/dev/stack", false, true),
            ("crates/edge/cli", "crates/dev/testkit", false, true),
            ("crates/edge/gateway", "crates/dev/stack", false, true),
            ("crates/edge/gateway", "crates/edge/read-model", true, true),
            ("crates/edge/gateway", "crates/workers/order/orders", false, true),
            ("crates/edge/read-model", "crates/workers/order/orders", false, true),
            ("crates/workers/order/orders", "crates/core/runtime", true, true),
            ("crates/workers/order/orders", "crates/workers/money/payments", false, false),
            ("crates/workers/order/orders", "crates/edge/gateway", false, false),
            ("crates/workers/order/orders", "crates/edge/read-model", false, true),
            ("crates/workers/order/orders", "crates/dev/testkit", false, true),
            ("crates/core/runtime", "crates/core/contracts", true, true),
            ("crates/core/runtime", "crates/workers/order/orders", false, false),
            ("crates/dev/sandbox", "crates/core/domain", true, true),
            ("crates/dev/testkit", "crates/dev/stack", true, true),
            ("crates/dev/sandbox", "crates/workers/order/orders", false, false),
            ("crates/dev/sandbox", "crates/edge/cli", false, false),
            ("crates/dev/scenario", "crates/workers/order/orders", true, true),
            ("crates/dev/scenario", "crates/edge/order-files", true, true),
            ("crates/dev/scenario", "crates/edge/cli", false, false),
            ("crates/dev/chaos", "crates/edge/cli", true, true),
            ("crates/dev/chaos", "crates/edge/gateway", false, false),
            ("crates/dev/bench", "crates/workers/warehouse/inventory", true, true),
            ("crates/dev/bench", "crates/edge/gateway", true, true),
            ("crates/dev/bench", "crates/edge/cli", true, true),
            ("crates/dev/bench", "crates/workers/money/payments", false, false),
            ("examples/gift-wrap", "crates/edge/cli", true, true),
            ("examples/gift-wrap", "crates/core/runtime", true, true),
            ("examples/gift-wrap", "crates/dev/testkit", false, true),
            ("examples/gift-wrap", "crates/workers/order/orders", false, false),
            ("crates/edge/cli", "examples/gift-wrap", false, false),
            ("tests", "crates/edge/cli", true, true),
            ("crates/edge/cli", "tests", false, false),
        ] {
            let places = [from, to].map(|dir| Place::of(dir).unwrap());
            assert_eq!(allows(places[0], places[1], Use::Always), in_code, "{from} on {to}");
            assert_eq!(allows(places[0], places[1], Use::Tests), in_tests, "{from} on {to} in tests");
        }
    }

    #[test]
    fn servers_stand_ins_and_the_audit_come_only_with_a_feature() {
        let place = |dir| Place::of(dir).unwrap();
        let cli = place("crates/edge/cli");
        for made in ["crates/dev/stack", "crates/dev/sandbox", "crates/dev/scenario"] {
            assert!(allows(cli, place(made), Use::Optional), "{made}");
            assert!(!allows(cli, place(made), Use::Always), "{made}");
            assert!(!allows(place("crates/edge/gateway"), place(made), Use::Optional), "{made}");
        }
        assert!(!allows(cli, place("crates/dev/testkit"), Use::Optional));
    }

    #[test]
    fn a_wrong_dependency_is_named_and_strangers_are_left_alone() {
        let package = |name: &str, dir: &str, dependencies: Value| {
            json!({
                "name": name,
                "manifest_path": format!("/w/{dir}/Cargo.toml"),
                "targets": [],
                "dependencies": dependencies,
            })
        };
        let on_orders = json!([
            { "name": "orders", "path": "/w/crates/workers/order/orders", "kind": null },
            { "name": "serde", "kind": null },
        ]);
        let metadata = json!({
            "workspace_root": "/w",
            "target_directory": "/w/target",
            "packages": [
                package("orders", "crates/workers/order/orders", json!([])),
                package("payments", "crates/workers/money/payments", on_orders),
                package("misplaced", "crates/else", json!([])),
            ],
        });
        let (checked, wrong) = check(&metadata::read(&metadata).unwrap().packages);
        assert_eq!(checked, 1);
        assert_eq!(
            wrong,
            [
                "payments must not depend on orders",
                "crates/else lies in no layer: move it into a folder of crates/"
            ]
        );
    }
}
