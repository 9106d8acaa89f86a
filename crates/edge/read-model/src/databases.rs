//! Where the schemas are.

use std::collections::HashMap;

use despatch_runtime::{Database, DbError, Settings};

/// The databases of the workers, each opened once.
pub(crate) struct Databases<'a> {
    settings: &'a Settings,
    open: fn(&str) -> Result<Database, DbError>,
    opened: HashMap<&'a str, Database>,
}

impl<'a> Databases<'a> {
    /// The databases where these settings say that the workers write.
    pub(crate) fn new(settings: &'a Settings, open: fn(&str) -> Result<Database, DbError>) -> Self {
        Databases { settings, open, opened: HashMap::new() }
    }

    /// The database of a worker.
    pub(crate) fn of(&mut self, worker: &str) -> Result<Database, DbError> {
        let url = self.settings.worker_database_urls.get(worker).unwrap_or(&self.settings.database_url);
        if let Some(database) = self.opened.get(url.as_str()) {
            return Ok(database.clone());
        }
        let database = (self.open)(url)?;
        self.opened.insert(url, database.clone());
        Ok(database)
    }
}
