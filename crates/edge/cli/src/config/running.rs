//! The settings of a deployment that runs in a data directory: what `up` and `demo` made of the configuration.

use toml::{Table, Value};

use super::file::Config;

/// The configuration as a table, with everything that was filled in.
pub(crate) fn running(config: &Config) -> Result<Table, toml::ser::Error> {
    let mut table = config.table.clone();
    let filled: [(&str, Value); 9] = [
        ("nats_url", config.nats_url.as_str().into()),
        ("database_url", config.database_url.as_str().into()),
        ("runtime", Value::try_from(&config.runtime)?),
        ("shop", Value::try_from(&config.shop)?),
        ("links", Value::try_from(&config.links)?),
        ("stripe", Value::try_from(&config.stripe)?),
        ("shippo", Value::try_from(&config.shippo)?),
        ("smtp", Value::try_from(&config.smtp)?),
        ("reviews", Value::try_from(&config.reviews)?),
    ];
    for (name, value) in filled {
        table.insert(name.to_owned(), value);
    }
    let mut in_table = |name: &str, key: &str, value: Value| {
        if let Some(Value::Table(table)) = table.get_mut(name) {
            table.insert(key.to_owned(), value);
        }
    };
    in_table("gateway", "api_keys", Value::try_from(&config.gateway.api_keys)?);
    in_table("gateway", "listen", config.gateway.listen.to_string().into());
    in_table("labels", "sender", Value::try_from(&config.labels.sender)?);
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::super::load::Loaded;
    use super::*;

    #[test]
    fn what_was_filled_in_is_read_again() {
        let file = "[runtime.policies.\"labels.create\"]\nattempts = 12\n[exceptions]\nmonitor_seconds = 7";
        let loaded = Loaded::of(None, &[], |layers| layers.lay_file(file));
        let mut config = loaded.unwrap().checked().unwrap();
        config.runtime.ack_wait_seconds = 5;
        config.smtp.url = "smtp://127.0.0.1:25".into();
        config.gateway.api_keys.push("key".into());
        let again = Loaded::running(running(&config).unwrap(), &[]).unwrap().checked().unwrap();
        assert_eq!((again.runtime.ack_wait_seconds, again.exceptions.monitor_seconds), (5, 7));
        assert_eq!((again.smtp.url.as_str(), again.gateway.api_keys.len()), ("smtp://127.0.0.1:25", 1));
        assert_eq!(again.runtime.policies["labels.create"].attempts, Some(12));
    }
}
