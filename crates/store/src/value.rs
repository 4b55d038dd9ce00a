//! Values and rows of our own, so that no engine's types reach the code above.

use crate::{Result, StoreError};
use std::borrow::Cow;

/// A value bound or read. Text and bytes are borrowed where they are bound: a row of twenty columns is
/// written without a copy.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'v> {
    /// NULL
    Null,
    /// Integers, times and booleans.
    Int(i64),
    /// Floats.
    Real(f64),
    /// Text.
    Text(Cow<'v, str>),
    /// Bytes.
    Blob(Cow<'v, [u8]>),
    /// Sixteen bytes: an id.
    Id([u8; 16]),
    /// Thirty-two bytes: a hash.
    Hash([u8; 32]),
}

macro_rules! from_value {
    ($($ty:ty => |$v:ident| $make:expr;)+) => {
        $(impl From<$ty> for Value<'_> { fn from($v: $ty) -> Self { $make } })+
    };
}
from_value! {
    i64 => |v| Value::Int(v);
    u32 => |v| Value::Int(i64::from(v));
    bool => |v| Value::Int(i64::from(v));
    f64 => |v| Value::Real(v);
    u64 => |v| Value::Int(i64::try_from(v).unwrap_or(i64::MAX));
    String => |v| Value::Text(Cow::Owned(v));
    Vec<u8> => |v| Value::Blob(Cow::Owned(v));
    [u8; 16] => |v| Value::Id(v);
    [u8; 32] => |v| Value::Hash(v);
    blindspot_core::OpId => |v| Value::Id(*v.as_bytes());
    blindspot_core::CaseId => |v| Value::Id(*v.as_bytes());
    blindspot_core::PhotoId => |v| Value::Id(*v.as_bytes());
    blindspot_core::DeviceId => |v| Value::Id(*v.as_bytes());
    blindspot_core::PersonId => |v| Value::Id(*v.as_bytes());
    blindspot_core::id::Sha256 => |v| Value::Hash(v.0);
}
macro_rules! from_borrowed {
    ($($ty:ty => |$v:ident| $make:expr;)+) => {
        $(impl<'v> From<&'v $ty> for Value<'v> { fn from($v: &'v $ty) -> Self { $make } })+
    };
}
from_borrowed! {
    str => |v| Value::Text(Cow::Borrowed(v));
    String => |v| Value::Text(Cow::Borrowed(v));
    [u8] => |v| Value::Blob(Cow::Borrowed(v));
    blindspot_core::id::CityId => |v| Value::Text(Cow::Borrowed(&v.0));
    blindspot_core::feed::Feed => |v| Value::Text(Cow::Borrowed(&v.0));
}
impl<'v, T: Into<Value<'v>>> From<Option<T>> for Value<'v> {
    fn from(v: Option<T>) -> Self {
        v.map_or(Value::Null, Into::into)
    }
}

/// A row of a result; columns by position.
#[derive(Clone, Debug, PartialEq)]
pub struct Row(pub Vec<Value<'static>>);

impl Row {
    fn at(&self, i: usize) -> Result<&Value<'static>> {
        self.0.get(i).ok_or_else(|| StoreError::Decode(format!("no column {i}")))
    }
    fn wrong<T>(&self, i: usize, want: &str) -> Result<T> {
        Err(StoreError::Decode(format!("column {i} is not {want}")))
    }
    /// Whether a column is NULL.
    ///
    /// # Errors
    /// When there is no such column (as for all below, which also refuse another type).
    pub fn is_null(&self, i: usize) -> Result<bool> {
        Ok(matches!(self.at(i)?, Value::Null))
    }
    /// An integer.
    ///
    /// # Errors
    /// See `is_null`.
    pub fn int(&self, i: usize) -> Result<i64> {
        match self.at(i)? {
            Value::Int(v) => Ok(*v),
            _ => self.wrong(i, "an integer"),
        }
    }
    /// A boolean, stored as 0 or 1.
    ///
    /// # Errors
    /// See `is_null`.
    pub fn bool(&self, i: usize) -> Result<bool> {
        Ok(self.int(i)? != 0)
    }
    /// A float.
    ///
    /// # Errors
    /// See `is_null`.
    pub fn real(&self, i: usize) -> Result<f64> {
        match self.at(i)? {
            Value::Real(v) => Ok(*v),
            _ => self.wrong(i, "a float"),
        }
    }
    /// Text.
    ///
    /// # Errors
    /// See `is_null`.
    pub fn text(&self, i: usize) -> Result<&str> {
        match self.at(i)? {
            Value::Text(v) => Ok(v),
            _ => self.wrong(i, "text"),
        }
    }
    /// Text, taken out of the row without a copy.
    ///
    /// # Errors
    /// See `is_null`.
    pub fn take_text(&mut self, i: usize) -> Result<String> {
        match self.0.get_mut(i).map(|v| std::mem::replace(v, Value::Null)) {
            Some(Value::Text(v)) => Ok(v.into_owned()),
            _ => self.wrong(i, "text"),
        }
    }
    /// Bytes.
    ///
    /// # Errors
    /// See `is_null`.
    pub fn blob(&self, i: usize) -> Result<&[u8]> {
        match self.at(i)? {
            Value::Blob(v) => Ok(v),
            Value::Id(v) => Ok(v),
            Value::Hash(v) => Ok(v),
            _ => self.wrong(i, "bytes"),
        }
    }
    /// Sixteen bytes: an id.
    ///
    /// # Errors
    /// See `is_null`.
    pub fn id(&self, i: usize) -> Result<[u8; 16]> {
        self.blob(i)?.try_into().or_else(|_| self.wrong(i, "an id"))
    }
    /// Thirty-two bytes: a hash.
    ///
    /// # Errors
    /// See `is_null`.
    pub fn hash(&self, i: usize) -> Result<[u8; 32]> {
        self.blob(i)?.try_into().or_else(|_| self.wrong(i, "a hash"))
    }
    /// An integer or NULL.
    ///
    /// # Errors
    /// See `is_null`.
    pub fn opt_int(&self, i: usize) -> Result<Option<i64>> {
        if self.is_null(i)? { Ok(None) } else { self.int(i).map(Some) }
    }
    /// Text or NULL.
    ///
    /// # Errors
    /// See `is_null`.
    pub fn opt_text(&self, i: usize) -> Result<Option<&str>> {
        if self.is_null(i)? { Ok(None) } else { self.text(i).map(Some) }
    }
    /// An id or NULL.
    ///
    /// # Errors
    /// See `is_null`.
    pub fn opt_id(&self, i: usize) -> Result<Option<[u8; 16]>> {
        if self.is_null(i)? { Ok(None) } else { self.id(i).map(Some) }
    }
}
