//! The tables that answer a request, read-only.
