//! Values as PostgreSQL's binary format has them.

use crate::{Row, Value};
use postgres::types::private::BytesMut;
use postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use std::borrow::Cow;
use std::error::Error;

type Any = Box<dyn Error + Sync + Send>;

impl ToSql for Value<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Any> {
        match (self, ty) {
            (Value::Null, _) => return Ok(IsNull::Yes),
            (Value::Int(v), &Type::INT8) => out.extend_from_slice(&v.to_be_bytes()),
            (Value::Int(v), &Type::INT4) => out.extend_from_slice(&i32::try_from(*v)?.to_be_bytes()),
            #[expect(clippy::cast_precision_loss, reason = "a number meant as a float")]
            (Value::Int(v), &Type::FLOAT8) => out.extend_from_slice(&(*v as f64).to_be_bytes()),
            (Value::Real(v), &Type::FLOAT8) => out.extend_from_slice(&v.to_be_bytes()),
            (Value::Text(v), &Type::TEXT | &Type::VARCHAR) => out.extend_from_slice(v.as_bytes()),
            (Value::Id(v), &Type::UUID | &Type::BYTEA) => out.extend_from_slice(v),
            (Value::Hash(v), &Type::BYTEA) => out.extend_from_slice(v),
            (Value::Blob(v), &Type::BYTEA) => out.extend_from_slice(v),
            (Value::Blob(v), &Type::UUID) if v.len() == 16 => out.extend_from_slice(v),
            _ => return Err(format!("a value does not fit a parameter of type {ty}").into()),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// A value of a result.
struct Got(Value<'static>);

impl<'r> FromSql<'r> for Got {
    fn from_sql(ty: &Type, raw: &'r [u8]) -> Result<Self, Any> {
        Ok(Self(match *ty {
            Type::INT8 => Value::Int(i64::from_be_bytes(raw.try_into()?)),
            Type::INT4 => Value::Int(i64::from(i32::from_be_bytes(raw.try_into()?))),
            Type::FLOAT8 => Value::Real(f64::from_be_bytes(raw.try_into()?)),
            Type::TEXT | Type::VARCHAR | Type::NAME => {
                Value::Text(Cow::Owned(std::str::from_utf8(raw)?.to_owned()))
            }
            Type::UUID => Value::Id(raw.try_into()?),
            Type::BYTEA => match (<[u8; 16]>::try_from(raw), <[u8; 32]>::try_from(raw)) {
                (Ok(id), _) => Value::Id(id),
                (_, Ok(hash)) => Value::Hash(hash),
                _ => Value::Blob(Cow::Owned(raw.to_vec())),
            },
            _ => return Err(format!("a result of type {ty}").into()),
        }))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Any> {
        Ok(Self(Value::Null))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// A row of ours.
pub(super) fn row(row: &postgres::Row) -> Result<Row, postgres::Error> {
    (0..row.len()).map(|i| row.try_get::<_, Got>(i).map(|got| got.0)).collect::<Result<_, _>>().map(Row)
}
