//! The text that Prometheus reads (exposition format 0.0.4).

use super::histogram::Durations;
use std::fmt::{self, Write};

/// Names and values of labels.
pub(super) type Labels<'a> = &'a [(&'a str, &'a str)];

/// Text that is being written.
#[derive(Default)]
pub(super) struct Text(pub(super) String);

impl Text {
    /// Begins the samples of a name. `kind` is `counter`, `gauge` or `histogram`.
    pub(super) fn head(&mut self, name: &str, kind: &str, help: &str) {
        self.put(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
    }

    pub(super) fn sample(&mut self, name: &str, labels: Labels<'_>, value: u64) {
        self.labelled(name, labels);
        self.put(format_args!(" {value}\n"));
    }

    pub(super) fn float(&mut self, name: &str, labels: Labels<'_>, value: f64) {
        self.labelled(name, labels);
        self.put(format_args!(" {value}\n"));
    }

    /// The samples of a histogram, in seconds.
    pub(super) fn histogram(&mut self, name: &str, labels: Labels<'_>, durations: &Durations) {
        let bucket = format!("{name}_bucket");
        for (bound, count) in durations.cumulated() {
            let labels: Vec<_> = labels.iter().copied().chain([("le", bound)]).collect();
            self.sample(&bucket, &labels, count);
        }
        self.float(&format!("{name}_sum"), labels, durations.sum as f64 / 1e6);
        self.sample(&format!("{name}_count"), labels, durations.count());
    }

    fn labelled(&mut self, name: &str, labels: Labels<'_>) {
        self.0.push_str(name);
        for (i, (label, text)) in labels.iter().enumerate() {
            self.put(format_args!("{}{label}=\"", if i == 0 { '{' } else { ',' }));
            for c in text.chars() {
                match c {
                    '\\' => self.0.push_str("\\\\"),
                    '"' => self.0.push_str("\\\""),
                    '\n' => self.0.push_str("\\n"),
                    c => self.0.push(c),
                }
            }
            self.0.push('"');
        }
        if !labels.is_empty() {
            self.0.push('}');
        }
    }

    fn put(&mut self, text: fmt::Arguments<'_>) {
        self.0.write_fmt(text).expect("writing to a string never fails");
    }
}
