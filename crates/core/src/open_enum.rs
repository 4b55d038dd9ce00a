//! Open enums: an unknown word on the wire is kept and shown raw, never an error.
//!
//! Knows only serde. Every enum that travels is made here, so that an older phone survives a newer
//! server and the other way round.

/// Declares an enum whose known words are variants and whose other words are kept in `Other`.
#[macro_export]
macro_rules! open_enum {
    ($(#[$meta:meta])* $vis:vis enum $name:ident { $($(#[$vmeta:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $vis enum $name { $($(#[$vmeta])* $variant,)+
            /// A word this version does not know; kept as it came.
            Other(String) }
        impl $name {
            /// Every known value, in declaration order.
            pub const KNOWN: &'static [$name] = &[$($name::$variant),+];
            /// The word on the wire.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self { $($name::$variant => $word,)+ $name::Other(word) => word }
            }
            /// Reads a word; never fails.
            #[must_use]
            pub fn from_word(word: &str) -> Self {
                match word { $($word => $name::$variant,)+ other => $name::Other(other.to_owned()) }
            }
        }
        #[cfg(feature = "openapi")]
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> { $crate::openapi::open_words(&[$($word),+]) }
        }
        #[cfg(feature = "openapi")]
        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> { std::borrow::Cow::Borrowed(stringify!($name)) }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(self.as_str()) }
        }
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> { s.serialize_str(self.as_str()) }
        }
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let word = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(d)?;
                Ok(Self::from_word(&word))
            }
        }
    };
}

#[cfg(test)]
#[expect(unreachable_pub, reason = "the macro writes pub for crates that export")]
mod tests {
    crate::open_enum! {
        /// For the test.
        pub enum Colour { Red = "red", Green = "green" }
    }

    #[test]
    fn an_unknown_word_survives_a_round_trip() {
        let colour: Colour = serde_json::from_str("\"mauve\"").expect("open");
        assert_eq!(colour, Colour::Other("mauve".into()));
        assert_eq!(serde_json::to_string(&colour).expect("writes"), "\"mauve\"");
        assert_eq!(Colour::from_word("red"), Colour::Red);
        assert_eq!(Colour::KNOWN.len(), 2);
    }
}
