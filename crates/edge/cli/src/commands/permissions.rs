//! `despatch permissions nats`: what each worker may do at the broker, by what it registers, as a server's configuration has
//! it. Users are known by NKeys: the server only ever sees the public half.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use despatch_runtime::{Permissions, permissions};
use nkeys::KeyPair;
use serde_json::{Value, json};

use crate::config::Config;
use crate::registry::Registry;
use crate::result::Result;

/// `users = […]`, to be included in an account or in `authorization`, or the same as JSON.
pub(crate) fn nats(registry: &Registry, config: &Config, keys: &Path, as_json: bool) -> Result<String> {
    fs::create_dir_all(keys).map_err(|error| format!("{}: {error}", keys.display()))?;
    let permissions = permissions(&config.runtime.namespace, &registry.known(config)?);
    if as_json {
        let users: Result<Vec<_>> = permissions.iter().map(|user| as_object(user, keys)).collect();
        return Ok(format!("{:#}\n", json!({ "users": users? })));
    }
    let mut text = String::from("users = [\n");
    for user in permissions {
        let key = key(&keys.join(format!("{}.nk", user.user)))?;
        writeln!(text, "  # {}\n  {{\n    nkey: {}", user.user, key.public_key())?;
        writeln!(text, "    permissions: {{")?;
        for (what, subjects) in [("publish", &user.publish), ("subscribe", &user.subscribe)] {
            let subjects: Vec<String> =
                subjects.iter().map(|subject| format!("        {subject:?}\n")).collect();
            writeln!(text, "      {what}: {{ allow: [\n{}      ] }}", subjects.concat())?;
        }
        if user.answers {
            // Twice to each request: that it has it, and the answer. For as long as an operator waits.
            writeln!(text, "      allow_responses: {{ max: 2, expires: \"1m\" }}")?;
        }
        writeln!(text, "    }}\n  }}")?;
    }
    text.push_str("]\n");
    Ok(text)
}

/// A user as a server's configuration has it, and its name.
fn as_object(user: &Permissions, keys: &Path) -> Result<Value> {
    let key = key(&keys.join(format!("{}.nk", user.user)))?;
    let mut permissions = json!({
        "publish": { "allow": user.publish },
        "subscribe": { "allow": user.subscribe },
    });
    if user.answers {
        permissions["allow_responses"] = json!({ "max": 2, "expires": "1m" });
    }
    Ok(json!({ "user": user.user, "nkey": key.public_key(), "permissions": permissions }))
}

/// A user's key, made when there is none.
fn key(path: &Path) -> Result<KeyPair> {
    let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    if path.exists() {
        let seed = fs::read_to_string(path).map_err(|error| failed(&error))?;
        return Ok(KeyPair::from_seed(seed.trim()).map_err(|error| failed(&error))?);
    }
    let key = KeyPair::new_user();
    let seed = key.seed().map_err(|error| failed(&error))?;
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| writeln!(file, "{seed}")).map_err(|error| failed(&error))?;
    Ok(key)
}
