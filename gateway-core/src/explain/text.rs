//! An explanation for people.

use super::{Considered, Explanation, Failure, HeaderChange, HeaderOperation, SplitSummary};
use crate::origin::Origin;
use std::fmt::{self, Display, Formatter};

impl Display for Explanation {
    /// Several lines, the last one ended: the outcome first, then its reasons.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.write_outcome(f)?;
        line(f, "listener", self.listener.as_ref())?;
        line(f, "host", self.host.as_ref())?;
        for host in &self.hosts {
            writeln!(f, "  asked {}, of {}", host.hostname, Place(&host.origin))?;
        }
        if let Some(route) = &self.route {
            writeln!(f, "route: {}", Place(&route.origin))?;
            writeln!(f, "  path {}", route.path)?;
            route.conditions.iter().try_for_each(|text| writeln!(f, "  {text}"))?;
        }
        line(f, "match path", self.match_path.as_ref())?;
        line(f, "forward path", self.forward_path.as_ref())?;
        line(f, "target", self.target.as_ref())?;
        line(f, "host header", self.host_header.as_ref())?;
        self.splits.iter().try_for_each(|split| write_split(f, split))?;
        list(f, "splits that do not apply", &self.passed_over)?;
        write_changes(f, "request header", &self.request_headers)?;
        write_changes(f, "response header", &self.response_headers)?;
        list(f, "nearest", &self.nearest)?;
        list(f, "considered", &self.considered)?;
        if self.left_out > 0 {
            writeln!(f, "  and {} more", self.left_out)?;
        }
        Ok(())
    }
}

impl Explanation {
    fn write_outcome(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.outcome.as_str())?;
        if let Some(status) = self.status {
            write!(f, " {}", status.as_u16())?;
        }
        if let (Some(service), Some(port)) = (&self.service, self.port) {
            write!(f, " to {service}:{port}")?;
        }
        if let Some(location) = &self.location {
            write!(f, " to {location}")?;
        }
        if let Some(reason) = &self.reason {
            write!(f, ": {reason}")?;
        }
        writeln!(f)?;
        let allow = (!self.allow.is_empty()).then(|| self.allow.join(", "));
        line(f, "allow", allow.as_ref())
    }
}

fn line(f: &mut Formatter<'_>, name: &str, value: Option<&String>) -> fmt::Result {
    value.map_or(Ok(()), |value| writeln!(f, "{name}: {value}"))
}

fn list(f: &mut Formatter<'_>, title: &str, entries: &[Considered]) -> fmt::Result {
    if !entries.is_empty() {
        writeln!(f, "{title}:")?;
    }
    entries.iter().try_for_each(|considered| writeln!(f, "  {considered}"))
}

fn write_split(f: &mut Formatter<'_>, split: &SplitSummary) -> fmt::Result {
    writeln!(f, "split: {}", Place(&split.origin))?;
    if let Some(root) = &split.root {
        write!(f, "  of {root}")?;
        match &split.matched {
            Some(matched) => writeln!(f, ", because of {}", Place(matched))?,
            None => writeln!(f, ", for every request")?,
        }
    }
    for (index, candidate) in split.candidates.iter().enumerate() {
        let mark = if split.chosen == Some(index) { '*' } else { ' ' };
        write!(f, "  {mark} {} weight {}", candidate.name, candidate.weight)?;
        match candidate.left_out {
            Some(reason) => writeln!(f, ", left out: {reason}")?,
            None => writeln!(f, ", {}..{}", candidate.range.start, candidate.range.end)?,
        }
    }
    split.point.map_or(Ok(()), |point| writeln!(f, "  drawn: {point}"))
}

fn write_changes(f: &mut Formatter<'_>, title: &str, changes: &[HeaderChange]) -> fmt::Result {
    if !changes.is_empty() {
        writeln!(f, "{title}:")?;
    }
    for HeaderChange { operation, name, value } in changes {
        let what = operation.as_str();
        match operation {
            HeaderOperation::DropAll => writeln!(f, "  {what}")?,
            HeaderOperation::Remove => writeln!(f, "  {what} {name}")?,
            _ => writeln!(f, "  {what} {name}: {value}")?,
        }
    }
    Ok(())
}

/// An origin with its place in a file, if it has one: `HTTPRoute shop/cart: spec (a.yaml:3:5)`.
struct Place<'o>(&'o Origin);

impl Display for Place<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self(origin) = self;
        write!(f, "{origin}")?;
        origin.span.as_ref().map_or(Ok(()), |span| write!(f, " ({span})"))
    }
}

impl Display for Considered {
    /// `HTTPRoute shop/cart: spec.rules[0]: path: wanted exactly `/tea`, got `/coffee``.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.failed {
            Some(failed) => write!(f, "{}: {failed}", Place(&self.origin)),
            None => write!(f, "{}: holds", Place(&self.origin)),
        }
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}: wanted {}, ", self.field, self.wanted)?;
        match &self.actual {
            Some(actual) => write!(f, "got `{actual}`"),
            None => f.write_str("got nothing"),
        }
    }
}
