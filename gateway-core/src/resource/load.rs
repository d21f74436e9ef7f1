//! Documents to objects: which kind it is, whose it is, and whether it may stay.

use super::annotation;
use super::backend_tls_policy::BackendTlsPolicy;
use super::circuit_breaker::CircuitBreaker;
use super::config_map::ConfigMap;
use super::document::{Document, Kind, Place, Step, Value};
use super::gateway::{Gateway, GatewayClass};
use super::gateway_route::GatewayRoute;
use super::global_configuration::GlobalConfiguration;
use super::http_route_group::HttpRouteGroup;
use super::identity_binding::IdentityBinding;
use super::kinds::{Reader, Recognised, recognise};
use super::layer4_route::Layer4Route;
use super::listener_set::ListenerSet;
use super::meta::Meta;
use super::policy::Policy;
use super::rate_limit::RateLimit;
use super::reference_grant::ReferenceGrant;
use super::secret::{self, Secret};
use super::service::{EndpointSlice, Service};
use super::sticky;
use super::stream_route;
use super::traffic_split::TrafficSplit;
use super::traffic_target::TrafficTarget;
use super::virtual_server::VirtualServer;
use super::virtual_server_route::VirtualServerRoute;
use super::workload::Workload;
use super::yaml::{self, Limits, Reading};
use super::{Object, Problems, ReadErrors, Refused, Resource, Resources};
use crate::diagnostic::{Diagnostic, Severity};
use crate::origin::{ObjectRef, Span};
use std::collections::BTreeSet;
use std::collections::btree_map::Entry;
use std::sync::Arc;

/// The foreign kinds of a file, each with its `apiVersion`, of which a notice was given.
type Ignored = BTreeSet<(Box<str>, Box<str>)>;

/// What a document holds.
enum Content {
    Nothing,
    /// The items of a list, each as a document of its own.
    Items(Vec<Document>),
    Object(Box<Object>),
    /// Something with an error in it.
    Faulty,
}

impl Resources {
    /// Reads all documents of `text`, which must be free of errors.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, warnings included, when anything is an error.
    /// [`Resources::add_yaml`] leaves out the documents with errors instead.
    ///
    /// ```
    /// use gateway_core::Resources;
    /// let errors = Resources::from_yaml("kind: VirtualServer").unwrap_err();
    /// assert_eq!(
    ///     errors.to_string(),
    ///     "-:1:1: error[missing-field]: apiVersion: required field `apiVersion` is missing"
    /// );
    /// ```
    pub fn from_yaml(text: &str) -> Result<Self, ReadErrors> {
        let mut resources = Self::new();
        resources.add_yaml("-", text);
        if resources.diagnostics.iter().any(|d| d.severity == Severity::Error) {
            return Err(ReadErrors(resources.diagnostics));
        }
        Ok(resources)
    }

    /// Adds all documents of a YAML or JSON text. What is wrong shows in
    /// [`Resources::diagnostics`], under the name `file`; a document with an error is left out.
    ///
    /// The text is UTF-8. At most 64 MiB with 200,000 documents are read, each with at most
    /// 1,000,000 values and 64 levels.
    pub fn add_yaml(&mut self, file: &str, text: impl AsRef<[u8]>) {
        let mut ignored = Ignored::new();
        yaml::read(&file.into(), text.as_ref(), &Limits::default(), |reading| {
            self.add_reading(reading, &mut ignored);
        });
    }

    /// Adds one document. `ignored` holds the foreign kinds of its file so far.
    fn add_reading(&mut self, reading: Reading, ignored: &mut Ignored) {
        let Reading { mut document, faults, joined } = reading;
        let Some(first) = faults.first() else {
            self.name(&mut document);
            self.add_document(document, ignored);
            return;
        };
        // The last value before a syntax error may have swallowed what follows it.
        if !document.root().is_some_and(|root| name_of(root).is_some_and(Value::is_last)) {
            self.name(&mut document);
        }
        let place = first.place;
        let span = |place: Place| {
            let file = Arc::clone(document.file());
            Some(Span { file, line: place.line, column: place.column })
        };
        let object = Some(document.object()).filter(|o| is_named(o)).cloned();
        self.diagnostics.extend(faults.into_iter().map(|fault| Diagnostic {
            severity: Severity::Error,
            code: fault.code,
            object: object.clone(),
            field: "".into(),
            span: span(fault.place),
            message: fault.message,
            help: fault.help,
        }));
        let object = object.filter(|_| !joined);
        self.refused.push(Refused { object, span: span(place), whole: false });
    }

    /// Gives the document the name of its object, as far as that is written in it.
    fn name(&self, document: &mut Document) {
        let Some(root) = document.root() else { return };
        let Some(kind) = child(root, "kind").and_then(text) else { return };
        let Some(name) = name_of(root).and_then(text) else { return };
        let namespace = match kind {
            "GatewayClass" | "Namespace" => "",
            _ => child(root, "metadata")
                .and_then(|metadata| child(metadata, "namespace"))
                .and_then(text)
                .unwrap_or(&self.default_namespace),
        };
        let object = ObjectRef::new(kind, namespace, name);
        document.set_object(object);
    }

