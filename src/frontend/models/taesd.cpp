#include "frontend/models/taesd.h"

#include <fmt/format.h>

#include "frontend/models/module_builder.h"

namespace tempera::frontend {
namespace {

constexpr std::string_view kFirst = "taesd.layers.0.weight";
constexpr int kBlocks[] = {3, 3, 3, 1};  // before each of three upsamplings, and after the last
constexpr double kClamp = 3;             // latents beyond it are damped

ValueId relu(graph::GraphBuilder& b, ValueId x) { return b.op(graph::Op::relu, {x}); }

ValueId block(ModuleBuilder& m, int layer, ValueId x, int64_t channels) {
  const auto scope = m.b.scope(fmt::format("layers.{}", layer));
  ValueId y = relu(m.b, m.conv3x3("conv.0", x, channels));
  y = relu(m.b, m.conv3x3("conv.2", y, channels));
  return m.b.mark(relu(m.b, m.b.add(m.conv3x3("conv.4", y, channels), x)));
}

// The convolution behind an upsampling has no bias.
ValueId upsample(ModuleBuilder& m, int layer, ValueId x, int64_t channels) {
  const Shape& shape = m.b.shape(x);
  x = m.b.upsample_nearest(x, {2 * shape[2], 2 * shape[3]});
  const auto scope = m.b.scope(fmt::format("layers.{}", layer));
  return m.b.mark(m.b.conv(x, m.weight("weight", {channels, channels, 3, 3}), kAbsent, {.pad = 1}));
}

ValueId decode(ModuleBuilder& m, ValueId x, int64_t channels) {
  const auto scope = m.b.scope("taesd");
  x = m.b.mul(m.b.op(graph::Op::tanh, {m.b.div(x, kClamp)}), kClamp);
  x = relu(m.b, m.conv3x3("layers.0", x, channels));
  int layer = 2;  // activations and upsamplings are counted too
  for (const int blocks : kBlocks) {
    if (layer > 2) {
      x = upsample(m, layer + 1, x, channels);
      layer += 2;
    }
    for (int i = 0; i < blocks; ++i) x = block(m, layer++, x, channels);
  }
  return m.conv3x3(fmt::format("layers.{}", layer), x, 3);
}

}  // namespace

Result<ComponentGraph> build_taesd_decoder(const Weights& weights, int64_t latent_channels,
                                           double scaling_factor, const ComponentSize& size) {
  TRY(check_picture(size));
  const auto* first = weights.find(kFirst);
  CHECK(first != nullptr, "no TAESD decoder");
  const int64_t channels = first->shape.empty() ? 1 : std::max<int64_t>(1, first->shape[0]);
  ModuleBuilder m(weights);
  const ValueId latent =
      m.b.input("latent", DType::f32, {size.batch, latent_channels, size.height, size.width},
                graph::Rate::step);
  const ValueId image = decode(m, m.b.mul(latent, scaling_factor), channels);
  m.b.output("image", m.b.sub(m.b.mul(image, 2.0), 1.0));
  return std::move(m).finish();
}

}  // namespace tempera::frontend
