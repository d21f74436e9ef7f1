//! Envoy's dynamic modules, as far as this one needs them: the one place with unsafe code.
//!
//! Envoy publishes its ABI as a C header. What is used of it is declared here by hand, as of ABI
//! [`VERSION`], which is Envoy 1.40: `callbacks` is what Envoy has for modules, `hooks` what it calls.
//! Everything else of this crate sees [`Stream`] and [`Selection`], which are safe.

#![expect(unsafe_code, reason = "Envoy is spoken to in C")]

mod callbacks;
mod hooks;

use callbacks::{EnvoyBuffer, EnvoyHeader, ModuleBuffer, ModuleHeader};
use std::ffi::{CStr, c_void};
use std::marker::PhantomData;
use std::ptr;
use std::time::Duration;

/// The version of the ABI. Envoy only warns where its own is another one, so tests ask whether the two
/// agree.
const VERSION: &CStr = c"v0.2.0";

/// How much a line of the log matters.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Level {
    Info = 2,
    Warn = 3,
    Error = 4,
}

/// Writes a line to Envoy's log, under `dynamic_modules`.
pub(crate) fn log(level: Level, text: &str) {
    // SAFETY: the text is read during the call.
    unsafe { callbacks::envoy_dynamic_module_callback_log(level as u32, text.into()) }
}

/// Which header of a stream.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Side {
    Request = 0,
    Response = 2,
}

/// What Envoy knows of a stream besides its headers: numbers of its attributes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Attribute {
    /// `HTTP/1.1`.
    Protocol = 10,
    /// The client's address and port.
    SourceAddress = 24,
    /// The address and port that the client is connected to.
    DestinationAddress = 26,
    /// The server name that was given when TLS began, if a listener filter has looked for it.
    ServerName = 30,
    /// `TLSv1.3`.
    TlsVersion = 31,
}

/// Lines of a header: names and values.
pub(crate) type Lines<'a> = [(&'a [u8], &'a [u8])];

/// A stream, during one of the calls that Envoy makes about it.
pub(crate) struct Stream<'e> {
    envoy: *mut c_void,
    during: PhantomData<&'e ()>,
}

impl Stream<'_> {
    /// # Safety
    ///
    /// `envoy` is what Envoy has given to the hook that runs, and `Self` ends before it does.
    unsafe fn new(envoy: *mut c_void) -> Self {
        Self { envoy, during: PhantomData }
    }

    /// Hands every line of a header to `each`, pseudo-headers included.
    pub(crate) fn each_header(&self, side: Side, mut each: impl FnMut(&[u8], &[u8])) {
        // SAFETY: the stream lives as long as `self`.
        let count = unsafe {
            callbacks::envoy_dynamic_module_callback_http_get_headers_size(self.envoy, side as u32)
        };
        let mut lines = vec![EnvoyHeader::NONE; count];
        // SAFETY: there is room for as many lines as there are; nothing was changed since.
        let known = unsafe {
            callbacks::envoy_dynamic_module_callback_http_get_headers(
                self.envoy,
                side as u32,
                lines.as_mut_ptr(),
            )
        };
        for line in lines.iter().filter(|_| known) {
            // SAFETY: Envoy has just filled it in; `each` has no stream to change it by.
            let (name, value) = unsafe { (line.name(), line.value()) };
            each(name, value);
        }
    }

    /// Puts one line in the place of all of this name; none of them is left for `None`.
    pub(crate) fn set_header(&mut self, side: Side, name: &[u8], value: Option<&[u8]>) {
        let value = value.map_or(ModuleBuffer::NULL, Into::into);
        // SAFETY: the stream lives as long as `self`; name and value are copied.
        unsafe {
            callbacks::envoy_dynamic_module_callback_http_set_header(
                self.envoy,
                side as u32,
                name.into(),
                value,
            );
        }
    }

    /// Adds a line.
    pub(crate) fn add_header(&mut self, side: Side, name: &[u8], value: &[u8]) {
        // SAFETY: as in `set_header`.
        unsafe {
            callbacks::envoy_dynamic_module_callback_http_add_header(
                self.envoy,
                side as u32,
                name.into(),
                value.into(),
            );
        }
    }

    /// An attribute, if it is known.
    pub(crate) fn text(&self, attribute: Attribute) -> Option<Vec<u8>> {
        let mut found = EnvoyBuffer::NULL;
        // SAFETY: the stream lives as long as `self`; there is room for the result.
        let known = unsafe {
            callbacks::envoy_dynamic_module_callback_http_filter_get_attribute_string(
                self.envoy,
                attribute as u32,
                &mut found,
            )
        };
        // SAFETY: Envoy has just filled it in.
        known.then(|| unsafe { found.octets() }.to_vec())
    }

    /// Leaves a note for the cluster specifier.
    pub(crate) fn note(&mut self, text: &str) {
        // SAFETY: the stream lives as long as `self`; the text is copied.
        unsafe {
            callbacks::envoy_dynamic_module_callback_http_set_dynamic_metadata_string(
                self.envoy,
                NAMESPACE.into(),
                NOTE.into(),
                text.into(),
            );
        }
    }

    /// Asks the cluster specifier again.
    pub(crate) fn choose_cluster_again(&mut self) {
        // SAFETY: the stream lives as long as `self`.
        unsafe {
            callbacks::envoy_dynamic_module_callback_http_clear_route_cluster_cache(self.envoy);
        }
    }

    /// How many octets of the request's body have come with this call.
    pub(crate) fn received(&self) -> usize {
        const RECEIVED_REQUEST_BODY: u32 = 0;
        // SAFETY: the stream lives as long as `self`.
        unsafe {
            callbacks::envoy_dynamic_module_callback_http_get_body_size(
                self.envoy,
                RECEIVED_REQUEST_BODY,
            )
        }
    }

    /// Answers a request of which nothing has been answered yet, with exactly this header.
    pub(crate) fn answer(&mut self, header: &Lines<'_>, body: &[u8]) {
        let mut lines: Vec<ModuleHeader> = header.iter().map(ModuleHeader::from).collect();
        // SAFETY: the stream lives as long as `self`; lines and body are copied.
        unsafe {
            callbacks::envoy_dynamic_module_callback_http_send_response_headers(
                self.envoy,
                lines.as_mut_ptr(),
                lines.len(),
                body.is_empty(),
            );
            if !body.is_empty() {
                callbacks::envoy_dynamic_module_callback_http_send_response_data(
                    self.envoy,
                    body.into(),
                    true,
                );
            }
        }
    }

    /// Answers in place of whatever answer is under way.
    pub(crate) fn answer_instead(&mut self, status: u16, header: &Lines<'_>, body: &[u8]) {
        let mut lines: Vec<ModuleHeader> = header.iter().map(ModuleHeader::from).collect();
        // SAFETY: as in `answer`.
        unsafe {
            callbacks::envoy_dynamic_module_callback_http_send_response(
                self.envoy,
                status.into(),
                lines.as_mut_ptr(),
                lines.len(),
                body.into(),
                NAMESPACE.into(),
            );
        }
    }
}

