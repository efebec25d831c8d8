#include "frontend/models/clip_text.h"

#include "frontend/models/module_builder.h"

namespace tempera::frontend {
namespace {

// Ids from vocab_size on are rows of `added` [n, hidden_size], unless that is kAbsent.
ValueId embed_tokens(ModuleBuilder& m, const ClipTextConfig& config, ValueId ids, ValueId added) {
  graph::GraphBuilder& b = m.b;
  const ValueId table = m.weight("token_embedding.weight", {config.vocab_size, config.hidden_size});
  if (added == kAbsent) return b.gather(table, ids);
  const auto last = static_cast<double>(config.vocab_size - 1);
  const ValueId known =
      b.gather(table, b.op(graph::Op::minimum, {ids, b.scalar(last, DType::i32)}));
  const ValueId place = b.op(graph::Op::maximum, {b.sub(ids, last + 1), b.scalar(0, DType::i32)});
  const Shape column = {b.shape(ids)[0], b.shape(ids)[1], 1};
  const ValueId is_known = b.reshape(b.less(ids, b.scalar(last + 1, DType::i32)), column);
  return b.where(is_known, known, b.gather(added, place));
}

ValueId embed(ModuleBuilder& m, const ClipTextConfig& config, ValueId ids, ValueId added) {
  graph::GraphBuilder& b = m.b;
  const auto scope = b.scope("embeddings");
  const int64_t tokens = b.shape(ids)[1];
  const ValueId token = b.mark(b.path("token_embedding"), embed_tokens(m, config, ids, added));
  const ValueId places =
      m.weight("position_embedding.weight", {config.max_position_embeddings, config.hidden_size});
  const ValueId position =
      b.mark(b.path("position_embedding"),
             b.reshape(b.slice(places, 0, 0, tokens), {1, tokens, config.hidden_size}));
  return b.mark(b.add(token, position));
}

ValueId self_attention(ModuleBuilder& m, const ClipTextConfig& config, ValueId x) {
  const auto scope = m.b.scope("self_attn");
  const ValueId q = m.linear("q_proj", x, config.hidden_size);
  const ValueId k = m.linear("k_proj", x, config.hidden_size);
  const ValueId v = m.linear("v_proj", x, config.hidden_size);
  const ValueId seen =
      m.b.attention(q, k, v, {.heads = config.num_attention_heads, .causal = true});
  return m.b.mark(m.linear("out_proj", seen, config.hidden_size));
}

ValueId mlp(ModuleBuilder& m, const ClipTextConfig& config, ValueId x) {
  const auto scope = m.b.scope("mlp");
  const ValueId inner = m.linear("fc1", x, config.intermediate_size);
  return m.b.mark(m.linear("fc2", m.activation(config.hidden_act, inner), config.hidden_size));
}

ValueId layer(ModuleBuilder& m, const ClipTextConfig& config, ValueId x) {
  x = m.b.add(x, self_attention(m, config, m.layer_norm("layer_norm1", x, config.layer_norm_eps)));
  x = m.b.add(x, mlp(m, config, m.layer_norm("layer_norm2", x, config.layer_norm_eps)));
  return m.b.mark(x);
}

ValueId encode(ModuleBuilder& m, const ClipTextConfig& config, int64_t layers, ValueId x) {
  const auto scope = m.b.scope("encoder");
  m.b.mark("hidden_state.0", x);
  for (int64_t i = 0; i < layers; ++i) {
    const auto inner = m.b.scope(fmt::format("layers.{}", i));
    x = m.b.mark(fmt::format("hidden_state.{}", i + 1), layer(m, config, x));
  }
  return m.b.mark(x);
}

// The place of the first end token in each row, i64 [batch]; 0 where there is none. Configs with an
// eos_token_id of 2 are of a time when it was wrong, and mean the largest id (transformers'
// CLIPTextModel).
ValueId end_position(graph::GraphBuilder& b, const ClipTextConfig& config, ValueId ids) {
  if (config.eos_token_id == 2) return b.argmax(ids, 1);
  const ValueId is_end =
      b.equal(ids, b.scalar(static_cast<double>(config.eos_token_id), DType::i32));
  return b.argmax(b.cast(is_end, DType::i32), 1);
}

ValueId row_starts(graph::GraphBuilder& b, int64_t batch, int64_t tokens) {
  std::vector<int64_t> starts(batch);
  for (int64_t i = 0; i < batch; ++i) starts[i] = i * tokens;
  return b.literal(Tensor::of<int64_t>(DType::i64, {batch}, starts));
}

ValueId pool(graph::GraphBuilder& b, const ClipTextConfig& config, ValueId ids, ValueId hidden) {
  const int64_t batch = b.shape(hidden)[0], tokens = b.shape(hidden)[1];
  const ValueId rows = b.reshape(hidden, {batch * tokens, config.hidden_size});
  return b.gather(rows, b.add(end_position(b, config, ids), row_starts(b, batch, tokens)));
}

}  // namespace

Result<ComponentGraph> build_text_encoder(const ClipTextConfig& config, const Weights& weights,
                                          const ComponentSize& size) {
  TRY(check_tokens(size));
  if (size.tokens > config.max_position_embeddings)
    return error(ErrorCode::invalid_argument,
                 "{} tokens do not fit this text encoder, which takes up to {}", size.tokens,
                 config.max_position_embeddings);
  if (size.clip_skip < 1 || size.clip_skip > config.num_hidden_layers)
    return error(ErrorCode::invalid_argument,
                 "clip skip {} is not within 1 to this text encoder's {} layers", size.clip_skip,
                 config.num_hidden_layers);
  ModuleBuilder m(weights);
  const ValueId ids =
      m.b.input("input_ids", DType::i32, {size.batch, size.tokens}, graph::Rate::prompt);
  const ValueId added = size.added_tokens == 0 ? kAbsent
                                               : m.b.input("added_embeddings", DType::f32,
                                                           {size.added_tokens, config.hidden_size},
                                                           graph::Rate::prompt);
  const ValueId x = encode(m, config, config.num_hidden_layers - size.clip_skip + 1,
                           embed(m, config, ids, added));
  const ValueId hidden = m.layer_norm("final_layer_norm", x, config.layer_norm_eps);
  m.b.output("last_hidden_state", hidden);
  m.b.output("pooler_output", pool(m.b, config, ids, hidden));
  return std::move(m).finish();
}

}  // namespace tempera::frontend
