//! Why a layout can't be drawn, in words for the person who asked for it.

use thiserror::Error;

use super::super::object_target::{EXTENTS, MOST_COPIES};
use super::super::relation::{Axis, RelationKind};

/// Why a layout can't be drawn.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum LayoutError {
    /// There is no object.
    #[error("no object is chosen; choose at least one word of the prompt")]
    Empty,
    /// An object or attribute has no token.
    #[error("“{label}” has a word without tokens; choose its word in the prompt again")]
    NoTokens {
        /// The object.
        label: String,
    },
    /// A token position is the start token or can't hold a word.
    #[error(
        "“{label}” points at token {token}, which is not a word of the prompt; words stand at 1 to {last}"
    )]
    TokenOutOfRange {
        /// The object.
        label: String,
        /// The position.
        token: usize,
        /// Last position that can hold a word.
        last: usize,
    },
    /// A relation or free target names an object that does not exist.
    #[error("object number {index} does not exist; there are {count} objects")]
    UnknownObject {
        /// The index used.
        index: usize,
        /// Number of objects.
        count: usize,
    },
    /// A relation of an object with itself.
    #[error("“{label}” can't be {} itself; choose another object", kind.phrase())]
    SelfRelation {
        /// The object.
        label: String,
        /// The relation.
        kind: RelationKind,
    },
    /// Subject and object share a token.
    #[error("“{subject}” and “{object}” share token {token}; choose two different words")]
    SharedToken {
        /// The subject.
        subject: String,
        /// The object.
        object: String,
        /// The position they share.
        token: usize,
    },
    /// The relations along one axis contradict each other.
    #[error(
        "the relations contradict each other: {path}; remove one of them",
        path = describe_cycle(*axis, labels)
    )]
    Cycle {
        /// The axis.
        axis: Axis,
        /// The objects of the cycle, from left to right or top to bottom.
        labels: Vec<String>,
    },
    /// A place or region lies outside the picture.
    #[error("the place of “{label}” lies outside the picture; drag it back inside")]
    TargetOutside {
        /// The object.
        label: String,
    },
    /// Two targets for one object.
    #[error("“{label}” has two places; remove one of them")]
    TwoTargets {
        /// The object.
        label: String,
    },
    /// No copies, or more than can be placed.
    #[error("“{label}” can't be there {copies} times; 1 to {MOST_COPIES} can")]
    Copies {
        /// The object.
        label: String,
        /// The number asked for.
        copies: usize,
    },
    /// More places than copies.
    #[error(
        "“{label}” has {places} places for {copies} of it; take some away or ask for more copies"
    )]
    TooManyPlaces {
        /// The object.
        label: String,
        /// Places given.
        places: usize,
        /// Copies asked for.
        copies: usize,
    },
    /// An extent out of its range.
    #[error(
        "“{label}” can't be {percent:.0} % of the shorter side; {low:.0} to {high:.0} % can",
        low = 100.0 * EXTENTS.start(),
        high = 100.0 * EXTENTS.end()
    )]
    Extent {
        /// The object.
        label: String,
        /// The extent asked for.
        percent: f64,
    },
    /// A region without any room in it.
    #[error("the region of “{label}” is empty; draw it again or remove it")]
    EmptyRegion {
        /// The object.
        label: String,
    },
    /// A region that need neither be kept nor filled.
    #[error("the region of “{label}” asks for nothing; let it be kept to, or filled, or remove it")]
    IdleRegion {
        /// The object.
        label: String,
    },
    /// A region narrower or lower than one cell of the maps.
    #[error(
        "the region of “{label}” is finer than the model's attention, which has {columns} × {rows} \
         cells; make it at least {width:.0} % wide and {height:.0} % high",
        width = (100.0 / *columns as f64).ceil(),
        height = (100.0 / *rows as f64).ceil()
    )]
    RegionTooFine {
        /// The object.
        label: String,
        /// Columns of the maps.
        columns: usize,
        /// Rows of the maps.
        rows: usize,
    },
    /// Copies, or a size, that do not fit where they must lie.
    #[error(
        "there is no room for {} where it must lie; make its region larger or ask for {}",
        counted(label, *copies),
        if *copies > 1 { "fewer or smaller ones" } else { "a smaller one" }
    )]
    NoRoom {
        /// The object.
        label: String,
        /// Copies asked for.
        copies: usize,
    },
    /// A relation can't hold between an object and where another must be.
    #[error(
        "“{subject}” can't be {} “{object}” in the regions given; move one of them or remove the relation",
        kind.phrase()
    )]
    RegionsContradict {
        /// The subject.
        subject: String,
        /// The relation.
        kind: RelationKind,
        /// The object.
        object: String,
    },
    /// A relation can't hold between two objects whose places are given.
    #[error(
        "“{subject}” can't be {} “{object}” at the places given; move one of them or remove the relation",
        kind.phrase()
    )]
    TargetsContradict {
        /// The subject.
        subject: String,
        /// The relation.
        kind: RelationKind,
        /// The object.
        object: String,
    },
}

/// “cat”, or 3 × “cat”.
fn counted(label: &str, copies: usize) -> String {
    match copies {
        1 => format!("“{label}”"),
        copies => format!("{copies} × “{label}”"),
    }
}

fn describe_cycle(axis: Axis, labels: &[String]) -> String {
    let word = match axis {
        Axis::Horizontal => " left of ",
        Axis::Vertical => " above ",
    };
    let quoted: Vec<String> = labels
        .iter()
        .chain(labels.first())
        .map(|label| format!("“{label}”"))
        .collect();
    quoted.join(word)
}
