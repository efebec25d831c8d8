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

// What a program costs, for the choice between schedules.
struct Estimate {
  double cycles = 0;         // of the busiest core, a run of the main launches
  int64_t packed_bytes = 0;  // of its packed weights
};

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
  // Null where no other row competes for the group.
  Estimate (*estimate)(const graph::Group&, const Target&, const kernel::Config&) = nullptr;
  // In how many parts (graph::Group::parts) the program makes the channel_moments among the group's
  // outputs, if it has any; null where it never has.
  int64_t (*moment_parts)(const graph::Group&, const Target&, const kernel::Config&) = nullptr;
};

// The one table, in order of preference: a group goes to the first row that accepts it, but among
// rows with estimates to the fastest (default_choice).
std::span<const Schedule> schedules();
const Schedule* find_schedule(std::string_view name);

}  // namespace tempera::lower
