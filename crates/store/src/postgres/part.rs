//! Sets of values on their way into one statement: each column becomes an array.

use crate::{Result, StoreError, Value};
use postgres::types::ToSql;

/// Sets by column: the first value is the same in all of them, the city.
pub(super) struct Part<'v> {
    city: Option<Value<'v>>,
    columns: Vec<Vec<Value<'v>>>,
}

impl<'v> Part<'v> {
    pub(super) fn new(n: usize) -> Self {
        Self { city: None, columns: (1..n).map(|_| Vec::new()).collect() }
    }

    pub(super) fn push<const N: usize>(&mut self, set: [Value<'v>; N]) -> Result<()> {
        let mut values = set.into_iter();
        let city = values.next();
        match &self.city {
            None => self.city = city,
            known if *known == city => {}
            _ => return Err(StoreError::Sql("a batch is of one city".into())),
        }
        self.columns.iter_mut().zip(values).for_each(|(column, value)| column.push(value));
        Ok(())
    }

    pub(super) fn len(&self) -> usize {
        self.columns.first().map_or(0, Vec::len)
    }

    pub(super) fn single(&self) -> bool {
        self.len() == 1
    }

    pub(super) fn params(&self, arrays: bool) -> Vec<&(dyn ToSql + Sync)> {
        let mut out: Vec<&(dyn ToSql + Sync)> = Vec::with_capacity(self.columns.len() + 1);
        out.extend(self.city.iter().map(|v| v as &(dyn ToSql + Sync)));
        for column in &self.columns {
            match column.as_slice() {
                [one] if !arrays => out.push(one),
                _ => out.push(column),
            }
        }
        out
    }
}
