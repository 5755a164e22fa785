//! LoRAs in the window: dropped, weighed, taken off, listed, missing.

use egui_kittest::kittest::Queryable;

use super::models::drop_on_window;
use super::{Studio, app, click, edit, studio, wait, wait_until_idle};
use crate::loras::runs::toybox_lora;

#[test]
fn a_dropped_lora_is_chosen_and_a_picture_is_made_with_it() {
    let folder = tempfile::tempdir().unwrap();
    toybox_lora(folder.path());
    let mut harness = studio(folder.path());
    drop_on_window(&mut harness, &folder.path().join("toys.safetensors"));
    wait(&mut harness, "the LoRA", |app| {
        !app.state().draft.settings.loras.is_empty()
    });
    click(&mut harness, "LoRA");
    harness.get_by_label("Weight of toys");
    edit(&mut harness, |content| {
        content.settings.steps = 2;
        content.settings.loras[0].weight = 0.5;
    });
    click(&mut harness, "Generate");
    wait_until_idle(&mut harness);
    let run = app(&harness).state().shown_run().unwrap();
    let picture = run.standard.picture.as_ref().unwrap();
    assert_eq!(picture.networks[0].name, "toys");
    assert_eq!(picture.networks[0].weights, [0.5, 0.5]);

    let chosen = |harness: &Studio| app(harness).state().draft.settings.loras[0].weights();
    click(&mut harness, "Weights of toys apart");
    harness.get_by_label("Text encoder's weight of toys");
    edit(&mut harness, |content| {
        content.settings.loras[0].text_encoder_weight = Some(0.25);
    });
    assert_eq!(chosen(&harness), [0.25, 0.5]);
    // Folded, the group says what is chosen.
    click(&mut harness, "LoRA");
    harness.get_by_label("toys 0.25:0.5");
    click(&mut harness, "LoRA");
    click(&mut harness, "Weights of toys apart");
    assert_eq!(chosen(&harness), [0.5, 0.5]);

    click(&mut harness, "Take off toys");
    assert!(app(&harness).state().draft.settings.loras.is_empty());
    // It is still known and can be chosen from the list.
    click(&mut harness, "toys");
    assert_eq!(app(&harness).state().draft.settings.loras[0].name, "toys");
}
