//! Compiles `proto/` with protox, so that building needs no `protoc`.

use std::path::{Path, PathBuf};

use prost::Message as _;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../proto");
    println!("cargo::rerun-if-changed={}", root.display());
    let mut files = Vec::new();
    protos_under(&root.join("despatch"), &mut files)?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("contexts.rs"), contexts(&root.join("despatch"))?)?;
    files.sort();
    let descriptors = protox::compile(&files, [&root])?;
    // For reading and writing events as JSON.
    std::fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    let mut config = prost_build::Config::new();
    config.include_file("packages.rs");
    config.bytes(["."]).btree_map(["."]).enable_type_names().compile_fds(descriptors)?;
    Ok(())
}

/// A short name for the one version of each context: `order` for `proto::despatch::order::v1`.
fn contexts(folder: &Path) -> std::io::Result<String> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    let lines = names.iter().map(|name| format!("pub use crate::proto::despatch::{name}::v1 as {name};"));
    Ok(lines.collect::<Vec<_>>().join("\n"))
}

fn protos_under(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            protos_under(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            files.push(path);
        }
    }
    Ok(())
}
