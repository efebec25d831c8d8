#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "graph/passes/fuse.h"
#include "graph/passes/precision.h"

namespace tempera::graph {

struct PassOptions {
  Precision precision;
  std::string dump_after;  // the name of a pass, "build" (the graph as given) or "fuse"
  bool time = false;       // a log line for each pass
  // Called with the graph after each pass, and before the first with the name "build".
  std::function<void(std::string_view pass, const Graph&)> watch = {};
  // verify() after each pass; a fault is our bug and fails a CHECK.
  bool verify =
#ifdef TEMPERA_VERIFY
      true;
#else
      false;
#endif
};

// What a pass may need beside the graph.
struct PassContext {
  const FuseRules& rules;
  const PassOptions& options;
};

struct Pass {
  std::string_view name;
  Graph (*run)(const Graph&) = nullptr;  // one of the two
  Graph (*run_with)(const Graph&, const PassContext&) = nullptr;
};

// The passes in their order; the table in pipeline.cpp says why. `fuse` comes after them.
std::span<const Pass> pass_table();

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
