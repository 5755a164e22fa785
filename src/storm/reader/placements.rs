//! Where every object is to lie, seen from a reading.

use super::Reader;
use crate::storm::frame::Frame;
use crate::storm::objective::Reading;
use crate::storm::placement::{Body, Placement, place};
use crate::storm::target::blob;

impl Reader {
    /// Where every object is to lie, seen from where a reading found them; empty
    /// where nothing but relations and places is asked for.
    pub fn placements(&self, frame: Frame, centroids: &[[f64; 2]]) -> Vec<Placement> {
        if !self.layout.has_distributions() {
            return Vec::new();
        }
        place(
            frame,
            &self.layout,
            &self.target_gaps,
            self.usual,
            centroids,
        )
    }

    /// The same, with a blob of this deviation, a fraction of the shorter side, at every
    /// target where nothing but relations and places is asked for.
    pub fn all_placements(
        &self,
        frame: Frame,
        reading: &Reading,
        deviation: f64,
    ) -> Vec<Placement> {
        let placements = self.placements_of(frame, reading);
        if !placements.is_empty() {
            return placements;
        }
        let deviation = deviation * frame.shorter_side();
        let objects = reading.objects.iter().enumerate();
        objects
            .map(|(index, object)| {
                let centre = frame.from_fractions(object.target);
                let body = Body {
                    centre,
                    extent: 2.0 * deviation,
                };
                // What was given its place is held to it.
                let homes = match self.layout.targets.of(index) {
                    Some(_) => Vec::new(),
                    None => vec![body.away(frame, false)],
                };
                Placement {
                    homes,
                    bodies: vec![body],
                    spread: Some(blob(frame, centre, deviation)),
                    region: None,
                    is_filled: false,
                    only_fills: false,
                }
            })
            .collect()
    }

    /// Where every object is to lie, seen from the reading itself.
    pub fn placements_of(&self, frame: Frame, reading: &Reading) -> Vec<Placement> {
        let centroids = reading.objects.iter();
        let centroids: Vec<[f64; 2]> = centroids
            .map(|object| frame.from_fractions(object.centroid))
            .collect();
        self.placements(frame, &centroids)
    }
}
