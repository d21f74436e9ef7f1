//! Conditions that have a name of their own, for whoever refers to them.

use super::Condition;
use crate::origin::Origin;
use std::sync::Arc;

/// The matches of one or several HTTPRouteGroups, in order. What refers to a group shares its
/// matches, so that many splits of one large group need little room.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct GroupMatches {
    groups: Vec<Arc<[GroupMatch]>>,
}

impl GroupMatches {
    /// Those of `groups`, one after the other.
    pub fn new(groups: Vec<Arc<[GroupMatch]>>) -> Self {
        Self { groups }
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &GroupMatch> {
        self.groups.iter().flat_map(|group| group.iter())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.groups.iter().all(|group| group.is_empty())
    }

    /// The groups.
    pub(crate) fn groups(&self) -> &[Arc<[GroupMatch]>] {
        &self.groups
    }
}

impl FromIterator<GroupMatch> for GroupMatches {
    fn from_iter<I: IntoIterator<Item = GroupMatch>>(matches: I) -> Self {
        Self::new(vec![matches.into_iter().collect()])
    }
}

/// One match of an HTTPRouteGroup: all its conditions must hold.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupMatch {
    /// All of them must hold; none means every request (smi H-2).
    pub conditions: Vec<Condition>,
    /// Where it was written.
    pub origin: Origin,
}
