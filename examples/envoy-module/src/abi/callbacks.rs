//! What Envoy has for modules. Names, types and orders of arguments are Envoy's.

use std::ffi::c_void;

/// Octets of Envoy's.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct EnvoyBuffer {
    pub(super) ptr: *const u8,
    pub(super) length: usize,
}

/// Octets of this module's.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct ModuleBuffer {
    pub(super) ptr: *const u8,
    pub(super) length: usize,
}

/// A header line of Envoy's.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct EnvoyHeader {
    pub(super) name: EnvoyBuffer,
    pub(super) value: EnvoyBuffer,
}

/// A header line of this module's.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct ModuleHeader {
    pub(super) name: ModuleBuffer,
    pub(super) value: ModuleBuffer,
}

unsafe extern "C" {
    pub(super) fn envoy_dynamic_module_callback_log(level: u32, message: ModuleBuffer);

    pub(super) fn envoy_dynamic_module_callback_http_get_headers_size(
        stream: *mut c_void,
        side: u32,
    ) -> usize;
    pub(super) fn envoy_dynamic_module_callback_http_get_headers(
        stream: *mut c_void,
        side: u32,
        lines: *mut EnvoyHeader,
    ) -> bool;
    pub(super) fn envoy_dynamic_module_callback_http_set_header(
        stream: *mut c_void,
        side: u32,
        name: ModuleBuffer,
        value: ModuleBuffer,
    ) -> bool;
    pub(super) fn envoy_dynamic_module_callback_http_add_header(
        stream: *mut c_void,
        side: u32,
        name: ModuleBuffer,
        value: ModuleBuffer,
    ) -> bool;
    pub(super) fn envoy_dynamic_module_callback_http_filter_get_attribute_string(
        stream: *mut c_void,
        attribute: u32,
        result: *mut EnvoyBuffer,
    ) -> bool;
    pub(super) fn envoy_dynamic_module_callback_http_set_dynamic_metadata_string(
        stream: *mut c_void,
        namespace: ModuleBuffer,
        key: ModuleBuffer,
        value: ModuleBuffer,
    );
    pub(super) fn envoy_dynamic_module_callback_http_clear_route_cluster_cache(stream: *mut c_void);
    pub(super) fn envoy_dynamic_module_callback_http_get_body_size(
        stream: *mut c_void,
        body: u32,
    ) -> usize;
    pub(super) fn envoy_dynamic_module_callback_http_send_response_headers(
        stream: *mut c_void,
        lines: *mut ModuleHeader,
        count: usize,
        end: bool,
    );
    pub(super) fn envoy_dynamic_module_callback_http_send_response_data(
        stream: *mut c_void,
        data: ModuleBuffer,
        end: bool,
    );
    pub(super) fn envoy_dynamic_module_callback_http_send_response(
        stream: *mut c_void,
        status: u32,
        lines: *mut ModuleHeader,
        count: usize,
        body: ModuleBuffer,
        details: ModuleBuffer,
    );

    pub(super) fn envoy_dynamic_module_callback_cluster_specifier_get_dynamic_metadata(
        selection: *mut c_void,
        namespace: ModuleBuffer,
        key: ModuleBuffer,
        result: *mut EnvoyBuffer,
    ) -> bool;
    pub(super) fn envoy_dynamic_module_callback_cluster_specifier_set_cluster_name(
        selection: *mut c_void,
        name: ModuleBuffer,
    );
    pub(super) fn envoy_dynamic_module_callback_cluster_specifier_set_timeout(
        selection: *mut c_void,
        milliseconds: u64,
    );
    pub(super) fn envoy_dynamic_module_callback_cluster_specifier_set_cluster_not_found_response_code(
        selection: *mut c_void,
        status: u32,
    ) -> bool;
}
