//! What everything looks like: colours, type, icons, and each object's colour and mark.

pub mod icons;
pub mod looks;
pub mod theme;
