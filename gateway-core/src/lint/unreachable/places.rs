//! Which routes are worth comparing.

use crate::rules::Reach;

/// Puts each route at a place: that of the literal text that its path begins with, or of its
/// expression where that is not a prefix in disguise. Above a place are the shorter texts that it
/// begins with, as far as there are patterns that hold for more than one path.
pub(super) struct Places {
    /// By route.
    of_routes: Vec<usize>,
    /// By place: the one above it.
    above: Vec<Option<usize>>,
}

impl Places {
    pub(super) fn of(reaches: &[Reach<'_>]) -> Self {
        let key = |at: usize| (reaches[at].head(), reaches[at].expression());
        let mut sorted: Vec<usize> = (0..reaches.len()).collect();
        sorted.sort_unstable_by_key(|&at| key(at));
        let mut of_routes = vec![0; reaches.len()];
        let mut above = Vec::new();
        // Places that are prefixes of each other, and of the place that is looked at.
        let mut open: Vec<(usize, &[u8])> = Vec::new();
        for routes in sorted.chunk_by(|&a, &b| key(a) == key(b)) {
            let (head, expression) = key(routes[0]);
            while open.pop_if(|(_, text)| !head.starts_with(text)).is_some() {}
            let place = above.len();
            above.push(open.last().map(|&(place, _)| place));
            if expression.is_none() && routes.iter().any(|&at| reaches[at].only().is_none()) {
                open.push((place, head));
            }
            routes.iter().for_each(|&at| of_routes[at] = place);
        }
        Self { of_routes, above }
    }

    pub(super) fn len(&self) -> usize {
        self.above.len()
    }

    /// The place of a route.
    pub(super) fn of_route(&self, at: usize) -> usize {
        self.of_routes[at]
    }

    /// The place and those above it, upwards.
    pub(super) fn above(&self, place: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(Some(place), |&place| self.above[place])
    }
}
