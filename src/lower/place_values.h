#pragma once

#include <vector>

#include "base/target.h"
#include "graph/passes/fuse.h"
#include "lower/program.h"
#include "runtime/plan.h"

namespace tempera::lower {

// Where every value that crosses a group's border lives, and every temporary: the memory plan of a
// whole component.
struct Placement {
  std::vector<runtime::Binding> values;  // by ValueId of the whole graph
  std::vector<std::vector<runtime::Binding>>
      temporaries;  // by group, then by the program's temporary
  int64_t state_bytes = 0, arena_bytes = 0, live_bytes = 0;
  std::vector<bool> aliased;  // by group: an output took an input's place
};

// The stage in which a group of this rate runs.
runtime::Stage stage_of(graph::Rate rate);

// `values` come in with the places that are given from outside (inputs, outputs, weights, packed,
// constants) already set and are otherwise default; `fixed` says which. The rest goes to the state
// region if a later stage than its own reads it, else into the arena, in place of a dead input
// where the program allows it.
Placement place_values(const graph::Graph& graph, const std::vector<graph::Group>& groups,
                       const std::vector<const Program*>& programs,
                       std::vector<runtime::Binding> values, const std::vector<bool>& fixed,
                       const Target& target);

}  // namespace tempera::lower
