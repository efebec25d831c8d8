#pragma once

#include "frontend/checkpoint/clip_text_config.h"
#include "frontend/checkpoint/weights.h"
#include "frontend/models/component_graph.h"

namespace tempera::frontend {

// Input `input_ids` i32 [batch, tokens] of rate prompt, each in 0 to vocab_size - 1 (not checked by
// the graph); with size.added_tokens n, ids up to vocab_size + n - 1 are the rows of the input
// `added_embeddings` f32 [n, hidden]. Outputs `last_hidden_state` f32 [batch, tokens, hidden] after
// the final norm, and `pooler_output` f32 [batch, hidden]: its row at the first end token. Marks
// also hold `hidden_state.i`, before the final norm, which with clip_skip n follows the n-th layer
// from the end. invalid_argument: more tokens than the model has positions, fewer layers than
// clip_skip. data_loss: weights that the config contradicts.
Result<ComponentGraph> build_text_encoder(const ClipTextConfig& config, const Weights& weights,
                                          const ComponentSize& size);

}  // namespace tempera::frontend
