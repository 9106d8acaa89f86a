//! The workspace as `cargo metadata` describes it.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::error::{TaskError, program};

/// The workspace's directory and its crates.
#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    /// The directory in which cargo builds.
    pub(crate) target: PathBuf,
    pub(crate) packages: Vec<Package>,
}

/// A crate of the workspace.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    /// Its directory, relative to the workspace: `crates/workers/money/payments`.
    pub(crate) dir: String,
    /// The root files of its library and its binaries, relative to the workspace.
    pub(crate) roots: Vec<String>,
    /// The other crates of the workspace that it depends on.
    pub(crate) dependencies: Vec<Dependency>,
    /// `[package.metadata.rooms] order`, if it has one.
    pub(crate) rooms: Option<Value>,
}

/// A dependency on another crate of the workspace.
#[derive(Debug)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// The other crate's directory, relative to the workspace.
    pub(crate) dir: String,
    /// Whether only tests use it.
    pub(crate) in_tests: bool,
    /// Whether it needs a feature.
    pub(crate) optional: bool,
}

/// Returns the cargo that runs this task.
pub(crate) fn cargo() -> String {
    env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())
}

/// Runs `cargo metadata`.
pub(crate) fn workspace() -> Result<Workspace, TaskError> {
    let cargo = cargo();
    let output = Command::new(&cargo)
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .output()
        .map_err(program(&cargo))?;
    if !output.status.success() {
        return Err(TaskError::Metadata(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    let metadata =
        serde_json::from_slice(&output.stdout).map_err(|error| TaskError::Metadata(error.to_string()))?;
    read(&metadata)
}

/// Parses cargo's answer.
pub(crate) fn read(metadata: &Value) -> Result<Workspace, TaskError> {
    let root = text(metadata, "workspace_root")?;
    let packages = list(metadata, "packages")?
        .iter()
        .map(|package| read_package(root, package))
        .collect::<Result<_, _>>()?;
    let target = PathBuf::from(text(metadata, "target_directory")?);
    Ok(Workspace { root: PathBuf::from(root), target, packages })
}

fn read_package(root: &str, package: &Value) -> Result<Package, TaskError> {
    let manifest = Path::new(text(package, "manifest_path")?);
    let mut roots = Vec::new();
    for target in list(package, "targets")? {
        let kinds = list(target, "kind")?;
        if kinds.iter().any(|kind| kind == "lib" || kind == "bin") {
            roots.push(inside(root, Path::new(text(target, "src_path")?))?);
        }
    }
    let mut dependencies = Vec::new();
    for dependency in list(package, "dependencies")? {
        // Only dependencies within the workspace have a path.
        let Some(path) = dependency.get("path").and_then(Value::as_str) else { continue };
        dependencies.push(Dependency {
            name: text(dependency, "name")?.to_owned(),
            dir: inside(root, Path::new(path))?,
            in_tests: dependency.get("kind").and_then(Value::as_str) == Some("dev"),
            optional: dependency.get("optional").and_then(Value::as_bool) == Some(true),
        });
    }
    Ok(Package {
        name: text(package, "name")?.to_owned(),
        dir: inside(root, manifest.parent().unwrap_or(manifest))?,
        roots,
        dependencies,
        rooms: package.pointer("/metadata/rooms/order").cloned(),
    })
}

fn inside(root: &str, path: &Path) -> Result<String, TaskError> {
    let inner = path.strip_prefix(root).ok().and_then(Path::to_str);
    inner
        .map(str::to_owned)
        .ok_or_else(|| TaskError::Metadata(format!("{} is outside {root}", path.display())))
}

fn text<'a>(value: &'a Value, key: &str) -> Result<&'a str, TaskError> {
    value.get(key).and_then(Value::as_str).ok_or_else(|| TaskError::Metadata(format!("no {key}")))
}

fn list<'a>(value: &'a Value, key: &str) -> Result<&'a Vec<Value>, TaskError> {
    value.get(key).and_then(Value::as_array).ok_or_else(|| TaskError::Metadata(format!("no {key}")))
}
