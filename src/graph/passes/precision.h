#pragma once

#include "graph/passes/fuse.h"

namespace tempera::graph {

// In which dtypes a model of f32 values is computed. Sums of products are f32 always (see matmul in
// op.def), and so is everything on small values: statistics of norms, their scale and shift, time
// embeddings. Graph inputs and outputs keep their dtypes.
struct Precision {
  DType arithmetic = DType::f32;  // of products of large values: f32, bf16 or f16
  DType storage = DType::f32;     // of large values that lie in memory between groups: the same
  // Of the weights multiplied with large values: `arithmetic`; or bf16 or f16, widened to f32
  // products; or i8 with scales, see quantize.h.
  DType weights = DType::f32;

  bool operator==(const Precision&) const = default;
};

// A value of more than two dimensions that extends along the last one: images and sequences are,
// what is known of a whole picture, a channel or a token is not.
bool is_large(const Value& value);

// Casts the operands of contractions and attention over large values. Contractions give f32.
// Other contractions keep weights as narrow as they are stored, which loses nothing; so do those in
// f32 that wait for their weights more than for anything else.
Graph narrow_operands(const Graph& graph, const Precision& precision);

// Rounds every large f32 value that fuse() would store between groups (by these rules) to
// `precision.storage` and widens it again for its readers in other groups. Work in between stays
// f32. Widening casts move behind movements, which then move narrow elements.
Graph narrow_storage(const Graph& graph, const Precision& precision, const FuseRules& rules);

}  // namespace tempera::graph
