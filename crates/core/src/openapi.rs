//! Schemas that a derive cannot write: enums that stay open on the wire. Feature `openapi`, for the server alone.

use crate::access::Area;
use std::borrow::Cow;
use utoipa::openapi::RefOr;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};

/// A string with known words. It is no `enum`: a generated client must keep a word that it does not know.
#[must_use]
pub fn open_words(known: &[&str]) -> RefOr<Schema> {
    let words = ExtensionsBuilder::new().add("x-extensible-enum", serde_json::json!(known)).build();
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(format!(
            "One of `{}`; keep and show a word that is none of them.",
            known.join("`, `")
        )))
        .extensions(Some(words))
        .into()
}

impl utoipa::PartialSchema for Area {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("`city`, `town:<9 digits>`, `grid:<committee>-<number>` or `dept:<key>`."))
            .into()
    }
}

impl utoipa::ToSchema for Area {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Area")
    }
}
