#include "frontend/models/transformer.h"

#include <cmath>
#include <optional>

namespace tempera::frontend {
namespace {

constexpr double kGroupNormEpsilon = 1e-6;  // of Transformer2DModel, whatever the UNet's norm_eps
constexpr double kLayerNormEpsilon = 1e-5;

ValueId to_tokens(graph::GraphBuilder& b, ValueId x) {
  const Shape shape = b.shape(x);
  return b.reshape(b.transpose(x, {0, 2, 3, 1}), {shape[0], shape[2] * shape[3], shape[1]});
}

ValueId to_picture(graph::GraphBuilder& b, ValueId x, const Shape& shape) {
  return b.transpose(b.reshape(x, {shape[0], shape[2], shape[3], shape[1]}), {0, 3, 1, 2});
}

ValueId attend(ModuleBuilder& m, std::string_view layer, ValueId x, ValueId source, int64_t heads) {
  const auto scope = m.b.scope(layer);
  const int64_t width = m.b.shape(x).back();
  const ValueId q = m.linear("to_q", x, width, false);
  const ValueId k = m.linear("to_k", source, width, false);
  const ValueId v = m.linear("to_v", source, width, false);
  return m.b.mark(m.linear("to_out.0", m.b.attention(q, k, v, {.heads = heads}), width));
}

// GEGLU: half of the projection times the GELU of the other half.
ValueId feed_forward(ModuleBuilder& m, ValueId x) {
  const auto scope = m.b.scope("ff");
  const int64_t width = m.b.shape(x).back(), inner = 4 * width;
  const std::vector<ValueId> halves = m.b.chunk(m.linear("net.0.proj", x, 2 * inner), -1, 2);
  const ValueId gated = m.b.mark(m.b.path("net.0"), m.b.mul(halves[0], m.b.gelu(halves[1])));
  return m.b.mark(m.linear("net.2", gated, width));
}

// How the block's tokens are merged; none where it is left alone.
std::optional<TokenMatch> match_block(ModuleBuilder& m, ValueId x, const TokenGrid& grid,
                                      const TransformerOptions& options) {
  const int64_t tokens = grid.height * grid.width;
  const auto downsample = static_cast<int64_t>(
      std::ceil(std::sqrt(static_cast<double>(options.latent_places / tokens))));
  const auto merged = static_cast<int64_t>(static_cast<double>(tokens) * options.merging.ratio);
  if (merged < 1 || downsample > options.merging.max_downsample) return std::nullopt;
  const auto scope = m.b.scope("token_merging");
  return match_tokens(m.b, x, grid, merged);
}

// x plus a layer's output for its norm, computed for merged tokens where there is a match.
template <typename Layer>
ValueId residual(ModuleBuilder& m, std::string_view norm, ValueId x,
                 const std::optional<TokenMatch>& match, const Layer& layer) {
  const ValueId normalised = m.layer_norm(norm, x, kLayerNormEpsilon);
  if (!match) return m.b.add(layer(normalised), x);
  return m.b.add(unmerge_tokens(m.b, *match, layer(merge_tokens(m.b, *match, normalised))), x);
}

ValueId block(ModuleBuilder& m, ValueId x, ValueId text, const TokenGrid& grid,
              const TransformerOptions& options) {
  const auto scope = m.b.scope("transformer_blocks.0");
  const std::optional<TokenMatch> match = match_block(m, x, grid, options), none;
  x = residual(m, "norm1", x, match, [&](ValueId h) {
    return attend(m, "attn1", h, options.only_cross_attention ? text : h, options.heads);
  });
  x = residual(m, "norm2", x, options.merging.cross_attention ? match : none,
               [&](ValueId h) { return attend(m, "attn2", h, text, options.heads); });
  return m.b.mark(residual(m, "norm3", x, options.merging.mlp ? match : none,
                           [&](ValueId h) { return feed_forward(m, h); }));
}

}  // namespace

ValueId transformer(ModuleBuilder& m, std::string_view layer, ValueId x, ValueId text,
                    const TransformerOptions& options) {
  graph::GraphBuilder& b = m.b;
  const auto scope = b.scope(layer);
  const Shape shape = b.shape(x);
  const int64_t channels = shape[1];
  const ValueId normalised = m.group_norm("norm", x, options.groups, kGroupNormEpsilon);
  ValueId h = options.linear_projection ? m.linear("proj_in", to_tokens(b, normalised), channels)
                                        : to_tokens(b, m.conv1x1("proj_in", normalised, channels));
  h = block(m, h, text, {.height = shape[2], .width = shape[3]}, options);
  h = options.linear_projection ? to_picture(b, m.linear("proj_out", h, channels), shape)
                                : m.conv1x1("proj_out", to_picture(b, h, shape), channels);
  return b.mark(b.add(h, x));
}

}  // namespace tempera::frontend
