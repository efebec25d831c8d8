#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "graph/graph.h"

namespace tempera::graph {

// The text form: one line a graph input, node and output, in the order of their making.
//
//   graph {
//     %0 = input "sample" f32[2,4,64,64] @step
//     %1 = input "conv_in.weight" f32[320,4,3,3] @load
//     %2 = conv(%0, %1) {pads=[1,1,1,1]} : f32[2,320,64,64] layout(0,2,3,1)  # conv_in
//     %3 = literal f32[] {0.5}
//     %4 = mul(%2, %3) : f32[2,320,64,64] layout(0,2,3,1)  # down_blocks.0, down_blocks.1
//     output "sample" %4
//   }
//
// `_` stands for an optional input that is not given; attributes equal to their default are left
// out; a literal whose elements are all equal shows one. Floats are the shortest that read back the
// same (a NaN's payload is lost).

struct PrintOptions {
  bool origins = true;
  bool names = true;           // of graph inputs and outputs
  int64_t literal_limit = -1;  // longer literals show "..." and no longer parse; -1: all are shown
};

// Deterministic: equal graphs have equal text, and parse(print(g)) prints the same. Without origins
// and names it is the canonical text that names a workload.
std::string print(const Graph& graph, const PrintOptions& options = {});
// {axis=1, sizes=[2,3]} with a blank before it; nothing for none.
std::string print(const Attributes& attributes);

// Reads the text form. More is accepted than printed: value names may be any %word, the type after
// ':' may be left out (it is checked where given), `//` starts a comment. Errors are
// invalid_argument with the line's number.
Result<Graph> parse(std::string_view text);

}  // namespace tempera::graph
