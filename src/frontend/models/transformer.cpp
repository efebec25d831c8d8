#include "frontend/models/transformer.h"

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

ValueId block(ModuleBuilder& m, ValueId x, ValueId text, const TransformerOptions& options) {
  const auto scope = m.b.scope("transformer_blocks.0");
  const ValueId first = m.layer_norm("norm1", x, kLayerNormEpsilon);
  x = m.b.add(attend(m, "attn1", first, options.only_cross_attention ? text : first, options.heads),
              x);
  x = m.b.add(attend(m, "attn2", m.layer_norm("norm2", x, kLayerNormEpsilon), text, options.heads),
              x);
  return m.b.mark(m.b.add(feed_forward(m, m.layer_norm("norm3", x, kLayerNormEpsilon)), x));
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
  h = block(m, h, text, options);
  h = options.linear_projection ? to_picture(b, m.linear("proj_out", h, channels), shape)
                                : m.conv1x1("proj_out", to_picture(b, h, shape), channels);
  return b.mark(b.add(h, x));
}

}  // namespace tempera::frontend
