#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "base/target.h"
#include "graph/passes/fuse.h"
#include "kernel/kernel.h"
#include "lower/program.h"

namespace tempera::lower {

// One way to compute a group. A schedule knows its anchor; element-wise and movement work around it
// reaches it as expressions through GroupAccess. Group bodies are static, so that all extents below
// are numbers.
struct Schedule {
  std::string_view name;
  std::string_view doc;  // one line: what it does and when it is good
  bool (*accepts)(const graph::Group&, const Target&);
  // Legal configs, best guess first by an analytic ranking; never empty for an accepted group.
  std::vector<kernel::Config> (*space)(const graph::Group&, const Target&);
  Result<Program> (*build)(const graph::Group&, const Target&, const kernel::Config&);
};

// The one table, in order of preference: a group goes to the first row that accepts it.
std::span<const Schedule> schedules();
const Schedule* find_schedule(std::string_view name);

}  // namespace tempera::lower
