//! How a TrafficSplit names a Service (smi P-6).

/// The Service that `written` names, which is one of the split's own namespace.
pub(super) fn resolve<'t>(
    written: &'t str,
    namespace: &str,
    cluster_domain: &str,
) -> Result<&'t str, String> {
    let name = match qualified(written, cluster_domain) {
        Some((name, of)) if of == namespace => name,
        Some((name, of)) => {
            return Err(format!(
                "`{name}` is of namespace `{of}`; a TrafficSplit steers its own namespace \
                 `{namespace}` only"
            ));
        }
        None => written,
    };
    check(name)?;
    Ok(name)
}

/// Name and namespace of `name.<ns>.svc` and `name.<ns>.svc.<cluster domain>`. Anything else is a
/// name as it stands, dots included.
fn qualified<'t>(written: &'t str, cluster_domain: &str) -> Option<(&'t str, &'t str)> {
    written
        .strip_suffix(cluster_domain)
        .and_then(|rest| rest.strip_suffix(".svc."))
        .or_else(|| written.strip_suffix(".svc"))?
        .rsplit_once('.')
}

fn check(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("a service name is not empty".into());
    }
    if name.len() > 253 {
        return Err("a service name has at most 253 characters".into());
    }
    let is_label = |label: &str| {
        let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        !label.is_empty() && label.bytes().all(legal)
    };
    if name.split('.').all(is_label) {
        return Ok(());
    }
    Err(format!("`{name}` is not a service name: lower-case letters, digits, `-`, dots between"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_belong_to_the_name_unless_it_is_qualified() {
        // smi P-6
        for (written, want) in [
            ("tea", "tea"),
            ("tea.1", "tea.1"),
            ("tea.default", "tea.default"),
            ("tea.svc", "tea.svc"),
            ("tea.default.svc", "tea"),
            ("tea.1.default.svc", "tea.1"),
            ("tea.default.svc.cluster.local", "tea"),
            ("tea.default.svc.cluster.other", "tea.default.svc.cluster.other"),
            ("-tea-", "-tea-"),
        ] {
            assert_eq!(resolve(written, "default", "cluster.local"), Ok(want), "{written}");
        }
    }

    #[test]
    fn other_namespaces_and_bad_names_are_refused() {
        // smi P-5, P-6
        let long = "a".repeat(254);
        for (written, want) in [
            ("", "not empty"),
            ("tea.other.svc", "own namespace `default` only"),
            ("tea.other.svc.cluster.local", "`tea` is of namespace `other`"),
            (".default.svc", "not empty"),
            ("Tea", "`Tea` is not a service name"),
            ("tea/1", "not a service name"),
            ("tea..1", "not a service name"),
            ("tea.", "not a service name"),
            ("tea 1", "not a service name"),
            (&long, "at most 253"),
        ] {
            let error = resolve(written, "default", "cluster.local").unwrap_err();
            assert!(error.contains(want), "{written}: {error}");
        }
    }
}