    /// Adds a document, or the items of a list, each as a document of its own.
    fn add_document(&mut self, document: Document, ignored: &mut Ignored) {
        let mut waiting = vec![document];
        while let Some(document) = waiting.pop() {
            let document = Arc::new(document);
            let mut problems = Problems::new(self.strict);
            match self.read(&document, ignored, &mut problems) {
                Content::Nothing => {}
                Content::Items(mut items) => {
                    items.iter_mut().for_each(|item| self.name(item));
                    waiting.extend(items.into_iter().rev());
                }
                Content::Object(object) => self.keep(*object, &mut problems),
                Content::Faulty => self.refuse(&document),
            }
            self.diagnostics.extend(problems.into_list().into_iter().map(|mut diagnostic| {
                diagnostic.object = diagnostic.object.filter(|o| is_named(o));
                diagnostic
            }));
        }
    }

    fn refuse(&mut self, document: &Document) {
        let object = Some(document.object()).filter(|o| is_named(o)).cloned();
        self.refused.push(Refused { object, span: document.object_origin().span, whole: true });
    }

    /// Adds an object that was read without an error, unless there is one of its name.
    fn keep(&mut self, object: Object, problems: &mut Problems) {
        let document = Arc::clone(object.document());
        match self.objects.entry(Arc::clone(document.object())) {
            Entry::Vacant(entry) => {
                entry.insert(object);
            }
            Entry::Occupied(first) => {
                let place = first.get().document().object_origin().span;
                let place = place.map(|span| span.to_string()).unwrap_or_default();
                problems.push(
                    Diagnostic::error(
                        "duplicate-object",
                        &document.object_origin(),
                        format!("{} is written twice; it stands at {place} too", document.object()),
                    )
                    .help("the first one is kept"),
                );
                self.refuse(&document);
            }
        }
    }

    fn read(
        &self,
        document: &Arc<Document>,
        ignored: &mut Ignored,
        problems: &mut Problems,
    ) -> Content {
        let Some(root) = document.root().filter(|root| !root.is_null()) else {
            return Content::Nothing;
        };
        let Some(mut fields) = root.mapping(problems) else { return Content::Faulty };
        let mut header = |name| {
            let value = fields.required(name, problems)?;
            Some((value, value.string(problems)?))
        };
        let (version, kind) = (header("apiVersion"), header("kind"));
        let (Some((version_at, version)), Some((kind_at, kind))) = (version, kind) else {
            return Content::Faulty;
        };
        if let Some(item_kind) = kind.strip_suffix("List")
            && (item_kind.is_empty()
                || matches!(recognise(version, item_kind), Recognised::Known(_)))
            && let Some(items) = fields.field("items")
        {
            let items = items.list(problems).map(|item| item_document(item, version, item_kind));
            let items = items.collect();
            return if problems.errors() == 0 { Content::Items(items) } else { Content::Faulty };
        }
        match recognise(version, kind) {
            Recognised::Known(reader) => self.read_as(reader, document, kind_at, problems),
            Recognised::Foreign => {
                if ignored.insert((version.into(), kind.into())) {
                    let message =
                        format!("{kind} of `{version}` is not a routing document; ignored");
                    problems.push(Diagnostic::notice("ignored-kind", &kind_at.origin(), message));
                }
                Content::Nothing
            }
            Recognised::Wrong { code, field, message, help } => {
                let at = if field == "kind" { kind_at } else { version_at };
                problems
                    .push(Diagnostic { help, ..Diagnostic::error(code, &at.origin(), message) });
                Content::Faulty
            }
        }
    }

