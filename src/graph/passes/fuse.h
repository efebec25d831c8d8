#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace tempera::graph {

// Partitions a graph into groups, each of which becomes one kernel (or a few). The last pass; needs
// layouts.
//
// A group has at most one anchor: a contraction, attention, normalisation or reduction. Around it:
//  - the epilogue: element-wise nodes (and reshapes and transposes on the way to them) that follow
//  the anchor element for
//    element, reading other values with broadcasting: bias, residual, gates. A value that is needed
//    elsewhere too is one more output of the group.
//    The halves of a matmul's columns may be sliced apart there, if they meet again (a gated unit)
//    and FuseRules lets them.
//  - the prologue: views and element-wise nodes computed on the way in, where FuseRules lets that
//  input take them, and concats of a few pieces, where it lets that input choose the piece of each
//  element. They
//    are recomputed in every group that reads them, so only what is cheap enough for its number of
//    readers goes there. Moments of the rows of a matmul's first operand go there too, if that
//    matmul alone needs them and FuseRules lets it: a layer norm is then no group of its own.
//  - the channel_moments of a value of the epilogue, where FuseRules lets the anchor make them
//  while it
//    stores; and in the prologue a group_norm_affine, where FuseRules lets the first operand take
//    it.
// A group without anchor is element-wise work with views on its inputs, or a movement (concat, pad,
// gather, or a view that must lie in memory). A group's nodes are all of one rate, but for what is
// done on a weight operand (input 1 of a contraction, input 0 of gather): weights are packed once,
// so any element-wise node, concat and pad of rate load belongs to its prologue; and for views.
// Casts between f32 and 16 bits of what is computed (not of weights) decide what lies in memory:
// a widening one is done by each reader, like a view; a narrowing one stays with the work before
// it.

// What an anchor's or movement's input can absorb, from least to most.
enum class Takes {
  nothing,      // a plain tensor
  views,        // reshape, transpose, slice, broadcast_to, upsample_nearest: maps of indices
  elementwise,  // also cheap element-wise work that may be done more than once an element
  staged,       // also work that is done once an element: exp, erf, division
};

struct FuseRules {
  std::function<Takes(Op op, int input)> takes;
  // True if this matmul makes the moments of its first operand's rows itself.
  std::function<bool(const Graph& graph, const Node& matmul)> takes_row_moments =
      [](const Graph&, const Node&) { return false; };
  // True if this contraction makes the channel_moments of what it stores itself.
  std::function<bool(const Graph& graph, const Node& contraction)> makes_channel_moments =
      [](const Graph&, const Node&) { return false; };
  // True if this contraction makes the group_norm_affine of its first operand itself.
  std::function<bool(const Graph& graph, const Node& contraction)> takes_group_affine =
      [](const Graph&, const Node&) { return false; };
  // True if this matmul can give both halves of its columns to its epilogue at once.
  std::function<bool(const Graph& graph, const Node& matmul)> takes_halves =
      [](const Graph&, const Node&) { return false; };
  // Whether that input reads pieces of a concat, or pads of weights, where they lie; empty: none.
  std::function<bool(Op op, int input)> joins = {};
};
// 0 or 1 if the node is a slice of the first or second half of its operand's last dimension, and
// all of the others.
std::optional<int> half_of_columns(const Graph& graph, const Node& node);

// Views into everything, staged work into weight operands, element-wise work into movements.
FuseRules default_fuse_rules();

struct Group {
  Graph body;          // self-contained; inputs "i0".. in the order of first use, outputs "o0"..
  NodeId anchor = -1;  // in body; -1: none
  // Values of the whole graph, in the order of the body's inputs and outputs. An input is a graph
  // input, another group's output, or a literal of more than one element
  // (scalars are inside the body).
  std::vector<ValueId> inputs, outputs;
  std::vector<std::string> origin;
  Rate rate = Rate::constant;
  // Of the body's inputs and outputs that are channel_moments: how many parts of the places they
  // are kept of in memory, as [image][part][count, mean, squares][channel]. Not given: 1.
  std::map<ValueId, int64_t> parts = {};

  int64_t parts_of(ValueId value) const {
    const auto at = parts.find(value);
    return at == parts.end() ? 1 : at->second;
  }
  // What a value of the body takes in memory.
  int64_t bytes_of(ValueId value) const {
    const Value& v = body.value(value);
    return element_count(v.shape) * size_in_bytes(v.dtype) * parts_of(value);
  }
};

// The groups in an order in which each runs after those it reads. Graph outputs that are themselves
// a graph input or a literal belong to no group.
std::vector<Group> fuse(const Graph& graph, const FuseRules& rules);

// Canonical text of a group's work: equal groups have equal keys.
std::string workload_key(const Group& group);
// All groups as text, for --dump-after fuse.
std::string print_groups(const Graph& graph, const std::vector<Group>& groups);

}  // namespace tempera::graph
