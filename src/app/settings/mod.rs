//! The left of the window: the model and every setting of the next request.

pub mod lora_settings;
mod model_panel;
mod sampler_settings;
pub mod setting_row;
pub mod settings_panel;
mod size_settings;
pub mod storm_settings;
pub mod sweep_settings;
pub mod text_row;
