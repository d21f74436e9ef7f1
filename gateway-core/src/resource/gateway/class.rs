//! GatewayClass (gateway-api §4).

use crate::resource::Problems;
use crate::resource::document::{At, Value};
use crate::resource::object_reference::ObjectReference;
use crate::resource::scalar::{self, CONTROLLER, DESCRIPTION};

/// As written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct GatewayClass {
    pub(crate) controller: Box<str>,
    /// Known, but without effect yet.
    pub(crate) parameters: Option<At>,
}

impl GatewayClass {
    /// Reads a whole document.
    pub(crate) fn read(root: Value<'_>, problems: &mut Problems) -> Option<Self> {
        let mut fields = scalar::spec(root, problems)?.mapping(problems)?;
        let controller = fields.required("controllerName", problems);
        let controller = controller.and_then(|v| CONTROLLER.read(v, problems));
        fields.field("description").and_then(|v| DESCRIPTION.read(v, problems));
        let parameters = fields.field("parametersRef");
        parameters.and_then(|v| ObjectReference::read(v, None, problems));
        fields.finish(problems);
        controller.map(|name| Self {
            controller: name.into(),
            parameters: parameters.map(|field| field.at()),
        })
    }
}
