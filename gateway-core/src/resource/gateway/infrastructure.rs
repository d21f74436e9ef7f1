//! What is asked of whatever is created for a Gateway (gateway-api §5).

use crate::resource::Problems;
use crate::resource::document::{At, Value};
use crate::resource::object_reference::ObjectReference;
use crate::resource::scalar::{
    self, ANNOTATION_KEY, ANNOTATION_VALUE, LABEL_KEY, LABEL_VALUE, Scalar,
};

/// As written.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Infrastructure {
    /// In the order in which they were written, as the annotations.
    pub(crate) labels: Vec<(Box<str>, Box<str>)>,
    pub(crate) annotations: Vec<(Box<str>, Box<str>)>,
    /// Where `parametersRef` stands.
    pub(crate) parameters: Option<At>,
}

impl Infrastructure {
    pub(super) fn read(value: Value<'_>, problems: &mut Problems) -> Self {
        let Some(mut fields) = value.mapping(problems) else { return Self::default() };
        let labels = fields
            .field("labels")
            .map_or_else(Vec::new, |map| texts(map, 8, [&LABEL_KEY, &LABEL_VALUE], problems));
        let annotations = fields.field("annotations").map_or_else(Vec::new, |map| {
            texts(map, 16, [&ANNOTATION_KEY, &ANNOTATION_VALUE], problems)
        });
        let parameters = fields.field("parametersRef");
        parameters.and_then(|v| ObjectReference::read_local(v, problems));
        fields.finish(problems);
        Self { labels, annotations, parameters: parameters.map(|field| field.at()) }
    }
}

fn texts(
    map: Value<'_>,
    most: usize,
    [key, value]: [&Scalar; 2],
    problems: &mut Problems,
) -> Vec<(Box<str>, Box<str>)> {
    let mut texts = Vec::new();
    for entry in scalar::entries(map, most, problems) {
        let (key, value) = (key.read_key(entry, problems), value.read(entry, problems));
        texts.extend(key.zip(value).map(|(key, value)| (key.into(), value.into())));
    }
    texts
}
