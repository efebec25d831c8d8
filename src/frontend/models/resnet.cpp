#include "frontend/models/resnet.h"

namespace tempera::frontend {
namespace {

// The projected time embedding, as a bias of each channel [n, channels, 1, 1].
ValueId time_bias(ModuleBuilder& m, ValueId time, const ResnetOptions& options) {
  const ValueId projected =
      m.linear("time_emb_proj", m.activation(options.activation, time), options.out_channels);
  return m.b.reshape(projected, {m.b.shape(projected)[0], options.out_channels, 1, 1});
}

}  // namespace

ValueId resnet(ModuleBuilder& m, std::string_view layer, ValueId x, ValueId time,
               const ResnetOptions& options) {
  graph::GraphBuilder& b = m.b;
  const auto scope = b.scope(layer);
  ValueId h =
      m.activation(options.activation, m.group_norm("norm1", x, options.groups, options.epsilon));
  h = m.conv3x3("conv1", h, options.out_channels);
  if (time != kAbsent) h = b.add(h, time_bias(m, time, options));
  h = m.activation(options.activation, m.group_norm("norm2", h, options.groups, options.epsilon));
  b.mark(b.path("nonlinearity"), h);
  h = m.conv3x3("conv2", h, options.out_channels);
  if (b.shape(x)[1] != options.out_channels)
    x = m.conv1x1("conv_shortcut", x, options.out_channels);
  const ValueId sum = b.add(x, h);
  return b.mark(options.output_scale == 1 ? sum : b.div(sum, options.output_scale));
}

ValueId downsample(ModuleBuilder& m, ValueId x, int64_t out_channels, int64_t padding) {
  const auto scope = m.b.scope("downsamplers.0");
  const std::vector<int64_t> pads =
      padding == 0 ? std::vector<int64_t>{0, 0, 1, 1} : std::vector<int64_t>(4, padding);
  return m.b.mark(m.conv("conv", x, out_channels, 3, {.stride = 2, .pads = pads}));
}

ValueId upsample(ModuleBuilder& m, ValueId x, int64_t height, int64_t width) {
  const auto scope = m.b.scope("upsamplers.0");
  const int64_t channels = m.b.shape(x)[1];
  return m.b.mark(m.conv3x3("conv", m.b.upsample_nearest(x, {height, width}), channels));
}

}  // namespace tempera::frontend
