use super::*;
use std::collections::BTreeSet;

#[test]
fn failures_are_numbered_in_the_order_of_their_list() {
    for (i, failure) in Failure::ALL.into_iter().enumerate() {
        assert_eq!(failure as usize, i, "{failure:?}");
    }
}

#[test]
fn names_of_former_tables_are_forgotten_once_they_are_many() {
    let metrics = WorkerMetrics::default();
    let labels = |n: u32| RouteLabels { route: n.to_string().into(), ..RouteLabels::default() };
    let (in_use, service) = (metrics.route(labels(7)), ServiceName::new("default", "tea"));
    let counted = metrics.service(&service);
    metrics.service(&ServiceName::new("default", "gone"));
    for n in 0..10 {
        metrics.route(labels(n)).count(200, Duration::ZERO);
    }
    let left = || {
        let names = metrics.names();
        (names.routes.len(), names.durations.len(), names.services.len())
    };
    metrics.forget_unused(12);
    assert_eq!(left(), (10, 10, 2));
    metrics.forget_unused(11);
    assert_eq!(left(), (1, 1, 1));
    assert!(Arc::ptr_eq(&in_use, &metrics.route(labels(7))), "goes on counting");
    assert!(Arc::ptr_eq(&counted, &metrics.service(&service)), "goes on counting");
}

#[test]
fn threads_are_summed_and_labels_escaped() {
    let labels = |rule: &str| RouteLabels {
        listener: "a".into(),
        owner: "VirtualServer default/a".into(),
        route: "VirtualServerRoute default/b".into(),
        rule: rule.into(),
        service: "default/tea".into(),
    };
    let workers = [Arc::new(WorkerMetrics::default()), Arc::new(WorkerMetrics::default())];
    for worker in &workers {
        worker.route(labels("r\"\\1\n\"")).count(404, Duration::from_millis(3));
        worker.route(labels("r2")).count(299, Duration::from_millis(4));
        worker.failure(Failure::Timeout);
        worker.upstream_connection(true);
        let service = worker.service(&ServiceName::new("default", "tea"));
        service.answered(StatusCode::OK, Duration::from_secs(2));
        service.retried();
    }
    let _open = workers[0].connection();
    let mut reloads = ReloadCounts::default();
    reloads.succeed();
    reloads.succeed();
    reloads.fail();
    let text = render(&workers, reloads, Told::default());
    let samples = parse(&text);
    let route =
        r#"listener="a",owner="VirtualServer default/a",route="VirtualServerRoute default/b""#;
    for line in [
        &*format!(
            r#"gateway_requests_total{{{route},rule="r\"\\1\n\"",service="default/tea",code="404"}} 2"#
        ),
        &format!(
            r#"gateway_requests_total{{{route},rule="r2",service="default/tea",code="2xx"}} 2"#
        ),
        // All rules of an object share one histogram.
        r#"gateway_request_duration_seconds_bucket{route="VirtualServerRoute default/b",le="0.0025"} 0"#,
        r#"gateway_request_duration_seconds_bucket{route="VirtualServerRoute default/b",le="0.005"} 4"#,
        r#"gateway_request_duration_seconds_sum{route="VirtualServerRoute default/b"} 0.014"#,
        r#"gateway_upstream_requests_total{service="default/tea",code="200"} 2"#,
        r#"gateway_upstream_request_duration_seconds_count{service="default/tea"} 2"#,
        r#"gateway_retries_total{service="default/tea"} 2"#,
        r#"gateway_upstream_failures_total{reason="timeout"} 2"#,
        "gateway_upstream_connections_reused_total 2",
        "gateway_connections_active 1",
        "gateway_config_generation 2",
        "gateway_config_reloads_total 1",
        "gateway_config_reload_failures_total 1",
        "gateway_config_last_reload_successful 0",
    ] {
        assert!(text.lines().any(|l| l == line), "{line}\n{text}");
    }
    for name in [
        "gateway_build_info",
        "gateway_config_last_reload_success_timestamp_seconds",
        "process_cpu_seconds_total",
        "process_max_fds",
        "process_open_fds",
        "process_resident_memory_bytes",
        "process_start_time_seconds",
        "process_virtual_memory_bytes",
    ] {
        let found = samples.iter().find(|sample| sample.name == name);
        let least = if name == "process_cpu_seconds_total" { 0.0 } else { 1.0 };
        assert!(found.is_some_and(|sample| sample.value >= least), "{name}\n{text}");
    }
}

