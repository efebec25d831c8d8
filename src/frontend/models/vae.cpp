#include "frontend/models/vae.h"

#include "frontend/models/module_builder.h"
#include "frontend/models/resnet.h"

namespace tempera::frontend {
namespace {

constexpr double kEpsilon = 1e-6;  // of every norm of the VAE

ValueId vae_resnet(ModuleBuilder& m, const VaeConfig& config, int64_t index, ValueId x,
                   int64_t channels) {
  return resnet(m, fmt::format("resnets.{}", index), x, kAbsent,
                {channels, config.norm_num_groups, kEpsilon, config.act_fn});
}

// Attention of one head over all places of x [n, c, h, w].
ValueId attend(ModuleBuilder& m, const VaeConfig& config, ValueId x) {
  graph::GraphBuilder& b = m.b;
  const auto scope = b.scope("attentions.0");
  const Shape shape = b.shape(x);
  const int64_t channels = shape[1];
  const ValueId flat = b.reshape(x, {shape[0], channels, shape[2] * shape[3]});
  const ValueId tokens =
      b.transpose(m.group_norm("group_norm", flat, config.norm_num_groups, kEpsilon), {0, 2, 1});
  const ValueId q = m.linear("to_q", tokens, channels);
  const ValueId k = m.linear("to_k", tokens, channels);
  const ValueId v = m.linear("to_v", tokens, channels);
  const ValueId out = m.linear("to_out.0", b.attention(q, k, v, {.heads = 1}), channels);
  return b.mark(b.add(b.reshape(b.transpose(out, {0, 2, 1}), shape), x));
}

ValueId mid_block(ModuleBuilder& m, const VaeConfig& config, ValueId x) {
  const auto scope = m.b.scope("mid_block");
  const int64_t channels = config.block_out_channels.back();
  x = vae_resnet(m, config, 0, x, channels);
  if (config.mid_block_add_attention) x = attend(m, config, x);
  return m.b.mark(vae_resnet(m, config, 1, x, channels));
}

ValueId norm_and_conv_out(ModuleBuilder& m, const VaeConfig& config, ValueId x, int64_t channels) {
  x = m.b.silu(m.group_norm("conv_norm_out", x, config.norm_num_groups, kEpsilon));
  m.b.mark(m.b.path("conv_act"), x);
  return m.conv3x3("conv_out", x, channels);
}

ValueId down_block(ModuleBuilder& m, const VaeConfig& config, size_t index, ValueId x) {
  const auto scope = m.b.scope(fmt::format("down_blocks.{}", index));
  const int64_t channels = config.block_out_channels[index];
  for (int64_t i = 0; i < config.layers_per_block; ++i) x = vae_resnet(m, config, i, x, channels);
  if (index + 1 < config.block_out_channels.size()) x = downsample(m, x, channels, 0);
  return m.b.mark(x);
}

ValueId up_block(ModuleBuilder& m, const VaeConfig& config, size_t index, ValueId x) {
  const auto scope = m.b.scope(fmt::format("up_blocks.{}", index));
  const size_t last = config.block_out_channels.size() - 1;
  const int64_t channels = config.block_out_channels[last - index];
  for (int64_t i = 0; i < config.layers_per_block + 1; ++i)
    x = vae_resnet(m, config, i, x, channels);
  if (index < last) x = upsample(m, x, 2 * m.b.shape(x)[2], 2 * m.b.shape(x)[3]);
  return m.b.mark(x);
}

// The parts of a decoder and an encoder, each from the output of the one before.

ValueId decode_global(ModuleBuilder& m, const VaeConfig& config, ValueId x) {
  if (config.use_post_quant_conv) x = m.conv1x1("post_quant_conv", x, config.latent_channels);
  const auto scope = m.b.scope("decoder");
  x = m.conv3x3("conv_in", x, config.block_out_channels.back());
  return mid_block(m, config, x);
}

ValueId decode_local(ModuleBuilder& m, const VaeConfig& config, ValueId x) {
  const auto scope = m.b.scope("decoder");
  for (size_t i = 0; i < config.block_out_channels.size(); ++i) x = up_block(m, config, i, x);
  return m.b.mark(norm_and_conv_out(m, config, x, config.out_channels));
}

ValueId encode_local(ModuleBuilder& m, const VaeConfig& config, ValueId x) {
  const auto scope = m.b.scope("encoder");
  x = m.conv3x3("conv_in", x, config.block_out_channels.front());
  for (size_t i = 0; i < config.block_out_channels.size(); ++i) x = down_block(m, config, i, x);
  return x;
}

ValueId encode_global(ModuleBuilder& m, const VaeConfig& config, ValueId x) {
  {
    const auto scope = m.b.scope("encoder");
    x = mid_block(m, config, x);
    x = m.b.mark(norm_and_conv_out(m, config, x, 2 * config.latent_channels));
  }
  return config.use_quant_conv ? m.conv1x1("quant_conv", x, 2 * config.latent_channels) : x;
}

Status check_halving(const VaeConfig& config, const ComponentSize& size) {
  const int64_t least = downscaling(config);
  if (size.height >= least && size.width >= least) return {};
  return error(ErrorCode::invalid_argument,
               "an image of {} x {} is too small for this VAE, which needs at least {} x {}",
               size.height, size.width, least, least);
}

}  // namespace

Result<ComponentGraph> build_vae_decoder(const VaeConfig& config, const Weights& weights,
                                         const ComponentSize& size, VaePart part) {
  TRY(check_picture(size));
  ModuleBuilder m(weights, size.circular);
  const auto input = [&](const char* name, int64_t channels) {
    return m.b.input(name, DType::f32, {size.batch, channels, size.height, size.width},
                     graph::Rate::step);
  };
  ValueId x = part == VaePart::local ? input("features", config.block_out_channels.back())
                                     : input("latent", config.latent_channels);
  if (part != VaePart::local) x = decode_global(m, config, x);
  if (part == VaePart::local) m.share_moments();
  if (part != VaePart::global) x = decode_local(m, config, x);
  m.b.output(part == VaePart::global ? "features" : "image", x);
  return std::move(m).finish();
}

Result<ComponentGraph> build_vae_encoder(const VaeConfig& config, const Weights& weights,
                                         const ComponentSize& size, VaePart part) {
  TRY(check_picture(size));
  TRY(check_halving(config, size));
  ModuleBuilder m(weights, size.circular);
  const auto input = [&](const char* name, int64_t channels, int64_t scale) {
    return m.b.input(name, DType::f32,
                     {size.batch, channels, size.height / scale, size.width / scale},
                     graph::Rate::step);
  };
  ValueId x = part == VaePart::global
                  ? input("features", config.block_out_channels.back(), downscaling(config))
                  : input("image", config.in_channels, 1);
  if (part == VaePart::local) m.share_moments();
  if (part != VaePart::global) x = encode_local(m, config, x);
  if (part != VaePart::local) x = encode_global(m, config, x);
  m.b.output(part == VaePart::local ? "features" : "moments", x);
  return std::move(m).finish();
}

}  // namespace tempera::frontend
