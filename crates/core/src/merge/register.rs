//! Three-way merge of one field, on the op's own from and to (protocol 7).

use serde_json::Value;

/// What becomes of one field.
#[derive(Clone, Debug, PartialEq)]
pub enum Merged {
    /// The value was already there: no conflict.
    Same,
    /// Nobody else had changed it.
    Clean,
    /// Somebody had: the last received wins, the losing value is kept.
    Clash {
        /// The value that lost.
        lost: Value,
    },
}

/// Decides one field. Null and absent are one value.
#[must_use]
pub fn three_way(current: &Value, from: &Value, to: &Value) -> Merged {
    if current == to {
        Merged::Same
    } else if current == from {
        Merged::Clean
    } else {
        Merged::Clash { lost: current.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_three_answers() {
        assert_eq!(three_way(&json!("a"), &json!("a"), &json!("b")), Merged::Clean);
        assert_eq!(three_way(&json!("b"), &json!("a"), &json!("b")), Merged::Same);
        assert_eq!(three_way(&json!("c"), &json!("a"), &json!("b")), Merged::Clash { lost: json!("c") });
        assert_eq!(three_way(&Value::Null, &Value::Null, &json!("b")), Merged::Clean);
    }
}
