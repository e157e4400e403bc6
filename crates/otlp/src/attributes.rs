//! Attributes in the making: values under the names of the table, once or, where both versions are wanted, twice.

use paceline_plan::document::Names;

use crate::messages::{AnyValue, ArrayValue, KeyValue, Value};
use crate::names::Attribute;

pub(crate) struct Attributes {
    choice: Names,
    pub list: Vec<KeyValue>,
}

impl Attributes {
    pub(crate) fn new(choice: Names) -> Self {
        Self { choice, list: Vec::with_capacity(24) }
    }

    fn put(&mut self, attribute: Attribute, value: Value) {
        let (first, second) = attribute.names(self.choice);
        if let Some(second) = second {
            self.list.push(key_value(second, value.clone()));
        }
        self.list.push(key_value(first, value));
    }

    /// An empty text is left out.
    pub(crate) fn text(&mut self, attribute: Attribute, text: &str) {
        if !text.is_empty() {
            self.put(attribute, Value::Text(text.to_owned()));
        }
    }

    pub(crate) fn int(&mut self, attribute: Attribute, number: impl Into<i64>) {
        self.put(attribute, Value::Int(number.into()));
    }

    pub(crate) fn double(&mut self, attribute: Attribute, number: f64) {
        self.put(attribute, Value::Double(number));
    }

    pub(crate) fn bool(&mut self, attribute: Attribute, truth: bool) {
        self.put(attribute, Value::Bool(truth));
    }

    /// An empty list is left out.
    pub(crate) fn texts(&mut self, attribute: Attribute, texts: impl IntoIterator<Item = String>) {
        let values: Vec<_> = texts.into_iter().map(|text| AnyValue { value: Some(Value::Text(text)) }).collect();
        if !values.is_empty() {
            self.put(attribute, Value::Array(ArrayValue { values }));
        }
    }
}

pub(crate) fn key_value(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }) }
}
