//! LoRAs into the weights of a model, and out of them again.
//!
//! Every tensor that a LoRA touched, or touches now, is read anew from the mapped
//! checkpoint, with what the LoRAs of now add to it. So after any number of
//! changes the weights depend on the LoRAs of now alone, to the last bit.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::ldm_names::LdmNames;
use super::super::stable_diffusion::StableDiffusion;
use super::super::weights::{Adjusted, WeightPlan};
use super::contribution::Contribution;
use super::error::LoraError;
use super::file::LoraFile;
use super::module_names::{SECOND_TEXT_ENCODER, TEXT_ENCODER, UNET, module_of};

/// A LoRA that is part of a model's weights.
#[derive(Debug, Clone)]
pub struct MergedLora {
    pub file: Arc<LoraFile>,
    /// How strongly it acts in the text encoder and in the UNet.
    pub weights: [f64; 2],
}

impl MergedLora {
    /// Whether both change a model alike.
    fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.file, &other.file) && self.weights == other.weights
    }
}

/// What is added to each parameter of a network.
pub(in crate::checkpoint) type Additions = BTreeMap<String, Vec<Contribution>>;

impl StableDiffusion {
    /// The LoRAs that are part of its weights.
    pub fn loras(&self) -> &[MergedLora] {
        &self.loras
    }

    /// Makes exactly these LoRAs part of the weights; those with weight 0 do nothing.
    /// Nothing is computed where they are there already.
    ///
    /// # Errors
    /// [`LoraError`]. All are checked before anything changes; where a weight leaves the
    /// range of its type, the LoRAs of before come back. After
    /// [`LoraError::Device`] nobody knows what the weights are.
    pub fn set_loras(&mut self, loras: Vec<MergedLora>) -> Result<(), LoraError> {
        let is_there = loras.len() == self.loras.len()
            && loras.iter().zip(&self.loras).all(|(a, b)| a.is_same(b));
        if is_there {
            return Ok(());
        }
        let additions = self.additions(&loras)?;
        let touched = |network: usize| -> BTreeSet<String> {
            let old = self.touched[network].iter();
            old.chain(additions[network].keys()).cloned().collect()
        };
        let rebuilt = [0, 1, 2].map(touched);
        if let Err(error) = self.rebuild(&rebuilt, &additions) {
            let before = self.additions(&self.loras)?;
            self.rebuild(&rebuilt, &before)?;
            return Err(error);
        }
        self.touched = additions.map(|additions| additions.keys().cloned().collect());
        self.loras = loras;
        Ok(())
    }

    /// What `loras` add to text encoder, UNet and second text encoder, all numbers read
    /// and checked.
    fn additions(&self, loras: &[MergedLora]) -> Result<[Arc<Additions>; 3], LoraError> {
        let encoders = &self.text_encoders;
        let second = encoders.second.as_ref();
        let second = second.map(|encoder| (SECOND_TEXT_ENCODER, encoder.weights()));
        let networks = [
            (TEXT_ENCODER, encoders.first.weights()),
            (UNET, &self.unet_weights),
        ];
        let networks = networks.into_iter().chain(second);
        let original = LdmNames::of_unet(&self.description.unet_config);
        let mut targets: BTreeMap<String, (usize, &str, &[usize])> = BTreeMap::new();
        for (index, (network, plan)) in networks.enumerate() {
            for (parameter, shape) in plan.parameters() {
                // Trainers for Stable Diffusion XL go by the original code's names.
                let original = (network == UNET).then(|| original.unet(parameter));
                let names = [Some(parameter.to_owned()), original];
                let modules = names.into_iter().flatten();
                for module in modules.filter_map(|name| module_of(network, &name)) {
                    targets.insert(module, (index, parameter, shape));
                }
            }
        }
        let mut additions: [Additions; 3] = Default::default();
        for lora in loras {
            self.check_family(&lora.file)?;
            let modules = lora.file.modules.iter();
            let mut unknown = modules.filter(|(module, _)| !targets.contains_key(*module));
            if let Some((_, first)) = unknown.next() {
                return Err(LoraError::UnknownModule {
                    file: lora.file.shown_name(),
                    module: first.spelled.clone(),
                    count: 1 + unknown.count(),
                });
            }
            for (name, module) in &lora.file.modules {
                let (network, parameter, shape) = targets[name];
                let weight = lora.weights[usize::from(network == 1)];
                let read = Contribution::read(&lora.file, module, weight, shape)?;
                if weight != 0.0 {
                    let parameter = parameter.to_string();
                    additions[network].entry(parameter).or_default().push(read);
                }
            }
        }
        Ok(additions.map(Arc::new))
    }

    fn check_family(&self, file: &LoraFile) -> Result<(), LoraError> {
        let width = self.description.unet_config.cross_attention_dim;
        let is_other = file.context_width().is_some_and(|it| it != width);
        let made_for = file.made_for();
        let has_one_encoder = self.description.second_text_encoder.is_none();
        let made_for_xl = has_one_encoder && made_for.as_deref() == Some("Stable Diffusion XL");
        match made_for {
            Some(made_for) if is_other || made_for_xl => Err(LoraError::OtherFamily {
                file: file.shown_name(),
                made_for,
                model: self.description.family.to_string(),
            }),
            _ => Ok(()),
        }
    }

    /// Reads the `touched` parameters of the networks anew, with `additions`.
    fn rebuild(
        &mut self,
        touched: &[BTreeSet<String>; 3],
        additions: &[Arc<Additions>; 3],
    ) -> Result<(), LoraError> {
        let weight_type = self.weight_type;
        let encoders = &mut self.text_encoders;
        let encoders = [
            (0, Some(&mut encoders.first)),
            (2, encoders.second.as_mut()),
        ];
        for (index, encoder) in encoders {
            let is_touched = !touched[index].is_empty();
            if let Some(encoder) = encoder.filter(|_| is_touched) {
                let added = encoder.add(&touched[index], Arc::clone(&additions[index]));
                added.map_err(overflow)?;
            }
        }
        if !touched[1].is_empty() {
            // A network that holds nothing takes the place of the one in work, whose old
            // tensors go one by one.
            let empty = self.description.unet_config.init(&self.device);
            let network = std::mem::replace(&mut self.unet, empty);
            let adjust = adjusted(&self.unet_weights, &touched[1], &additions[1]);
            let (network, failure) = adjust.rebuild(network, weight_type);
            self.unet = network;
            failure.map_or(Ok(()), |failure| Err(overflow(failure)))?;
        }
        Ok(())
    }
}

/// The `touched` parameters of a network, to be read anew with `additions`.
pub(in crate::checkpoint) fn adjusted<'a>(
    plan: &'a WeightPlan,
    touched: &'a BTreeSet<String>,
    additions: &'a Additions,
) -> Adjusted<'a> {
    Adjusted {
        plan,
        touched,
        change: Box::new(move |parameter, numbers: &mut Vec<f32>| {
            let Some(additions) = additions.get(parameter) else {
                return false;
            };
            let base = numbers.clone();
            for addition in additions {
                addition.add_to(numbers, &base);
            }
            true
        }),
    }
}

/// A checkpoint's numbers were finite when it was loaded, so they are not with the LoRAs.
fn overflow(failure: super::super::CheckpointError) -> LoraError {
    use super::super::CheckpointError::{Device, NotFinite};
    match failure {
        NotFinite {
            tensor,
            weight_type,
            ..
        } => LoraError::Overflow {
            tensor,
            weight_type,
        },
        Device(message) => LoraError::Device(message),
        other => LoraError::File(other),
    }
}