    fn read_as(
        &self,
        reader: Reader,
        document: &Arc<Document>,
        kind_at: Value<'_>,
        problems: &mut Problems,
    ) -> Content {
        let namespace = Some(&*self.default_namespace);
        let object = match reader {
            Reader::VirtualServer => resource(document, namespace, problems, VirtualServer::read)
                .map(Box::new)
                .map(Object::VirtualServer),
            Reader::VirtualServerRoute => {
                resource(document, namespace, problems, VirtualServerRoute::read)
                    .map(Object::VirtualServerRoute)
            }
            Reader::GlobalConfiguration => {
                resource(document, namespace, problems, GlobalConfiguration::read)
                    .map(Object::GlobalConfiguration)
            }
            Reader::TrafficSplit => resource(document, namespace, problems, TrafficSplit::read)
                .map(Object::TrafficSplit),
            Reader::HttpRouteGroup => resource(document, namespace, problems, HttpRouteGroup::read)
                .map(Object::HttpRouteGroup),
            Reader::Gateway => {
                resource(document, namespace, problems, Gateway::read).map(Object::Gateway)
            }
            Reader::GatewayClass => {
                resource(document, None, problems, GatewayClass::read).map(Object::GatewayClass)
            }
            Reader::ListenerSet => {
                resource(document, namespace, problems, ListenerSet::read).map(Object::ListenerSet)
            }
            Reader::ReferenceGrant => resource(document, namespace, problems, ReferenceGrant::read)
                .map(Object::ReferenceGrant),
            Reader::BackendTlsPolicy => {
                resource(document, namespace, problems, BackendTlsPolicy::read)
                    .map(Object::BackendTlsPolicy)
            }
            Reader::HttpRoute => resource(document, namespace, problems, GatewayRoute::read_http)
                .map(Object::HttpRoute),
            Reader::GrpcRoute => resource(document, namespace, problems, GatewayRoute::read_grpc)
                .map(Object::GrpcRoute),
            Reader::Policy => {
                resource(document, namespace, problems, Policy::read).map(Object::Policy)
            }
            Reader::Secret => resource(document, namespace, problems, Secret::read)
                .map(secret::sealed)
                .map(Object::Secret),
            Reader::ConfigMap => {
                resource(document, namespace, problems, ConfigMap::read).map(Object::ConfigMap)
            }
            Reader::Namespace => {
                resource(document, None, problems, |_, _| Some(())).map(Object::Namespace)
            }
            Reader::Service => {
                resource(document, namespace, problems, Service::read).map(Object::Service)
            }
            Reader::EndpointSlice => resource(document, namespace, problems, EndpointSlice::read)
                .map(Object::EndpointSlice),
            Reader::Endpoints => {
                resource(document, namespace, problems, EndpointSlice::read_endpoints)
                    .map(Object::EndpointSlice)
            }
            Reader::Layer4Route => {
                resource(document, namespace, problems, Layer4Route::read).map(Object::Layer4Route)
            }
            Reader::TrafficTarget => resource(document, namespace, problems, TrafficTarget::read)
                .map(Object::TrafficTarget),
            Reader::IdentityBinding => {
                resource(document, namespace, problems, IdentityBinding::read)
                    .map(Object::IdentityBinding)
            }
            Reader::RateLimit => {
                resource(document, namespace, problems, RateLimit::read).map(Object::RateLimit)
            }
            Reader::CircuitBreaker => resource(document, namespace, problems, CircuitBreaker::read)
                .map(Object::CircuitBreaker),
            Reader::Workload => {
                resource(document, namespace, problems, Workload::read).map(Object::Workload)
            }
            Reader::StreamRoute => {
                resource(document, namespace, problems, stream_route::check);
                let is_faulty = problems.errors() > 0;
                unsupported(kind_at, problems);
                return if is_faulty { Content::Faulty } else { Content::Nothing };
            }
            Reader::Unsupported => {
                unsupported(kind_at, problems);
                return Content::Nothing;
            }
            Reader::Metrics => {
                let message = "this kind is a query, not a configuration, and has no effect";
                problems.push(Diagnostic::notice("SMI-N01", &kind_at.origin(), message));
                return Content::Nothing;
            }
        };
        if let Some(root) = document.root() {
            annotation::check(root, &document.object().kind, problems);
            if !reader.splits() {
                sticky::warn_without_splits(root, problems);
            }
        }
        match object {
            Some(object) if problems.errors() == object.errors() => {
                Content::Object(Box::new(object))
            }
            _ => Content::Faulty,
        }
    }
}

fn unsupported(kind: Value<'_>, problems: &mut Problems) {
    let message = "this kind is not supported yet and has no effect";
    problems.push(Diagnostic::warning("unsupported-kind", &kind.origin(), message));
}

/// Reads `metadata` and what is particular to the kind.
fn resource<T>(
    document: &Arc<Document>,
    default_namespace: Option<&str>,
    problems: &mut Problems,
    read: fn(Value<'_>, &mut Problems) -> Option<T>,
) -> Option<Resource<T>> {
    let root = document.root()?;
    let meta = root
        .mapping(problems)
        .and_then(|mut fields| fields.required("metadata", problems))
        .and_then(|metadata| Meta::read(metadata, default_namespace, problems));
    let spec = read(root, problems);
    Some(Resource { meta: meta?, spec: spec?, document: Arc::clone(document) })
}

/// The document of a list item. In a typed list, `HTTPRouteList` say, items need not say what
/// they are.
fn item_document(item: Value<'_>, api_version: &str, item_kind: &str) -> Document {
    let mut document = item.to_document();
    if matches!(item.kind(), Kind::Mapping) && !item_kind.is_empty() {
        let at = item.place();
        for (name, text) in [("apiVersion", api_version), ("kind", item_kind)] {
            if child(item, name).is_none() {
                let value = Kind::String(text.into());
                document.push(0, Step::Key(name.into()), value, at, at);
            }
        }
    }
    document
}

fn name_of(root: Value<'_>) -> Option<Value<'_>> {
    child(child(root, "metadata")?, "name")
}

fn child<'d>(value: Value<'d>, name: &str) -> Option<Value<'d>> {
    value.children().find(|child| child.key() == Some(name))
}

fn text(value: Value<'_>) -> Option<&str> {
    match value.kind() {
        Kind::String(text) => Some(text),
        _ => None,
    }
}

fn is_named(object: &ObjectRef) -> bool {
    !object.name.is_empty()
}
