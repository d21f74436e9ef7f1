//! Features of the Gateway API that this proxy carries out.

use gateway_core::FEATURES;

/// Those that are decided and not carried out yet: what is created in a cluster.
const NOT_YET: [&str; 1] = ["GatewayInfrastructurePropagation"];

/// The names of the features that the proxy supports, for the status of GatewayClasses.
pub fn supported_features() -> Vec<Box<str>> {
    let supported = FEATURES.iter().filter(|name| !NOT_YET.contains(name));
    supported.map(|&name| name.into()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_supported_is_known() {
        // gateway-api §27
        assert!(NOT_YET.iter().all(|name| FEATURES.contains(name)));
        assert_eq!(supported_features().len(), FEATURES.len() - NOT_YET.len());
    }
}
