//! Which settings of a command have another value in the deployment that it examines.

use toml::Value;

use super::file::Config;
use super::key::Key;

/// The keys that the operator has set now and that have another value in the deployment that runs.
pub(crate) fn not_in_force(asked: &Config, running: &Config) -> Vec<Key> {
    let (now, then) = (Value::Table(asked.table.clone()), Value::Table(running.table.clone()));
    let differs = |key: &&Key| {
        let value = key.get(&now);
        // A table's values are keys of their own. `up` takes another port where the one that is set is in use.
        value.is_some_and(|value| !value.is_table())
            && value != key.get(&then)
            && key.to_string() != "gateway.listen"
    };
    asked.origins.operators().filter(differs).cloned().collect()
}

#[cfg(all(test, feature = "local"))]
mod tests {
    use super::super::load::Loaded;
    use super::super::running::running;
    use super::*;

    #[test]
    fn what_was_set_since_the_start_is_not_in_force() {
        let load =
            |file: &str| Loaded::of(None, &[], |layers| layers.lay_file(file)).unwrap().checked().unwrap();
        let start = load("[runtime]\nack_wait_seconds = 5\n[exceptions]\nmonitor_seconds = 7");
        let runs = Loaded::running(running(&start).unwrap(), &[]).unwrap().checked().unwrap();
        assert_eq!(not_in_force(&start, &runs), []);
        assert_eq!(not_in_force(&load(""), &runs), [], "defaults are nobody's wish");
        let since =
            load("[runtime]\nack_wait_seconds = 9\n[exceptions]\nmonitor_seconds = 7\n[gateway]\nbatch = 12");
        let keys: Vec<String> = not_in_force(&since, &runs).iter().map(Key::to_string).collect();
        assert_eq!(keys, ["gateway.batch", "runtime.ack_wait_seconds"]);
    }
}
