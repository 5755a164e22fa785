//! What the three pipelines share: how one is made, bound and drawn.

use wgpu::util::DeviceExt;

use super::Numbers;

/// Prepended to every shader.
const QUAD: &str = include_str!("../../shaders/quad.wgsl");

/// A picture ready to be drawn: its pipeline with everything bound.
pub struct Picture {
    pipeline: wgpu::RenderPipeline,
    bind_group: wgpu::BindGroup,
    part: wgpu::Buffer,
    /// Keeps a tensor's memory from being given to another.
    _numbers: Numbers,
}

impl Picture {
    /// Shows only a part from now on: its top left and its size, as fractions of
    /// the picture.
    pub fn show_part(&self, queue: &wgpu::Queue, corner: [f32; 2], size: [f32; 2]) {
        queue.write_buffer(&self.part, 0, bytemuck::bytes_of(&[corner, size]));
    }

    /// Draws into the pass's viewport, which the shown part fills.
    pub fn draw(&self, pass: &mut wgpu::RenderPass<'_>) {
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, &self.bind_group, &[]);
        pass.draw(0..3, 0..1);
    }
}

/// One of the shaders, compiled for one target format.
pub(super) struct Painter {
    pipeline: wgpu::RenderPipeline,
    layout: wgpu::BindGroupLayout,
}

impl Painter {
    /// Compiles `shader`, whose fragment stage is called `name`. `has_table`:
    /// whether it reads a second buffer, at binding 2.
    pub(super) fn new(
        device: &wgpu::Device,
        target: wgpu::TextureFormat,
        name: &str,
        shader: &str,
        has_table: bool,
    ) -> Self {
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some(name),
            source: wgpu::ShaderSource::Wgsl(format!("{QUAD}\n{shader}").into()),
        });
        let storage = wgpu::BufferBindingType::Storage { read_only: true };
        let uniform = wgpu::BufferBindingType::Uniform;
        let mut entries = vec![entry(0, uniform), entry(1, storage)];
        if has_table {
            entries.push(entry(2, storage));
        }
        entries.push(wgpu::BindGroupLayoutEntry {
            visibility: wgpu::ShaderStages::VERTEX,
            ..entry(3, uniform)
        });
        let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some(name),
            entries: &entries,
        });
        let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some(name),
            bind_group_layouts: &[Some(&layout)],
            immediate_size: 0,
        });
        let pipeline = device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
            label: Some(name),
            layout: Some(&pipeline_layout),
            vertex: wgpu::VertexState {
                module: &module,
                entry_point: Some("quad"),
                compilation_options: Default::default(),
                buffers: &[],
            },
            fragment: Some(wgpu::FragmentState {
                module: &module,
                entry_point: Some(name),
                compilation_options: Default::default(),
                targets: &[Some(wgpu::ColorTargetState {
                    format: target,
                    blend: Some(wgpu::BlendState::PREMULTIPLIED_ALPHA_BLENDING),
                    write_mask: wgpu::ColorWrites::ALL,
                })],
            }),
            primitive: Default::default(),
            depth_stencil: None,
            multisample: Default::default(),
            multiview_mask: None,
            cache: None,
        });
        Self { pipeline, layout }
    }

    /// Binds uniforms, numbers and table to a picture, which shows all of itself.
    pub(super) fn picture(
        &self,
        device: &wgpu::Device,
        uniforms: &[u8],
        numbers: &Numbers,
        table: Option<&wgpu::Buffer>,
    ) -> Picture {
        let uniforms = device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
            label: Some("uniforms"),
            contents: uniforms,
            usage: wgpu::BufferUsages::UNIFORM,
        });
        let part = device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
            label: Some("shown part"),
            contents: bytemuck::bytes_of(&[[0.0_f32, 0.0], [1.0, 1.0]]),
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
        });
        let bind = |binding, resource| wgpu::BindGroupEntry { binding, resource };
        let mut entries = vec![
            bind(0, uniforms.as_entire_binding()),
            bind(1, numbers.binding()),
        ];
        if let Some(table) = table {
            entries.push(bind(2, table.as_entire_binding()));
        }
        entries.push(bind(3, part.as_entire_binding()));
        Picture {
            pipeline: self.pipeline.clone(),
            bind_group: device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some("picture"),
                layout: &self.layout,
                entries: &entries,
            }),
            part: part.clone(),
            _numbers: numbers.clone(),
        }
    }
}

fn entry(binding: u32, ty: wgpu::BufferBindingType) -> wgpu::BindGroupLayoutEntry {
    wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::FRAGMENT,
        ty: wgpu::BindingType::Buffer {
            ty,
            has_dynamic_offset: false,
            min_binding_size: None,
        },
        count: None,
    }
}
