//! Whether the stock's counters are what the ledger's movements say.

use despatch_inventory::store::LAW;
use despatch_runtime::doctor::{Check, Grade};
use despatch_runtime::{Database, DbError};

use crate::config::Config;

/// Recomputes every counter. Returns nothing if the database or the schema is not there, which other checks report.
pub(super) async fn examine(config: &Config) -> Option<Check> {
    let wrong = violations(config).await.ok()?;
    let check = |found: String| Check::ok("stock ledger", found, "every counter is the sum of its movements");
    let Some(first) = wrong.first() else {
        return Some(check("agrees".to_owned()).of(despatch_inventory::NAME));
    };
    let found = format!("{} differ, the first: {first}", wrong.len());
    let advice = "Somebody changed rows by hand, or there is a defect: keep the rows for engineering. \
                  `despatch stock explain SKU` lists the movements, and `despatch stock count` records what is there.";
    Some(check(found).but(Grade::Failed, advice).of(despatch_inventory::NAME))
}

/// Returns the counters that differ, in words.
async fn violations(config: &Config) -> Result<Vec<String>, DbError> {
    let database = Database::new(config.database_of(despatch_inventory::NAME), 1)?;
    let rows = database.client().await?.query(LAW, &[]).await?;
    let words = |row: &despatch_runtime::Row| {
        let [sku, location, bucket]: [String; 3] =
            [row.try_get("sku")?, row.try_get("location")?, row.try_get("bucket")?];
        let counted: Option<i64> = row.try_get("counted")?;
        let recorded: i64 = row.try_get("recorded")?;
        let counted = counted.unwrap_or_default();
        Ok(format!("{sku} at {location}: {counted} {bucket}, {recorded} by the ledger"))
    };
    rows.iter().map(words).collect()
}
