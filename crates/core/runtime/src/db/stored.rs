//! A protobuf message in a column.

use std::error::Error;

use prost::Message;
use tokio_postgres::types::{FromSql, Type};

/// A message as a `bytea` column holds it.
#[derive(Debug)]
pub struct Stored<M>(pub M);

impl<'a, M: Message + Default> FromSql<'a> for Stored<M> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Stored(M::decode(raw)?))
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::BYTEA
    }
}