/// What notes and answers of this module are filed under.
const NAMESPACE: &str = "gateway";
const NOTE: &str = "decided";

/// The choice of a cluster for a stream.
pub(crate) struct Selection<'e> {
    envoy: *mut c_void,
    during: PhantomData<&'e ()>,
}

impl Selection<'_> {
    /// # Safety
    ///
    /// As of [`Stream::new`].
    unsafe fn new(envoy: *mut c_void) -> Self {
        Self { envoy, during: PhantomData }
    }

    /// The note that was left for the stream.
    pub(crate) fn noted(&self) -> Option<String> {
        let mut found = EnvoyBuffer::NULL;
        // SAFETY: the selection lives as long as `self`; there is room for the result.
        let known = unsafe {
            callbacks::envoy_dynamic_module_callback_cluster_specifier_get_dynamic_metadata(
                self.envoy,
                NAMESPACE.into(),
                NOTE.into(),
                &mut found,
            )
        };
        // SAFETY: Envoy has just filled it in.
        let text = known.then(|| unsafe { found.octets() }.to_vec());
        text.and_then(|text| String::from_utf8(text).ok())
    }

    /// Chooses a cluster.
    pub(crate) fn set_cluster(&mut self, name: &str) {
        // SAFETY: the selection lives as long as `self`; the name is copied.
        unsafe {
            callbacks::envoy_dynamic_module_callback_cluster_specifier_set_cluster_name(
                self.envoy,
                name.into(),
            );
        }
    }

    /// How long the answer may take; zero for no limit.
    pub(crate) fn set_timeout(&mut self, most: Duration) {
        let most = u64::try_from(most.as_millis()).unwrap_or(u64::MAX);
        // SAFETY: the selection lives as long as `self`.
        unsafe {
            callbacks::envoy_dynamic_module_callback_cluster_specifier_set_timeout(
                self.envoy, most,
            );
        }
    }

    /// What is answered where there is no such cluster.
    pub(crate) fn set_missing(&mut self, status: u16) {
        // SAFETY: the selection lives as long as `self`.
        unsafe {
            callbacks::envoy_dynamic_module_callback_cluster_specifier_set_cluster_not_found_response_code(
                self.envoy,
                status.into(),
            );
        }
    }
}

impl From<&[u8]> for ModuleBuffer {
    fn from(octets: &[u8]) -> Self {
        Self { ptr: octets.as_ptr(), length: octets.len() }
    }
}

impl From<&str> for ModuleBuffer {
    fn from(text: &str) -> Self {
        text.as_bytes().into()
    }
}

impl From<&(&[u8], &[u8])> for ModuleHeader {
    fn from((name, value): &(&[u8], &[u8])) -> Self {
        Self { name: (*name).into(), value: (*value).into() }
    }
}

impl ModuleBuffer {
    const NULL: Self = Self { ptr: ptr::null(), length: 0 };
}

impl EnvoyBuffer {
    const NULL: Self = Self { ptr: ptr::null(), length: 0 };

    /// # Safety
    ///
    /// Envoy has filled it in, and changes nothing of it while the result is in use.
    unsafe fn octets<'a>(&self) -> &'a [u8] {
        if self.ptr.is_null() || self.length == 0 {
            return &[];
        }
        // SAFETY: the caller vouches for the octets.
        unsafe { std::slice::from_raw_parts(self.ptr, self.length) }
    }
}

impl EnvoyHeader {
    const NONE: Self = Self { name: EnvoyBuffer::NULL, value: EnvoyBuffer::NULL };

    /// # Safety
    ///
    /// As of [`EnvoyBuffer::octets`].
    unsafe fn name<'a>(&self) -> &'a [u8] {
        // SAFETY: the caller vouches for it.
        unsafe { self.name.octets() }
    }

    /// # Safety
    ///
    /// As of [`EnvoyBuffer::octets`].
    unsafe fn value<'a>(&self) -> &'a [u8] {
        // SAFETY: the caller vouches for it.
        unsafe { self.value.octets() }
    }
}
