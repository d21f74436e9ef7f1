//! The routes of a host: a few of all kinds, and large structures of one kind.

use super::Source;
use super::paths::{affixed, crossing, template, wide};
use super::pool::{self, DIGITS, LIKE_API, PATHS, SIMPLE_PATHS};
use super::rules::Maker;
use crate::build;
use gateway_core::rules::{
    Action, Boundary, Condition, Field, PathPattern, PathTemplate, Regex, Route,
};
use http::StatusCode;
use std::sync::Arc;

impl Maker<'_, '_> {
    /// Mostly few. What is large is made up from a seed, so that it takes few octets.
    pub(super) fn routes(&mut self) -> Vec<Route> {
        let kind = self.source.below(64);
        if kind < 40 {
            return self.few();
        }
        let mut noise = self.source.fork();
        let mut maker = Maker { source: &mut noise, origins: self.origins };
        let mut routes = maker.block(kind);
        if maker.source.once_in(3) {
            let other = maker.source.between(40, 59);
            routes.extend(maker.block(other));
            routes.extend(maker.few());
            maker.mix(&mut routes);
        }
        self.origins = maker.origins;
        routes
    }

    fn block(&mut self, kind: usize) -> Vec<Route> {
        match kind {
            40..44 => self.of_one_path(),
            44..47 => self.of_paths(6, 40, crossing),
            47 => self.of_paths(20, 60, wide),
            48..53 => self.of_paths(4, 24, affixed),
            53..57 => self.nested(),
            57 | 58 => self.with_value_expressions(9, 30),
            59 | 60 => self.with_path_expressions(9, 30),
            61 => self.with_value_expressions(65, 100),
            62 => self.with_path_expressions(65, 100),
            _ => self.few(),
        }
    }

    /// Another order, but for routes that stand for those before them.
    fn mix(&mut self, routes: &mut [Route]) {
        let stays = |route: &Route| matches!(route.action, Action::Unmatched { .. });
        if !routes.iter().any(stays) {
            self.source.shuffle(routes);
        }
    }

    fn few(&mut self) -> Vec<Route> {
        let mut routes = Vec::new();
        for _ in 0..self.source.below(8) {
            if self.source.once_in(5) {
                self.push_alternatives(&mut routes);
            } else {
                let route = self.route();
                routes.push(route);
            }
        }
        routes
    }

    /// Routes of one path, and the one that says what holds where none of them does.
    fn push_alternatives(&mut self, routes: &mut Vec<Route>) {
        let path = self.path();
        let alternatives = 1 + self.source.below(3) as u32;
        for _ in 0..alternatives {
            let mut route = Route { path: path.clone(), ..self.route() };
            if self.source.once_in(2) {
                let method = self.source.pick(&["GET", "POST"]);
                route.conditions.push(Condition::equals(Field::Method, method));
            }
            routes.push(route);
        }
        let action = Action::Unmatched { alternatives };
        routes.push(Route::new(path, Vec::new(), action, self.origin()));
    }

    pub(super) fn route(&mut self) -> Route {
        let path = self.path();
        let conditions = self.conditions();
        let action = self.action(0);
        let policies = self.policies();
        Route { policies, ..Route::new(path, conditions, action, self.origin()) }
    }

    fn path(&mut self) -> PathPattern {
        if self.source.once_in(8) {
            let simple = self.source.below(SIMPLE_PATHS);
            return PathPattern::Regex(PATHS[simple].regex.clone());
        }
        let template = if self.source.once_in(4) { affixed } else { template };
        self.templated(template)
    }

