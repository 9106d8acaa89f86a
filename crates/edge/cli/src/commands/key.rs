//! `despatch key`: the API key of a local deployment.

use crate::local::DataDir;
use crate::output::print;
use crate::result::{Result, hinted};

/// Prints the key that the gateway takes.
pub(crate) fn key(data_dir: &DataDir) -> Result {
    let Some(address) = data_dir.address()? else {
        let dir = data_dir.path().display();
        return Err(hinted(
            format!("no despatch has run in {dir}, so there is no key"),
            "`despatch up` makes one; --data-dir DIR names another directory\n\
             the keys of `despatch run` are in gateway.api_keys of its configuration",
        ));
    };
    print(&format!("{}\n", address.api_key))
}
