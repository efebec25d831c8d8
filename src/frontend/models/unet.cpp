#include "frontend/models/unet.h"

#include <cmath>

#include "frontend/models/module_builder.h"
#include "frontend/models/resnet.h"
#include "frontend/models/transformer.h"

namespace tempera::frontend {
namespace {

// What every block reads, and the outputs of the down blocks that the up blocks take, last first.
struct State {
  const UnetConfig& config;
  ModuleBuilder& m;
  const UnetOptions& options;
  int64_t latent_places;  // height times width
  ValueId time;
  ValueId text;
  std::vector<ValueId> skips;
  ValueId deep;
};

// The frequencies of diffusers' get_timestep_embedding, in its order of f32 operations: [1, half].
ValueId frequencies(graph::GraphBuilder& b, int64_t half, double freq_shift) {
  std::vector<float> values(half);
  const auto log_period = static_cast<float>(-std::log(10000.0));
  const auto divisor = static_cast<float>(static_cast<double>(half) - freq_shift);
  for (int64_t i = 0; i < half; ++i)
    values[i] = std::exp(log_period * static_cast<float>(i) / divisor);
  return b.literal(Tensor::of<float>(DType::f32, {1, half}, values));
}

ValueId project_time(graph::GraphBuilder& b, const UnetConfig& config, ValueId timestep) {
  const auto scope = b.scope("time_proj");
  const int64_t half = config.levels.front().channels / 2;
  const ValueId column = b.reshape(timestep, {b.shape(timestep)[0], 1});
  const ValueId angles = b.mul(column, frequencies(b, half, config.freq_shift));
  const ValueId sines = b.sin(angles), cosines = b.cos(angles);
  return b.mark(config.flip_sin_to_cos ? b.concat({cosines, sines}, -1)
                                       : b.concat({sines, cosines}, -1));
}

ValueId embed_time(ModuleBuilder& m, const UnetConfig& config, ValueId timestep) {
  const ValueId projected = project_time(m.b, config, timestep);
  const auto scope = m.b.scope("time_embedding");
  ValueId x = m.linear("linear_1", projected, config.time_embedding_dim);
  x = m.b.mark(m.b.path("act"), m.activation(config.act_fn, x));
  return m.b.mark(m.linear("linear_2", x, config.time_embedding_dim));
}

ValueId unet_resnet(State& s, int64_t index, ValueId x, int64_t channels, double output_scale = 1) {
  return resnet(
      s.m, fmt::format("resnets.{}", index), x, s.time,
      {channels, s.config.norm_num_groups, s.config.norm_eps, s.config.act_fn, output_scale});
}

ValueId unet_transformer(State& s, int64_t index, ValueId x, const UnetLevel& level,
                         bool only_cross_attention) {
  return transformer(s.m, fmt::format("attentions.{}", index), x, s.text,
                     {level.heads, s.config.norm_num_groups, s.config.use_linear_projection,
                      only_cross_attention, s.options.token_merging, s.latent_places});
}

ValueId down_block(State& s, size_t index, ValueId x) {
  const auto scope = s.m.b.scope(fmt::format("down_blocks.{}", index));
  const UnetLevel& level = s.config.levels[index];
  for (int64_t i = 0; i < level.layers; ++i) {
    x = unet_resnet(s, i, x, level.channels);
    if (s.config.down_has_attention[index])
      x = unet_transformer(s, i, x, level, level.only_cross_attention);
    s.skips.push_back(x);
  }
  if (index + 1 < s.config.levels.size()) {
    x = downsample(s.m, x, level.channels, s.config.downsample_padding);
    s.skips.push_back(x);
  }
  return s.m.b.mark(x);
}

ValueId mid_block(State& s, ValueId x) {
  const auto scope = s.m.b.scope("mid_block");
  const UnetLevel& level = s.config.levels.back();
  x = unet_resnet(s, 0, x, level.channels, s.config.mid_block_scale_factor);
  x = unet_transformer(s, 0, x, level, false);
  return s.m.b.mark(unet_resnet(s, 1, x, level.channels, s.config.mid_block_scale_factor));
}

ValueId take_skip(State& s, ValueId x) {
  const ValueId skip = s.skips.back();
  s.skips.pop_back();
  return s.m.b.concat({x, skip}, 1);
}

ValueId up_layer(State& s, size_t index, int64_t layer, ValueId x) {
  const UnetLevel& level = s.config.levels[s.config.levels.size() - 1 - index];
  x = unet_resnet(s, layer, take_skip(s, x), level.channels);
  if (!s.config.up_has_attention[index]) return x;
  return unet_transformer(s, layer, x, level, level.only_cross_attention);
}

ValueId up_block(State& s, size_t index, int64_t layers, ValueId x) {
  const auto scope = s.m.b.scope(fmt::format("up_blocks.{}", index));
  for (int64_t i = 0; i < layers; ++i) x = up_layer(s, index, i, x);
  if (index + 1 == s.config.levels.size()) return x;
  const Shape skip = s.m.b.shape(s.skips.back());
  return s.m.b.mark(upsample(s.m, x, skip[2], skip[3]));
}

// The input of the last up layer, but for its skip connection: of conv_in's shape, as every block
// has at least one layer and so every up block two.
ValueId deep_feature(State& s, ValueId x) {
  if (s.options.part == UnetPart::shallow)
    return s.m.b.input("deep", DType::f32, s.m.b.shape(x), graph::Rate::step);
  const size_t levels = s.config.levels.size();
  for (size_t i = 0; i < levels; ++i) x = down_block(s, i, x);
  if (s.config.has_mid_block) x = mid_block(s, x);
  for (size_t i = 0; i < levels; ++i) {
    const int64_t layers = s.config.levels[levels - 1 - i].layers + 1;
    x = up_block(s, i, i + 1 == levels ? layers - 1 : layers, x);
  }
  return x;
}

ValueId last_up_layer(State& s, ValueId x) {
  const size_t last = s.config.levels.size() - 1;
  const auto scope = s.m.b.scope(fmt::format("up_blocks.{}", last));
  return s.m.b.mark(up_layer(s, last, s.config.levels.front().layers, x));
}

ValueId predict(State& s, ValueId sample) {
  ModuleBuilder& m = s.m;
  const UnetConfig& config = s.config;
  if (config.center_input_sample) sample = m.b.sub(m.b.mul(sample, 2), 1);
  ValueId x = m.conv("conv_in", sample, config.levels.front().channels, config.conv_in_kernel,
                     {.pad = config.conv_in_kernel / 2});
  s.skips.push_back(x);
  s.deep = deep_feature(s, x);
  x = last_up_layer(s, s.deep);
  x = m.activation(config.act_fn,
                   m.group_norm("conv_norm_out", x, config.norm_num_groups, config.norm_eps));
  m.b.mark("conv_act", x);
  return m.conv("conv_out", x, config.out_channels, config.conv_out_kernel,
                {.pad = config.conv_out_kernel / 2});
}

// The rows of x, all of them `count` times one after another: as views, which passes sink to where
// rows differ.
ValueId repeat_rows(graph::GraphBuilder& b, ValueId x, int64_t count) {
  if (count == 1) return x;
  Shape shape = b.shape(x), whole = shape;
  whole[0] *= count;
  shape.insert(shape.begin(), 1);
  const ValueId one = b.reshape(x, shape);
  shape[0] = count;
  return b.reshape(b.broadcast_to(one, shape), whole);
}

// Without padding on the left and top a side of 1 cannot be halved.
Status check_halving(const UnetConfig& config, const ComponentSize& size) {
  const int64_t least =
      config.downsample_padding == 0 ? int64_t{1} << (config.levels.size() - 1) : 1;
  if (size.height >= least && size.width >= least) return {};
  return error(ErrorCode::invalid_argument,
               "a latent of {} x {} is too small for this UNet, which needs at least {} x {}",
               size.height, size.width, least, least);
}

}  // namespace

Result<ComponentGraph> build_unet(const UnetConfig& config, const Weights& weights,
                                  const ComponentSize& size, const UnetOptions& options) {
  TRY(check_picture(size));
  TRY(check_tokens(size));
  TRY(check_repeat(size));
  TRY(check_halving(config, size));
  ModuleBuilder m(weights, size.circular);
  graph::GraphBuilder& b = m.b;
  const int64_t rows = size.batch / size.repeat;
  const ValueId sample = b.input(
      "sample", DType::f32, {rows, config.in_channels, size.height, size.width}, graph::Rate::step);
  const ValueId timestep = b.input("timestep", DType::f32, {rows}, graph::Rate::step);
  const ValueId text =
      b.input("encoder_hidden_states", DType::f32,
              {size.batch, size.tokens, config.cross_attention_dim}, graph::Rate::prompt);
  State state{config,
              m,
              options,
              size.height * size.width,
              embed_time(m, config, repeat_rows(b, timestep, size.repeat)),
              text,
              {},
              kAbsent};
  b.output("sample", predict(state, repeat_rows(b, sample, size.repeat)));
  if (options.part == UnetPart::all_with_deep) b.output("deep", state.deep);
  return std::move(m).finish();
}

}  // namespace tempera::frontend