    /// A template as one of the three kinds of patterns.
    fn templated(&mut self, template: fn(&mut Source<'_>) -> PathTemplate) -> PathPattern {
        let template = template(self.source);
        match self.source.below(7) {
            0..2 => {
                let boundary = Boundary::Segment;
                PathPattern::Prefix { template: template.without_final_slash(), boundary }
            }
            2..4 => PathPattern::Prefix { template, boundary: Boundary::Byte },
            _ => PathPattern::Exact(template),
        }
    }

    /// A route of a large structure.
    fn member(&mut self, path: PathPattern, conditions: Vec<Condition>) -> Route {
        let origin = self.origin();
        let action = Action::Respond(Arc::new(build::respond(StatusCode::OK, origin.clone())));
        Route::new(path, conditions, action, origin)
    }

    /// Conditions that often fail.
    fn a_condition_sometimes(&mut self) -> Vec<Condition> {
        if !self.source.once_in(3) {
            return Vec::new();
        }
        let field = self.common_field();
        vec![self.one_of_many(&field)]
    }

    /// Many routes of one path: told apart by one field, or by several.
    fn of_one_path(&mut self) -> Vec<Route> {
        let path = self.path();
        let fields: Vec<Field> =
            (0..1 + self.source.below(3)).map(|_| self.common_field()).collect();
        let count = self.source.between(9, 40);
        let mut routes = Vec::new();
        for _ in 0..count {
            let field = fields[self.source.below(fields.len())].clone();
            let mut conditions = vec![self.one_of_many(&field)];
            if self.source.once_in(4) {
                let field = self.common_field();
                conditions.push(self.one_of_many(&field));
            }
            if self.source.once_in(8) {
                let method = self.source.pick(&["GET", "POST"]);
                conditions.push(Condition::equals(Field::Method, method));
            }
            if self.source.once_in(40) {
                conditions.clear();
            }
            routes.push(self.member(path.clone(), conditions));
        }
        routes
    }

    fn of_paths(
        &mut self,
        least: usize,
        most: usize,
        template: fn(&mut Source<'_>) -> PathTemplate,
    ) -> Vec<Route> {
        let count = self.source.between(least, most);
        let mut routes = Vec::new();
        for _ in 0..count {
            let path = self.templated(template);
            let conditions = self.a_condition_sometimes();
            routes.push(self.member(path, conditions));
        }
        routes
    }

    /// Prefixes of prefixes, the longer ones mostly first.
    fn nested(&mut self) -> Vec<Route> {
        let depth = self.source.between(3, 24);
        let segments: Vec<&str> =
            (0..depth).map(|_| self.source.pick(&["a", "b", "ab", "{}"])).collect();
        let mut routes = Vec::new();
        for length in (0..=depth).rev() {
            let mut text = String::new();
            for (at, segment) in segments[..length].iter().enumerate() {
                text.push('/');
                text.push_str(&segment.replace("{}", &format!("{{p{at}}}")));
            }
            if text.is_empty() || self.source.once_in(4) {
                text.push('/');
            }
            let template = PathTemplate::parse(&text).expect("whole parameters");
            let path = match self.source.below(3) {
                0 => PathPattern::Exact(template),
                1 => PathPattern::Prefix { template, boundary: Boundary::Byte },
                _ => {
                    let template = template.without_final_slash();
                    PathPattern::Prefix { template, boundary: Boundary::Segment }
                }
            };
            let field = self.common_field();
            let mut conditions = self.a_condition_sometimes();
            conditions.push(self.one_of_many(&field));
            if self.source.once_in(6) {
                conditions.clear();
            }
            routes.push(self.member(path, conditions));
        }
        if self.source.once_in(3) {
            self.source.shuffle(&mut routes);
        }
        routes
    }

    /// Many routes of one path, each with an expression on one field.
    fn with_value_expressions(&mut self, least: usize, most: usize) -> Vec<Route> {
        let path = self.path();
        let field = match self.source.below(4) {
            0 => self.common_field(),
            1 => self.source.pick(&[|| Field::Query, || Field::Host, || Field::RequestLine])(),
            _ => Field::Header("x-a".into()),
        };
        let count = self.source.between(least, most);
        let conditions = self.expressions_on(&field, count);
        let extra = self.source.once_in(2);
        let member = |condition| {
            let mut conditions = vec![condition];
            if extra && self.source.once_in(3) {
                let field = self.common_field();
                conditions.push(self.one_of_many(&field));
            }
            if self.source.once_in(8) {
                conditions.reverse();
            }
            self.member(path.clone(), conditions)
        };
        conditions.into_iter().map(member).collect()
    }

    /// Many routes with an expression for a path, mostly with one literal in common.
    fn with_path_expressions(&mut self, least: usize, most: usize) -> Vec<Route> {
        let known = match self.source.below(4) {
            0 => &PATHS[LIKE_API.end - DIGITS..LIKE_API.end],
            1 => &PATHS[..],
            _ => &PATHS[LIKE_API],
        };
        let count = self.source.between(least, most);
        let some: Vec<&Regex> = pool::some(known, count, self.source).collect();
        let member = |regex: &Regex| {
            let conditions = self.a_condition_sometimes();
            self.member(PathPattern::Regex(regex.clone()), conditions)
        };
        some.into_iter().map(member).collect()
    }
}
