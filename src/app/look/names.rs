//! What things are called on the screen.

use crate::diffusion::Method;

/// The name of a method on the screen.
pub fn method_name(method: Method) -> &'static str {
    match method {
        Method::Standard => "Standard",
        Method::Storm => "STORM",
    }
}