struct Sample {
    name: String,
    labels: Vec<(String, String)>,
    value: f64,
}

/// Reads exposition text, and takes nothing that the format does not allow: each name has its help
/// and type once and before its samples, which stand together, each with labels of its own;
/// histograms go up to `+Inf`, which is their count.
fn parse(text: &str) -> Vec<Sample> {
    assert!(text.ends_with('\n'));
    let (mut samples, mut seen) = (Vec::<Sample>::new(), BTreeSet::new());
    let (mut helped, mut family, mut kind) = (None, String::new(), String::new());
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, help) = help.split_once(' ').unwrap();
            assert!(!help.is_empty() && !help.contains('\\'), "{line}");
            helped = Some(name.to_owned());
        } else if let Some(typed) = line.strip_prefix("# TYPE ") {
            let (name, of_kind) = typed.split_once(' ').unwrap();
            assert_eq!(helped.take().as_deref(), Some(name), "{line}");
            assert!(["counter", "gauge", "histogram"].contains(&of_kind), "{line}");
            assert!(seen.insert(name.to_owned()), "twice: {line}");
            assert_eq!(of_kind == "counter", name.ends_with("_total"), "{line}");
            (family, kind) = (name.to_owned(), of_kind.to_owned());
        } else {
            let sample = sample(line);
            let suffix = sample.name.strip_prefix(&family).unwrap_or_else(|| panic!("{line}"));
            let suffixes = match &*kind {
                "histogram" => &["_bucket", "_sum", "_count"][..],
                _ => &[""],
            };
            assert!(suffixes.contains(&suffix), "{line}");
            let is_same = |s: &Sample| s.name == sample.name && s.labels == sample.labels;
            assert!(!samples.iter().any(is_same), "twice: {line}");
            if suffix == "_bucket" {
                let last = samples.last().filter(|last| last.name == sample.name);
                let is_next = last.is_some_and(|last| last.labels.last().unwrap().1 != "+Inf");
                assert!(!is_next || last.unwrap().value <= sample.value, "{line}");
            } else if suffix == "_count" {
                let all = &samples[samples.len() - 2];
                assert_eq!(all.labels.last().unwrap().1, "+Inf", "{line}");
                assert_eq!(all.value, sample.value, "{line}");
            }
            samples.push(sample);
        }
    }
    samples
}

fn sample(line: &str) -> Sample {
    let is_name = |text: &str| {
        let mut octets = text.bytes();
        octets.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
            && octets.all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    let end = line.find(['{', ' ']).unwrap();
    let (name, mut rest) = line.split_at(end);
    assert!(is_name(name), "{line}");
    let mut labels = Vec::new();
    while let Some(label) = rest.strip_prefix(['{', ',']) {
        let (label, quoted) = label.split_once("=\"").unwrap();
        assert!(is_name(label), "{line}");
        let (mut value, mut chars) = (String::new(), quoted.char_indices());
        let end = loop {
            match chars.next().unwrap() {
                (_, '\\') => value.push(match chars.next().unwrap().1 {
                    'n' => '\n',
                    c @ ('\\' | '"') => c,
                    c => panic!("\\{c} in {line}"),
                }),
                (at, '"') => break at,
                (_, c) => value.push(c),
            }
        };
        labels.push((label.to_owned(), value));
        rest = &quoted[end + 1..];
    }
    if !labels.is_empty() {
        rest = rest.strip_prefix('}').unwrap_or_else(|| panic!("{line}"));
    }
    let value = rest.strip_prefix(' ').unwrap().parse().unwrap();
    Sample { name: name.to_owned(), labels, value }
}
