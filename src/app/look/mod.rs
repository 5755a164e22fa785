//! What everything looks like: colours, type, icons, marks, names and keys.

pub mod buttons;
pub mod fonts;
pub mod icons;
pub mod keys;
pub mod marks;
pub mod names;
pub mod theme;
