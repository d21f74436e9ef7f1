//! What pages of other origins may do (gateway-api §13.3).

use crate::origin::Origin;
use crate::resource::gateway_route::cors::{Cors as Written, CorsHost, CorsOrigin};
use crate::rules::{Cors, CorsGrant, CorsNames, OriginHost, OriginPattern};
use http::HeaderValue;

pub(super) fn lower(written: &Written, origin: Origin) -> Cors {
    Cors::Granted(CorsGrant {
        origins: origins(written),
        credentials: written.credentials,
        methods: names(&written.methods),
        headers: names(&written.headers),
        expose: names(&written.expose),
        max_age: written.max_age,
        origin,
    })
}

/// `None` for everybody. A list that is empty, or whose entries match no page, is for nobody.
fn origins(written: &Written) -> Option<Vec<OriginPattern>> {
    let patterns = written.origins.iter().map(|origin| match &origin.value {
        CorsOrigin::Any => None,
        CorsOrigin::Pattern { https, host, port } => Some(OriginPattern {
            https: *https,
            host: match host {
                CorsHost::Any => OriginHost::Any,
                CorsHost::Exact(name) => OriginHost::Exact(name.clone()),
                CorsHost::Under(suffix) => OriginHost::Under(suffix.clone()),
            },
            port: port.unwrap_or(if *https { 443 } else { 80 }),
        }),
    });
    patterns.collect()
}

fn names(written: &[Box<str>]) -> CorsNames {
    if written.iter().any(|name| **name == *"*") {
        return CorsNames::Any;
    }
    match HeaderValue::try_from(written.join(", ")) {
        Ok(list) if !list.is_empty() => CorsNames::Listed(list),
        // Tokens are always a header value.
        _ => CorsNames::Unsaid,
    }
}
