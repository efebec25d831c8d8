#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "graph/passes/fuse.h"

namespace tempera::graph {

struct Pass {
  std::string_view name;
  Graph (*run)(const Graph&);
};

// The passes in their order; the table in pipeline.cpp says why. `fuse` comes after them.
std::span<const Pass> pass_table();

struct PassOptions {
  std::string dump_after;  // the name of a pass, "build" (the graph as given) or "fuse"
  bool time = false;       // a log line for each pass
  // verify() after each pass; a fault is our bug and fails a CHECK.
  bool verify =
#ifdef TEMPERA_VERIFY
      true;
#else
      false;
#endif
};

struct Fused {
  Graph graph;
  std::vector<Group> groups;
  std::string
      dump;  // the text asked for; for a pass that stands in the table twice, after its last run
};

// Runs all passes. invalid_argument if dump_after names none.
Result<Fused> run_passes(const Graph& graph, const FuseRules& rules,
                         const PassOptions& options = {});

}  // namespace tempera::graph
